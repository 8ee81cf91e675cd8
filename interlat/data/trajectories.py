"""What is recorded of each game for training: the task, where things are, and how to solve it with and without a guide.

Kept as JSON lines. Knows nothing of models; games are reached through the recorder it is given.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlat.errors import GameDataNotFound

Turns = tuple[tuple[str, str, str], ...]
"""(thought, action, observation after it) for each step."""


@dataclass(frozen=True)
class TaskRecord:
    """One game as training needs it.

    Args:
        game_id: identity of the game.
        task_type: one of the six.
        opening: first observation with the task, banner left out.
        house: where things are, in words; what ``view: house`` adds. Empty for a problem.
        walkthrough: commands that solve the game; of a problem, the sentences of a plan where one is known.
        guided: how to act on a plan, with thoughts and observations: the walkthrough, or how somebody else played.
        explored: an expert that had to search; empty if it did not finish within the step cap.
    """

    game_id: str
    task_type: str
    opening: str
    house: str
    walkthrough: tuple[str, ...]
    guided: Turns
    explored: Turns


def record_games(
    games: Sequence[Any], max_explore_steps: int, seed: int, shown: Mapping[str, Turns] | None = None
) -> Iterator[TaskRecord]:
    """Play every game by its walkthrough and by the exploring expert.

    Args:
        games: the games.
        max_explore_steps: step cap of the expert.
        seed: of the expert and of wording.
        shown: how others have played games, by game id; learned from in place of the walkthrough.
    """
    from alfworld_env import house_view, record_expert, record_walkthrough

    for game in games:
        guided = record_walkthrough(game, seed)
        explored = record_expert(game, seed, max_explore_steps)
        yield TaskRecord(
            game.game_id,
            str(game.task_type),
            guided.opening,
            house_view(game),
            tuple(turn.action for turn in guided.turns),
            (shown or {}).get(game.game_id)
            or tuple((turn.thought, turn.action, turn.observation) for turn in guided.turns),
            tuple((turn.thought, turn.action, turn.observation) for turn in explored.turns) if explored.won else (),
        )


def save_records(records: Iterable[TaskRecord], path: Path) -> None:
    """Write records as JSON lines; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)
    os.replace(partial, path)


def load_records(path: Path) -> list[TaskRecord]:
    """Read records back.

    Raises:
        GameDataNotFound: if there is no such file or a line is not a record.
    """
    if not path.is_file():
        raise GameDataNotFound(
            f"wanted recorded trajectories at '{path}', but there is no such file; run the recipe's prepare step again"
        )
    with path.open(encoding="utf-8") as file:
        return [_record(line, number, path) for number, line in enumerate(file, start=1)]


def _record(line: str, number: int, path: Path) -> TaskRecord:
    try:
        fields = json.loads(line)
        return TaskRecord(
            fields["game_id"],
            fields["task_type"],
            fields["opening"],
            fields["house"],
            tuple(fields["walkthrough"]),
            _turns(fields["guided"]),
            _turns(fields["explored"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GameDataNotFound(
            f"line {number} of '{path}' is not a trajectory record ({error!r}); delete the file and run the recipe's prepare step again"
        ) from error


def _turns(rows: list[list[str]]) -> Turns:
    return tuple((thought, action, observation) for thought, action, observation in rows)
