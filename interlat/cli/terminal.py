"""Where commands print their tables. Knows no table."""

import os

from rich.console import Console

WIDTH_OF_PIPE = 110  # characters; a file or a pipe has no width of its own, and rich would cut tables to 80


def table_console() -> Console:
    """Prints to stdout, as wide as the terminal; ``COLUMNS`` overrides."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=WIDTH_OF_PIPE)
