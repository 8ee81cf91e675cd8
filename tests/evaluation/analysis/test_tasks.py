"""Labels come from the goal; the task sentence, which another part of the code writes, says the same."""

from collections.abc import Sequence
from typing import Any

import pytest

from alfworld_env import household_games, list_games
from alfworld_env.task_sentence import parse_task
from interlat.errors import InvalidSetting
from interlat.evaluation.analysis.tasks import LABELS, Task, tasks_of


def _check(games: Sequence[Any]) -> list[Task]:
    tasks = tasks_of(games, seed=0)
    for game, task in zip(games, tasks, strict=True):
        assignment = parse_task(game.load().task)
        assert (task.object, task.receptacle) == (assignment.thing, assignment.target)
        taken = next(command for command in task.record.walkthrough if command.startswith("take "))
        assert taken.startswith(f"take {task.object} ")
        assert taken.rsplit(" ", 1)[0].endswith(f" from {task.source}")
        assert [task.label(name) for name in LABELS] == [
            task.object,
            task.receptacle,
            str(game.task_type),
            task.source,
        ]
    return tasks


@pytest.mark.parametrize("rooms", ["small", "measured"])
def test_labels_of_household_games(rooms: Any):
    tasks = _check(household_games("unseen", 12, rooms=rooms))
    assert len({task.record.task_type for task in tasks}) == 6
    assert {task.receptacle for task in tasks if task.record.task_type == "look_at_obj_in_light"} <= {
        "desklamp",
        "floorlamp",
    }


@pytest.mark.alfworld
def test_labels_of_alfworld_games():
    """ALFWorld's folders name object and receptacle, too."""
    games = list_games("unseen")[::9]
    for game, task in zip(games, _check(games), strict=True):
        named = game.game_id.split("/")[1].lower().split("-")
        assert named[1] == task.object
        if task.record.task_type != "look_at_obj_in_light":
            assert named[3] == task.receptacle


def test_a_game_in_which_nothing_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch):
    from dataclasses import replace

    from interlat.evaluation.analysis import tasks

    def idle(*arguments: Any, **settings: Any) -> Any:
        yield replace(record, walkthrough=("look",))

    games = household_games("unseen", 1)
    record = tasks_of(games, seed=0)[0].record
    monkeypatch.setattr(tasks, "record_games", idle)
    with pytest.raises(InvalidSetting, match=r"wanted a walkthrough that takes something, got \('look',\)"):
        tasks_of(games, seed=0)
