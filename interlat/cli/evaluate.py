"""`interlat-eval`: play games with an actor or a scripted policy, show tables, keep episodes and results."""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from interlat.cli.environments import environment_factory, games_of
from interlat.cli.exit_codes import run_command
from interlat.cli.flags import ShortHelp, add_flags
from interlat.cli.policies import policy_factory
from interlat.cli.terminal import table_console
from interlat.evaluation.accuracy import tables_of
from interlat.evaluation.episodes import EpisodeRecord, EpisodeStore
from interlat.evaluation.evaluate import evaluate
from interlat.evaluation.provenance import commit
from interlat.evaluation.results import results_of, write_results
from interlat.evaluation.settings import EvalSettings
from interlat.evaluation.summary import by_condition


class Unkept:
    """Episodes that are shown and forgotten: what a store is where no folder is named."""

    def __init__(self) -> None:
        self.records: list[EpisodeRecord] = []
        self.keys: set[tuple[str, int, str]] = set()

    def append(self, record: EpisodeRecord) -> None:
        """Remember an episode until the tables are shown."""
        self.records.append(record)
        self.keys.add(record.key)


def build_parser() -> ArgumentParser:
    """The flags are the fields of ``EvalSettings``."""
    parser = ArgumentParser(
        prog="interlat-eval",
        usage="interlat-eval [--env ENV] [--split SPLIT] (--checkpoint DIR | --policy NAME) [flags]",
        description="Play games with a trained actor or a scripted policy; show success, steps and cost.",
        epilog="exit codes: 0 done, 1 failed, 2 wrong use",
        formatter_class=ShortHelp,
    )
    add_flags(parser, EvalSettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate; 0 done, 1 failed, 2 wrong use."""
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_command("interlat-eval", lambda: evaluate_command(sys.argv[1:] if argv is None else list(argv)))


def evaluate_command(arguments: list[str]) -> None:
    """Play what is missing, show the tables and keep the results."""
    settings = EvalSettings(**build_parser().parse_args(arguments).as_dict())
    games = games_of(settings)
    store = Unkept() if settings.folder is None else EpisodeStore(settings.folder, settings.identity(), settings.resume)
    wanted = {
        (of.name, run, game.game_id) for of in settings.compared for run in range(settings.runs) for game in games
    }
    episodes = evaluate(settings, games, policy_factory(settings, games), environment_factory(settings), store)
    for record in _with_progress(episodes, len(wanted), len(wanted & store.keys)):
        store.append(record)
    _show(settings, store.records)
    console = table_console()
    if settings.folder is None:
        console.print("Nothing was kept; --out DIR keeps episodes.jsonl and results.json.")
    else:
        command = shlex.join(["interlat-eval", *arguments])
        path = write_results(settings.folder, results_of(store.records, settings.identity(), command, commit()))
        console.print(f"Kept in {path.parent}: {path.name}, episodes.jsonl", soft_wrap=True, highlight=False)


def _with_progress(episodes: Iterable[EpisodeRecord], num_wanted: int, num_there: int) -> Iterator[EpisodeRecord]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("playing", total=num_wanted, completed=num_there)
        for record in episodes:
            progress.update(bar, advance=1, description=record.condition)
            yield record


def _show(settings: EvalSettings, records: Sequence[EpisodeRecord]) -> None:
    groups = by_condition(records)
    if settings.policy != "actor":
        groups = {settings.policy: list(records)}
    title = f"{settings.env} {settings.split}, {settings.policy}, at most {settings.max_steps} steps"
    table_console().print(*tables_of(settings.env, settings.split, groups, title))


if __name__ == "__main__":
    sys.exit(main())
