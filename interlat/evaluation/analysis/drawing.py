"""A blank figure, its colours, and a table's frame: what all analyses look like. Knows no analysis."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

# Okabe and Ito's palette, told apart by colour-blind readers too; its yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DOTS_PER_INCH = 150


def colour(number: int) -> str:
    """The colour of the n-th thing that is drawn."""
    return COLOURS[number % len(COLOURS)]


def blank_figure(width: float, height: float) -> Any:
    """A matplotlib figure of this size in inches; no display is needed, and pyplot's state is not touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as a PNG file; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png")


def number_table(title: str, of: str, numbers: Sequence[str]) -> Table:
    """An empty table: a column of names, then columns of numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(of, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
