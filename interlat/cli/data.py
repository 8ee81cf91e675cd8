"""`interlat-data`: gets ALFWorld's games, checks them, keeps them in one small file, and records experts playing them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from alfworld_env.games import VALID_TRAIN, Split
from alfworld_env.search import Search
from alfworld_env.trajectory_file import Form
from interlat.cli.data_record import Policy
from interlat.cli.exit_codes import run_command
from interlat.data.games import EnvName
from interlat.errors import InvalidSetting

PROGRAM = "interlat-data"
EXIT_CODES = "exit codes: 0 done, 1 failed, 2 wrong use"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the four commands; 0 done, 1 failed, 2 wrong use."""
    options = _parser().parse_args(argv)
    return run_command(PROGRAM, lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    from interlat.cli import data_fetch, data_record, data_sets

    if "out" in options:
        _check_writable(options.out)
    match options.command:
        case "fetch":
            data_fetch.fetch(options.data_dir, options.everything, options.force, options.mirror)
        case "verify":
            data_sets.verify(options.root)
        case "distil":
            data_sets.distil(options.out, options.root, options.splits, options.household)
        case "record":
            names = ("out", "env", "split", "policy", "form", "max_steps", "seed", "games", "won_only", "search")
            data_record.record(data_record.RecordSettings(**{name: getattr(options, name) for name in names}))


def _check_writable(path: Path) -> None:
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidSetting(f"{path} is a folder, or in none that can be written to; name another file with --out")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="ALFWorld's games: get them, check them, keep them in one small file, record experts playing them.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_fetch(commands)
    _add_verify(commands)
    _add_distil(commands)
    _add_record(commands)
    return parser


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "download ALFWorld's own release through alfworld-download, then verify it"
    fetch = commands.add_parser("fetch", help=text, description=text, epilog=EXIT_CODES)
    fetch.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="where to (default: ALFWORLD_DATA, else ALFWorld's)"
    )
    fetch.add_argument("--everything", action="store_true", help="also what these games do not need: scenes, detectors")
    fetch.add_argument("--force", action="store_true", help="download even if the games are there; replace files")
    fetch.add_argument("--mirror", metavar="URL", help="of the zip of games, where alfworld-download's is out of reach")


def _add_verify(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "count the games by split and task type, and play every one by its walkthrough"
    verify = commands.add_parser("verify", help=text, description=text, epilog=EXIT_CODES)
    verify.add_argument(
        "--root", type=Path, metavar="PATH", help="data folder or distilled file (default: ALFWORLD_DATA)"
    )


def _add_distil(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "keep games in one small file, which can be used wherever a data folder can"
    distil = commands.add_parser("distil", help=text, description=text, epilog=EXIT_CODES)
    distil.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    distil.add_argument("--root", type=Path, metavar="PATH", help="where the games are (default: ALFWORLD_DATA)")
    distil.add_argument(
        "--splits",
        nargs="+",
        choices=(*get_args(Split), VALID_TRAIN),
        metavar="SPLIT",
        help="train, seen, unseen, valid_train (default: all there are)",
    )
    distil.add_argument("--household", type=int, metavar="N", help="N household games a split, instead of ALFWorld's")


def _add_record(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "record an expert playing, one game a line, and sum up how often it wins"
    record = commands.add_parser("record", help=text, description=text, epilog=EXIT_CODES)
    record.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="the file to write")
    record.add_argument("--split", choices=get_args(Split), default="train", help="(default: %(default)s)")
    record.add_argument(
        "--env",
        choices=get_args(EnvName),
        default="alfworld",
        metavar="ENV",
        help=f"{', '.join(get_args(EnvName))} (default: %(default)s)",
    )
    record.add_argument(
        "--policy",
        choices=get_args(Policy),
        default="expert",
        help="one that has to search, or one that knows the way (default: %(default)s)",
    )
    record.add_argument(
        "--search",
        choices=get_args(Search),
        default="common-sense",
        metavar="ODDS",
        help="common-sense or measured odds of where things are (default: %(default)s)",
    )
    record.add_argument(
        "--form", choices=get_args(Form), default="react", help="with thoughts or without (default: %(default)s)"
    )
    record.add_argument(
        "--max-steps", type=int, default=50, metavar="N", help="limit of the expert (default: %(default)s)"
    )
    record.add_argument("--seed", type=int, default=0, metavar="N", help="of the expert (default: %(default)s)")
    record.add_argument("--games", type=int, metavar="N", help="how many (default: all; household: 134)")
    record.add_argument("--won-only", action="store_true", help="leave out the games it did not win")


if __name__ == "__main__":
    sys.exit(main())
