"""`python -m alfworld_env.parity`: compare the native engine with TextWorld and print every difference.

`python -m alfworld_env.parity report FILE` prints what a file made with --out holds, as Markdown.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import Split
from alfworld_env.household.game import Rooms
from alfworld_env.parity.jobs import compare_games
from alfworld_env.parity.records import GameRecord, RecordFile, open_records, read_records
from alfworld_env.parity.report import markdown, terminal_table
from alfworld_env.parity.selection import Selected, parse_counts, select_games

DEFAULT_GAMES = ["20"]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where the engines agree, 1 where they differ, 2 where they cannot be compared."""
    arguments = sys.argv[1:] if arguments is None else arguments
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        return _report(arguments[1:], console) if arguments[:1] == ["report"] else _compare(arguments, console)
    except AlfworldEnvError as error:
        console.print(str(error))
    except BrokenProcessPool:
        console.print(
            "a process ended by itself (killed, or out of memory); run the same command again, with fewer --jobs"
        )
    return 2


def _report(arguments: Sequence[str], console: Console) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m alfworld_env.parity report", description="Print records as Markdown."
    )
    parser.add_argument("file", type=Path, help="made with --out")
    records = read_records(parser.parse_args(arguments).file)
    if not records:
        console.print("the file holds no record yet")
        return 2
    console.print(markdown(records))
    return int(any(record.differences for record in records))


def _compare(arguments: Sequence[str], console: Console) -> int:
    options = _options(arguments)
    selected = select_games(
        options.counts, options.splits or get_args(Split), options.household, options.seed, options.rooms
    )
    opened: AbstractContextManager[tuple[list[GameRecord], RecordFile | None]] = nullcontext(([], None))
    if options.out:
        opened = open_records(options.out, options.steps, options.seed)
    with opened as (done, file):
        wanted = {(one.kind, one.game.game_id) for one in selected}
        records = [record for record in done if record.key in wanted]
        known = {record.key for record in records}
        left = [one for one in selected if (one.kind, one.game.game_id) not in known]
        if records:
            console.print(f"{len(records)} of {len(selected)} games are in {options.out} already; {len(left)} are left")
        records += _run(left, records, file, options, console)
    console.print(terminal_table(records))
    found = sum(len(record.differences) for record in records)
    console.print(f"{len(records)} games, walkthrough and {options.steps} random steps each: {found} differences")
    return int(found > 0)


def _run(
    left: Sequence[Selected],
    done: Iterable[GameRecord],
    file: RecordFile | None,
    options: argparse.Namespace,
    console: Console,
) -> list[GameRecord]:
    records: list[GameRecord] = []
    found = 0
    for record in done:
        found += _told(record, console)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("games", total=len(left))
        for record in compare_games(left, options.steps, options.seed, options.jobs):
            if file is not None:
                file.append(record)
            records.append(record)
            found += _told(record, console)
            progress.update(bar, advance=1, description=f"games ({found} differences)")
    return records


def _told(record: GameRecord, console: Console) -> int:
    for difference in record.differences:
        console.print(f"{record.game_id}: {difference}")
    return len(record.differences)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m alfworld_env.parity",
        description="Compare the native engine with TextWorld: each game's walkthrough, then a seeded random walk.",
        epilog="`python -m alfworld_env.parity report FILE` prints the records of --out FILE as Markdown.",
    )
    parser.add_argument(
        "--games",
        nargs="+",
        default=DEFAULT_GAMES,
        metavar="N",
        help="ALFWorld's games: one number, drawn from --splits together, or for each split as in: seen=all train=200",
    )
    parser.add_argument("--splits", nargs="+", choices=get_args(Split), help="for one number; all by default")
    parser.add_argument(
        "--household", type=int, default=0, metavar="N", help="household games of each kind of --rooms, of split unseen"
    )
    parser.add_argument("--rooms", nargs="+", choices=get_args(Rooms), default=["small"], help="(default: small)")
    parser.add_argument("--steps", type=int, default=60, help="random steps in each game, after its walkthrough")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing of games and of the walks")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="records, one line a game; the same command goes on from it"
    )
    options = parser.parse_args(arguments)
    for name, least in (("household", 0), ("steps", 0), ("jobs", 1)):
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}, got {getattr(options, name)}")
    try:
        options.counts = parse_counts(options.games)
    except ValueError as error:
        parser.error(f"--games: {error}")
    if options.splits and not isinstance(options.counts, int):
        parser.error("--splits goes with one number of --games; here --games names the splits itself")
    return options


if __name__ == "__main__":
    sys.exit(main())
