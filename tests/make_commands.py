"""The commands that a job of the Makefile would run, to be run in this process. Knows no recipe."""

import os
import shlex
import subprocess
from pathlib import Path

from interlat.cli import evaluate, lightning, report

PROJECT = Path(__file__).parents[1]
PROGRAMS = {"lightning": lightning.main, "interlat-eval": evaluate.main, "interlat-report": report.main}


def commands_of(job: str, **variables: str) -> list[list[str]]:
    """Words of each command, the program first by its bare name; no environment is set up.

    Args:
        job: of the Makefile.
        variables: that make is given.
    """
    given = [f"{name}={value}" for name, value in variables.items()]
    asked = ["make", "-C", str(PROJECT), "--no-print-directory", "-n", "-o", ".venv/.ready", job, *given]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    printed = subprocess.run(asked, capture_output=True, text=True, check=True, env=environment).stdout
    lines = [shlex.split(line) for line in printed.replace("\\\n", "").splitlines()]
    return [[Path(words[0]).name, *words[1:]] for words in lines if words and Path(words[0]).name in PROGRAMS]
