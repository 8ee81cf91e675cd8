"""`interlat-report DIR ...`: the tables of finished or running evaluations again, several side by side, or a paper's tables."""

import os
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interlat.cli.exit_codes import run_command
from interlat.cli.tables import tables_command
from interlat.cli.terminal import table_console
from interlat.errors import InvalidSetting
from interlat.evaluation.accuracy import tables_of
from interlat.evaluation.episodes import SETTINGS_FILE, EpisodeRecord, EpisodesMismatch, read_episodes, read_settings
from interlat.evaluation.summary import by_condition


def main(argv: Sequence[str] | None = None) -> int:
    """Print tables; 0 done, 1 failed, 2 wrong use."""
    return run_command("interlat-report", lambda: _report(argv))


def _report(argv: Sequence[str] | None) -> None:
    parser = ArgumentParser(
        prog="interlat-report",
        description="Show the tables of evaluations again; the first row is the one that others are compared with. With --table, "
        "write the tables of a paper over several seeds as Markdown, JSON and pictures.",
        epilog="exit codes: 0 done, 1 failed, 2 wrong use",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="of interlat-eval --out, or above such")
    parser.add_argument("--chart", type=Path, metavar="FILE.png", help="also draw the success rates")
    parser.add_argument("--table", type=Path, metavar="STUDY.yaml", help="which tables, of which runs below DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the tables of --table go")
    typed = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(typed)
    if arguments.table is not None or arguments.out is not None:
        if arguments.table is None or arguments.out is None or len(arguments.folders) > 1 or arguments.chart:
            raise InvalidSetting("--table needs --out DIR, one folder that holds all runs, and no --chart")
        command = shlex.join(["interlat-report", *typed])
        tables_command(arguments.table, arguments.folders[0], arguments.out, command)
        return
    groups, settings = _gather(_evaluations(arguments.folders))
    console = table_console()
    console.print(*tables_of(settings[0]["env"], settings[0]["split"], groups, _title(settings)))
    _warn_of_differences(settings)
    if arguments.chart is not None:
        from interlat.evaluation.chart import draw_success

        draw_success(groups, arguments.chart)
        console.print(f"Drawn: {arguments.chart}", soft_wrap=True, highlight=False)


def _evaluations(folders: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        below = sorted(path.parent for path in folder.resolve().rglob(SETTINGS_FILE))
        if not below:
            raise EpisodesMismatch(f"{folder} holds no evaluation; name a folder that interlat-eval --out has written")
        found += [path for path in below if path not in found]
    return found


def _gather(folders: Sequence[Path]) -> tuple[dict[str, list[EpisodeRecord]], list[dict[str, Any]]]:
    groups: dict[str, list[EpisodeRecord]] = {}
    all_settings = []
    above = Path(os.path.commonpath(folders))
    for folder in folders:
        settings = read_settings(folder)
        all_settings.append(settings)
        of_folder = by_condition(read_episodes(folder))
        if not of_folder:
            raise EpisodesMismatch(
                f"{folder} holds no finished episode yet; wait, or go on with interlat-eval --resume"
            )
        for name, records in of_folder.items():
            groups[_label(folder.relative_to(above), name, settings["policy"])] = records
    return groups, all_settings


def _label(folder: Path, condition: str, policy: str) -> str:
    """The folder where there are several, and the condition where somebody reads messages."""
    is_alone = folder == Path()
    if policy not in ("actor", "methods"):
        return policy if is_alone else str(folder)
    return condition if is_alone else f"{folder}: {condition}"


def _title(settings: Sequence[dict[str, Any]]) -> str:
    titles = {f"{of['env']} {of['split']}, at most {of['max_steps']} steps" for of in settings}
    return "; ".join(sorted(titles))


def _warn_of_differences(settings: Sequence[dict[str, Any]]) -> None:
    for name in ("protocol_version", "env", "split", "max_steps", "games"):
        values = {str(of[name]) for of in settings}
        if len(values) > 1:
            print(f"interlat-report: these differ in {name} ({', '.join(sorted(values))})", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
