"""``interlat-analyze NAME --checkpoint DIR``: look into a trained run; a table, a picture and a JSON file."""

import os
import shlex
import sys
from argparse import SUPPRESS, ArgumentParser, HelpFormatter, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rich.table import Table

from interlat.cli.exit_codes import run_command
from interlat.cli.terminal import shown, table_console
from interlat.data.games import EnvName, Split
from interlat.evaluation.analysis.settings import PURPOSES, AnalysisSettings

PROGRAM = "interlat-analyze"


@dataclass(frozen=True)
class Findings:
    """What an analysis came to.

    Args:
        result: a dataclass, as the JSON file holds it.
        tables: for the terminal.
        draw: writes the picture.
    """

    result: Any
    tables: Sequence[Table]
    draw: Callable[[Path], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Analyse; 0 done, 1 failed, 2 wrong use."""
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = build_parser().parse_args(arguments)
    return run_command(PROGRAM, lambda: _analyze(_settings(**vars(options)), shlex.join([PROGRAM, *arguments])))


def build_parser() -> ArgumentParser:
    """The flags are the fields of ``AnalysisSettings``."""
    purposes = "\n".join(f"  {name:17} {purpose}" for name, purpose in PURPOSES.items())
    parser = ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} NAME --checkpoint DIR [DIR ...] [flags]",
        description=f"Look into a trained run. NAME is one of\n{purposes}",
        epilog="exit codes: 0 done, 1 failed, 2 wrong use",
        formatter_class=_ShortHelp,
    )
    parser.add_argument("name", choices=PURPOSES, metavar="NAME", help=SUPPRESS)  # described above
    add = parser.add_argument
    add(
        "--checkpoint",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        metavar="DIR",
        help="run folders; several to compare",
    )
    names = ", ".join(get_args(EnvName))
    add("--env", choices=get_args(EnvName), default="alfworld", metavar="ENV", help=f"{names} (default: %(default)s)")
    add("--split", choices=get_args(Split), default="unseen", help="which games (default: %(default)s)")
    add("--games", type=int, metavar="N", help="how many (default: all, 134 of household)")
    add("--seed", type=int, default=0, metavar="N", help="of sampled plans, bootstrap and folds")
    add("--batch-size", type=int, default=16, metavar="N", help="games computed at once (default: %(default)s)")
    add("--steps", type=int, default=32, metavar="N", help="parallelism: latents looked at (default: %(default)s)")
    add("--smooth", type=int, metavar="N", help="separation: points averaged (default: a 20th of them)")
    add("--dtype", choices=("float32", "bfloat16"), help="of actor and compressor (default: as trained)")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="for NAME.json and NAME.png (default: analysis/ in the first run folder)",
    )
    return parser


class _ShortHelp(RawDescriptionHelpFormatter):
    """The names as they are written above, and help beside the flag."""

    def __init__(self, prog: str) -> None:
        HelpFormatter.__init__(self, prog, max_help_position=36, width=110)


def _settings(checkpoint: list[Path], **values: Any) -> AnalysisSettings:
    return AnalysisSettings(checkpoints=tuple(checkpoint), **values)


def _analyze(settings: AnalysisSettings, command: str) -> None:
    from interlat.evaluation.analysis.files import Origin, write_analysis
    from interlat.evaluation.provenance import commit

    found = _separation(settings) if settings.name == "separation" else _of_messages(settings)
    console = table_console()
    console.print(*found.tables)
    path = write_analysis(settings.folder, settings.name, found.result, Origin(settings.identity(), command, commit()))
    picture = path.with_suffix(".png")
    found.draw(picture)
    console.print(f"Kept in {settings.folder}: {path.name}, {picture.name}", soft_wrap=True, highlight=False)


def _separation(settings: AnalysisSettings) -> Findings:
    from interlat.evaluation.analysis.separation import (
        Separation,
        draw_separation,
        separation_curve,
        separation_table,
    )
    from interlat.training.curves import read_curves

    curves = [separation_curve(str(run), read_curves(run), settings.smooth) for run in settings.checkpoints]
    found = Separation(tuple(curves))
    return Findings(found, [separation_table(found)], lambda path: draw_separation(found, path))


def _of_messages(settings: AnalysisSettings) -> Findings:
    """Send the messages of the games, and give those that say something to the analysis."""
    from interlat.cli.environments import games_of
    from interlat.errors import InvalidMessage
    from interlat.evaluation.analysis.run import open_run, send_plans
    from interlat.evaluation.analysis.tasks import tasks_of
    from interlat.evaluation.settings import EvalSettings

    asked = EvalSettings(
        env=settings.env, split=settings.split, games=settings.games, checkpoint=settings.checkpoints[0]
    )
    run = open_run(settings.checkpoints, settings.dtype)
    tasks = tasks_of(games_of(asked), settings.seed)
    plans = send_plans(run, tasks, settings.batch_size, settings.seed, shown)
    sent = [(task, plan) for task, plan in zip(tasks, plans, strict=True) if plan.ids]
    if not sent:
        raise InvalidMessage(f"the sender ended all {len(tasks)} plans at once, so there is no message to look into")
    if len(sent) < len(tasks):
        print(
            f"{PROGRAM}: {len(tasks) - len(sent)} of {len(tasks)} games left out: their plans are empty",
            file=sys.stderr,
        )
    told = [task for task, _ in sent]
    said = [plan for _, plan in sent]
    match settings.name:
        case "compression-gain":
            return _compression_gain(settings, run, told, said)
        case "parallelism":
            return _parallelism(settings, run, told, said)
        case "pca":
            return _pca(settings, run, told, said)
        case _:
            return _probe(settings, run, told, said)


def _compression_gain(settings: AnalysisSettings, run: Any, tasks: Sequence[Any], plans: Sequence[Any]) -> Findings:
    from interlat.evaluation.analysis.compression_gain import (
        compression_gain_tables,
        draw_compression_gain,
        measure_compression_gain,
    )

    messages = [plan.latents for plan in plans]
    found = measure_compression_gain(run, tasks, messages, settings.batch_size, settings.seed, shown)
    return Findings(found, compression_gain_tables(found), lambda path: draw_compression_gain(found, path))


def _parallelism(settings: AnalysisSettings, run: Any, tasks: Sequence[Any], plans: Sequence[Any]) -> Findings:
    from interlat.evaluation.analysis.latent_sources import latent_sources, measure_parallelism
    from interlat.evaluation.analysis.parallelism_figure import draw_parallelism, parallelism_table

    sources = latent_sources(run, tasks, plans, settings.batch_size, settings.steps, shown)
    found = measure_parallelism(sources, settings.steps)
    return Findings(found, [parallelism_table(found)], lambda path: draw_parallelism(found, path))


def _pca(settings: AnalysisSettings, run: Any, tasks: Sequence[Any], plans: Sequence[Any]) -> Findings:
    from interlat.evaluation.analysis.pca import adapter_planes, draw_pca, pca_tables
    from interlat.evaluation.analysis.run import adapt, pooled

    messages = [plan.latents for plan in plans]
    after = pooled(adapt(run.actor, messages, settings.batch_size))
    found = adapter_planes(pooled(messages), after, [task.label("task type") for task in tasks])
    return Findings(found, pca_tables(found), lambda path: draw_pca(found, path))


def _probe(settings: AnalysisSettings, run: Any, tasks: Sequence[Any], plans: Sequence[Any]) -> Findings:
    from interlat.evaluation.analysis.probe import draw_probe, probe, probe_tables
    from interlat.evaluation.analysis.run import representations
    from interlat.evaluation.analysis.tasks import LABELS

    features = representations(run, tasks, plans, settings.batch_size, shown)
    labels = {name: [task.label(name) for task in tasks] for name in LABELS}
    found = probe(features, labels, settings.seed, shown)
    return Findings(found, probe_tables(found), lambda path: draw_probe(found, path))


if __name__ == "__main__":
    sys.exit(main())
