"""Which version of this library gave a number."""

import subprocess
from pathlib import Path

import interlat

_ROOT = Path(interlat.__file__).resolve().parents[1]


def commit() -> str:
    """The commit of the checkout this library runs from, ``-dirty`` where files differ; else the installed version."""
    # An installed copy may lie inside somebody else's checkout, whose commit says nothing of us.
    if not (_ROOT / ".git").exists():
        return f"version {interlat.__version__}"
    try:
        return _git("rev-parse", "HEAD") + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return f"version {interlat.__version__}"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
