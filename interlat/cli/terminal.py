"""Where commands print their tables and show how far they are. Knows no table."""

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")

WIDTH_OF_PIPE = 110  # characters; a file or a pipe has no width of its own, and rich would cut tables to 80


def table_console() -> Console:
    """Prints to stdout, as wide as the terminal; ``COLUMNS`` overrides."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=WIDTH_OF_PIPE)


def shown(items: Sequence[Item], doing: str) -> Iterable[Item]:
    """The items, with a bar on a terminal's stderr while they are gone through."""
    console = Console(stderr=True)
    return track(items, doing, console=console, transient=True, disable=not console.is_terminal)
