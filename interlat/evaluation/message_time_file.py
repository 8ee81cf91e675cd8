"""How long messages take to make, as a file beside an evaluation: measured apart, read by tables. Knows no model.

message_time.json    the machine, and for each condition one measurement a batch size
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlat.errors import InterlatError

MESSAGE_TIME_FILE = "message_time.json"


class MessageTimeMismatch(InterlatError, ValueError):  # noqa: N818  # named after what is wrong, as all errors here
    """Raised when a file of message times cannot be read."""


@dataclass(frozen=True)
class MessageTime:
    """Time to produce messages, by the sender alone and warm.

    Args:
        batch_size: messages made at once.
        repeats: measurements; warm-up calls are none of them.
        seconds: median time of a batch, from the prompt's text to the latents.
        low: first quartile over the repeats, seconds.
        high: third quartile, seconds.
        latents: mean length of the messages made.
    """

    batch_size: int
    repeats: int
    seconds: float
    low: float
    high: float
    latents: float

    @property
    def seconds_a_message(self) -> float:
        """The batch's time shared equally."""
        return self.seconds / self.batch_size


def write_message_times(folder: Path, times: Mapping[str, Sequence[MessageTime]], machine: Mapping[str, Any]) -> Path:
    """Keep measurements of one run folder's conditions; those of other conditions on the same machine stay.

    Args:
        folder: of the evaluation.
        times: by condition.
        machine: where they were measured; times of another machine are dropped, as they cannot be compared.
    """
    path = folder / MESSAGE_TIME_FILE
    kept = {name: [asdict(of) for of in each] for name, each in times.items()}
    if path.exists():
        there = _read(path)
        if there["machine"] == dict(machine):
            kept = {**there["conditions"], **kept}
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"machine": dict(machine), "conditions": kept}, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    return path


def read_message_times(folder: Path, machine: Mapping[str, Any] | None = None) -> dict[str, tuple[MessageTime, ...]]:
    """Measurements by condition; none where none were made.

    Args:
        folder: of the evaluation.
        machine: leave out those of any other; None takes all.

    Raises:
        MessageTimeMismatch: if the file cannot be read.
    """
    path = folder / MESSAGE_TIME_FILE
    if not path.exists():
        return {}
    content = _read(path)
    if machine is not None and content["machine"] != dict(machine):
        return {}
    try:
        return {name: tuple(MessageTime(**of) for of in each) for name, each in content["conditions"].items()}
    except (AttributeError, TypeError) as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"machine": content["machine"], "conditions": content["conditions"]}
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> MessageTimeMismatch:
    return MessageTimeMismatch(
        f"wanted message times in {path}, but it cannot be read ({type(error).__name__}: {error}); delete it and measure again"
    )
