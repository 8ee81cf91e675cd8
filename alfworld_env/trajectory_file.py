"""Recorded games as JSON lines, one game each, with or without thoughts; knows nothing of who plays or learns."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeAlias

from alfworld_env.atomic_file import replacing
from alfworld_env.errors import AlfworldEnvError, GameDataNotFound
from alfworld_env.trajectories import Trajectory, Turn

Form: TypeAlias = Literal["react", "action"]


class InvalidTrajectory(AlfworldEnvError, ValueError):  # noqa: N818
    """A recorded game that is not in the form it should be in."""


def write_trajectories(trajectories: Iterable[Trajectory], path: Path | str, form: Form = "react") -> None:
    """Write games as they come; the file appears whole or not at all.

    Args:
        trajectories: The games.
        path: The file, one JSON object a line with the attributes of `Trajectory`.
        form: "react" keeps a thought with each action, "action" leaves it out.
    """
    with replacing(Path(path)) as file:
        for trajectory in trajectories:
            file.write(f"{json.dumps(_row(trajectory, form), ensure_ascii=False)}\n".encode())


def read_trajectories(path: Path | str) -> Iterator[Trajectory]:
    """Read games back, one at a time; thoughts that were left out are empty.

    Raises:
        GameDataNotFound: There is no such file.
        InvalidTrajectory: A line is not a recorded game; the message has its number.
    """
    path = Path(path)
    if not path.is_file():
        raise GameDataNotFound(f"no file of recorded games at {path}; make one with `interlat-data record`")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                fields: dict[str, Any] = json.loads(line)
                turns = tuple(
                    Turn(turn.get("thought", ""), turn["action"], turn["observation"]) for turn in fields["turns"]
                )
                yield Trajectory(**{**fields, "turns": turns})
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidTrajectory(
                    f"line {number} of {path} is not a recorded game ({error!r}); record the games again"
                ) from error


def _row(trajectory: Trajectory, form: Form) -> dict[str, Any]:
    row = asdict(trajectory)
    if form == "action":
        row["turns"] = [{"action": turn.action, "observation": turn.observation} for turn in trajectory.turns]
    return row
