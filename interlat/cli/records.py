"""What commands do with episodes: keep them or not, show how far they are, write what they came to. Knows no settings."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from interlat.cli.terminal import table_console
from interlat.evaluation.conditions import Condition
from interlat.evaluation.episodes import EpisodeRecord, EpisodeStore
from interlat.evaluation.provenance import commit
from interlat.evaluation.results import results_of, write_results
from interlat.exclusive import exclusive


class Unkept:
    """Episodes that are shown and forgotten: what a store is where no folder is named."""

    def __init__(self) -> None:
        self.records: list[EpisodeRecord] = []
        self.keys: set[tuple[str, int, str]] = set()

    def append(self, record: EpisodeRecord) -> None:
        """Remember an episode until the tables are shown."""
        self.records.append(record)
        self.keys.add(record.key)


@contextmanager
def open_store(folder: Path | None, identity: Mapping[str, Any], resume: bool) -> Iterator[Unkept | EpisodeStore]:
    """The episodes of a folder, held for this process alone, or of none.

    Raises:
        EpisodesMismatch: if the folder holds episodes that are not to be gone on with.
        FolderInUse: if another process is writing into it.
    """
    if folder is None:
        yield Unkept()
    else:
        with exclusive(folder):
            yield EpisodeStore(folder, identity, resume)


def with_progress(
    episodes: Iterable[EpisodeRecord], num_wanted: int, num_there: int, doing: str = "playing"
) -> Iterator[EpisodeRecord]:
    """The episodes, with a bar on a terminal's stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(doing, total=num_wanted, completed=num_there)
        for record in episodes:
            progress.update(bar, advance=1, description=record.condition)
            yield record


def in_order(records: Sequence[EpisodeRecord], conditions: Sequence[Condition]) -> list[EpisodeRecord]:
    """The records condition by condition as they were asked for, whatever was played first; what nobody asked for comes last.

    A folder that was gone on with holds them in the order of its commands, and the first condition is what others are compared with.
    """
    places = {condition.name: place for place, condition in enumerate(conditions)}
    return sorted(records, key=lambda record: places.get(record.condition, len(places)))


def keep_results(
    folder: Path | None, records: Sequence[EpisodeRecord], identity: Mapping[str, Any], arguments: Sequence[str]
) -> None:
    """Write ``results.json`` and say where it is, or that nothing was kept."""
    console = table_console()
    if folder is None:
        console.print("Nothing was kept; --out DIR keeps episodes.jsonl and results.json.")
        return
    command = shlex.join(["interlat-eval", *arguments])
    path = write_results(folder, results_of(records, identity, command, commit()))
    console.print(f"Kept in {path.parent}: {path.name}, episodes.jsonl", soft_wrap=True, highlight=False)
