"""What was compared, game by game, in a file that a stopped run goes on from; knows no engine."""

import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from io import BufferedRandom
from pathlib import Path
from typing import Any

from alfworld_env.errors import AlfworldEnvError

_PACKAGES = ("textworld", "alfworld", "fast-downward-textworld")


class RecordsUnusable(AlfworldEnvError, ValueError):  # noqa: N818
    """A file of records that is damaged, or of another run."""


@dataclass(frozen=True)
class GameRecord:
    """What comparing one game found, and how it was compared.

    Attributes:
        kind: The split, or "household".
        game_id: The game's name.
        task_type: The kind of task.
        steps: Length of the random walk that was asked for.
        seed: What the random walk was seeded with, beside the game's name.
        walkthrough_steps: Commands of the walkthrough that were compared.
        random_steps: Commands of the random walk that were compared.
        verbs: How often each verb was carried out; "refused" counts what was not admissible.
        differences: One line for each thing that differed.
        seconds: How long comparing took, on the wall clock.
        versions: Of Python and of the packages of the reference engine.
    """

    kind: str
    game_id: str
    task_type: str
    steps: int
    seed: int
    walkthrough_steps: int
    random_steps: int
    verbs: dict[str, int]
    differences: list[str]
    seconds: float
    versions: dict[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """What tells games of one run apart."""
        return self.kind, self.game_id


def versions() -> dict[str, str]:
    """Of Python and of the packages of the reference engine, where installed."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def read_records(path: Path) -> list[GameRecord]:
    """The records of a file, without a last line that was cut short.

    Raises:
        RecordsUnusable: There is no such file, or a line other than the last is no record.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordsUnusable(f"wanted a file of records made with --out, got {path} ({error})") from error
    return list(_parsed(content[: _whole(content)].decode("utf-8", "replace").splitlines(), path))


class RecordFile:
    """Appends records, each safe on the disk before the next is made."""

    def __init__(self, file: BufferedRandom) -> None:
        self._file = file

    def append(self, record: GameRecord) -> None:
        """Write one record and wait until the disk has it."""
        self._file.write(json.dumps(asdict(record), ensure_ascii=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def open_records(path: Path, steps: int, seed: int) -> Iterator[tuple[list[GameRecord], RecordFile | None]]:
    """Open a file to go on from: what it holds already, and where to append. A last line cut short is dropped.

    Raises:
        RecordsUnusable: The file is damaged, or holds records with other `steps` or another `seed`.
    """
    try:
        path.touch()
    except OSError as error:
        raise RecordsUnusable(f"wanted to write records to {path}, but {error}") from error
    done = read_records(path)
    others = {(record.steps, record.seed) for record in done} - {(steps, seed)}
    if others:
        wanted, found = (
            f"--steps {steps} --seed {seed}",
            " and ".join(f"--steps {n} --seed {s}" for n, s in sorted(others)),
        )
        raise RecordsUnusable(f"wanted records with {wanted}, {path} has some with {found}; give --out another file")
    with path.open("r+b") as file:
        file.truncate(_whole(path.read_bytes()))
        file.seek(0, os.SEEK_END)
        yield done, RecordFile(file)


def _whole(content: bytes) -> int:
    """Length of the part that ends with a line break."""
    return content.rfind(b"\n") + 1


def _parsed(lines: Iterable[str], path: Path) -> Iterator[GameRecord]:
    for number, line in enumerate(lines, start=1):
        try:
            fields: Any = json.loads(line)
            yield GameRecord(**fields)
        except (TypeError, ValueError) as error:
            raise RecordsUnusable(
                f"line {number} of {path} is no record ({error}); mend it or start another file"
            ) from error
