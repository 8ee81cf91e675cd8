"""`interlat-eval`: play games with an actor or a scripted policy, show tables, keep episodes and results."""

import os
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from interlat.cli.environments import environment_factory, games_of
from interlat.cli.exit_codes import run_command
from interlat.cli.flags import ShortHelp, add_flags
from interlat.cli.policies import policy_factory
from interlat.cli.records import in_order, keep_results, open_store, with_progress
from interlat.cli.terminal import table_console
from interlat.evaluation.accuracy import tables_of
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.evaluate import evaluate
from interlat.evaluation.settings import EvalSettings
from interlat.evaluation.summary import by_condition


def build_parser() -> ArgumentParser:
    """The flags are the fields of ``EvalSettings``."""
    parser = ArgumentParser(
        prog="interlat-eval",
        usage="interlat-eval [--env ENV] [--split SPLIT] (--checkpoint DIR | --policy NAME) [flags]",
        description="Play games with a trained actor or a scripted policy; show success, steps and cost.",
        epilog="methods of agents without a checkpoint: interlat-eval --method single,text-mas,latent-mas --help; "
        "exit codes: 0 done, 1 failed, 2 wrong use",
        formatter_class=ShortHelp,
    )
    add_flags(parser, EvalSettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate; 0 done, 1 failed, 2 wrong use."""
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = sys.argv[1:] if argv is None else list(argv)
    return run_command("interlat-eval", lambda: _command(arguments))


def _command(arguments: list[str]) -> None:
    if not asks_for_methods(arguments):
        evaluate_command(arguments)
        return
    from interlat.cli.methods import methods_command  # brings torch, which scripted policies start without

    methods_command(arguments)


def asks_for_methods(arguments: Sequence[str]) -> bool:
    """Whether methods are compared: one is named, or a recipe that names some."""
    return any(argument.split("=")[0] in ("--method", "-c", "--config") for argument in arguments)


def evaluate_command(arguments: list[str]) -> None:
    """Play what is missing, show the tables and keep the results."""
    settings = EvalSettings(**build_parser().parse_args(arguments).as_dict())
    games = games_of(settings)
    wanted = {
        (of.name, run, game.game_id) for of in settings.compared for run in range(settings.runs) for game in games
    }
    with open_store(settings.folder, settings.identity(), settings.resume) as store:
        episodes = evaluate(settings, games, policy_factory(settings, games), environment_factory(settings), store)
        for record in with_progress(episodes, len(wanted), len(wanted & store.keys)):
            store.append(record)
        kept = in_order(store.records, settings.compared)
        _show(settings, kept)
        keep_results(settings.folder, kept, settings.identity(), arguments)


def _show(settings: EvalSettings, records: Sequence[EpisodeRecord]) -> None:
    groups = by_condition(records)
    if settings.policy != "actor":
        groups = {settings.policy: list(records)}
    title = f"{settings.env} {settings.split}, {settings.policy}, at most {settings.max_steps} steps"
    table_console().print(*tables_of(settings.env, settings.split, groups, title))


if __name__ == "__main__":
    sys.exit(main())
