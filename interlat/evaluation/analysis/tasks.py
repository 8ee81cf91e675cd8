"""Games as the analyses take them: what is recorded of each, and what its goal asks for. Knows no model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlat.data.trajectories import TaskRecord, record_games
from interlat.errors import InvalidSetting

LABELS = ("object", "receptacle", "task type", "source")
_TAKEN = re.compile(r"take .+ from (.+) \d+")


@dataclass(frozen=True)
class Task:
    """One game.

    Args:
        record: what training would keep of it; the walkthrough is how to act on a plan.
        object: kind of the object that the goal names.
        receptacle: kind of the receptacle that the goal names; of the lamp, where the object has to be looked at.
        source: kind of the receptacle that the walkthrough takes the object from first. The goal does not name it: only a
            sender that sees the house can know it.
    """

    record: TaskRecord
    object: str
    receptacle: str
    source: str

    def label(self, name: str) -> str:
        """One of ``LABELS``."""
        labels = (self.object, self.receptacle, self.record.task_type, self.source)
        return dict(zip(LABELS, labels, strict=True))[name]


def tasks_of(games: Sequence[Any], seed: int) -> list[Task]:
    """Read the games and play each by its walkthrough; labels come from the goal that wins the game.

    Args:
        games: of ``alfworld_env``.
        seed: of the wording of thoughts.

    Raises:
        InvalidSetting: if a walkthrough takes nothing.
    """
    records = record_games(games, max_explore_steps=1, seed=seed)  # the exploring expert is not needed here
    return [_task(game, record) for game, record in zip(games, records, strict=True)]


def _task(game: Any, record: TaskRecord) -> Task:
    from alfworld_env.problem import parse_problem

    goal = parse_problem(game.load().problem).goal
    taken = next(filter(None, map(_TAKEN.fullmatch, record.walkthrough)), None)
    if taken is None:
        raise InvalidSetting(
            f"wanted a walkthrough that takes something, got {record.walkthrough} for '{record.game_id}'; leave that game out"
        )
    receptacle = goal.receptacle_type or goal.lamp_type or ""
    return Task(record, _kind(goal.object_type), _kind(receptacle), taken[1])


def _kind(type_name: str) -> str:
    """``mug`` of ``mugtype``, as problems write it."""
    return type_name.removesuffix("type")
