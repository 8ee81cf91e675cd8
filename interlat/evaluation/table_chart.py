"""A study's table as a picture: a dot a row with its interval, a panel a split. Knows no files but the one it draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interlat.evaluation.seed_tables import FilledRow
from interlat.evaluation.study import SplitName, Study

_HEIGHT_OF_ROW = 0.32  # inches
_WIDTH_OF_PANEL = 3.8  # inches


def draw_table(title: str, study: Study, rows: Sequence[FilledRow], path: Path) -> None:
    """Draw success of every row in %, with its Wilson interval and a small dot for each seed.

    The dashed line is the first row's success; a row that is missing has its place and says so.

    Args:
        title: of the table.
        study: it belongs to.
        rows: filled in.
        path: of the picture; its ending decides the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display is needed, and pyplot's state not touched
    from matplotlib.figure import Figure

    size = (2.2 + _WIDTH_OF_PANEL * len(study.splits), 1.3 + _HEIGHT_OF_ROW * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(study.splits), sharey=True, squeeze=False)[0]
    for axes, split in zip(panels, study.splits, strict=True):
        _draw_split(axes, split, rows)
    panels[0].set_yticks(range(len(rows)), [row.row.label for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)  # the first row on top, as in the table
    figure.suptitle(title, fontsize="medium")
    figure.savefig(path, dpi=150)


def _draw_split(axes: Any, split: SplitName, rows: Sequence[FilledRow]) -> None:
    for place, row in enumerate(rows):
        cell = row.cells[split]
        if cell is None:
            axes.text(50, place, "missing", ha="center", va="center", color="grey", style="italic")
            continue
        rate, (low, high) = 100 * cell.success_rate, cell.ci95
        colour = "C3" if place == 0 else "C0"
        ends = [[max(0.0, rate - 100 * low)], [max(0.0, 100 * high - rate)]]
        axes.errorbar(rate, place, xerr=ends, fmt="o", color=colour, capsize=3, markersize=6)
        if len(cell.by_seed) > 1:
            seeds = [100 * share for share in cell.by_seed.values()]
            axes.plot(seeds, [place + 0.27] * len(seeds), "|", color="grey", markersize=5)
    first = rows[0].cells[split]
    if first is not None:
        axes.axvline(100 * first.success_rate, color="C3", linestyle="--", linewidth=0.8, zorder=0)
    axes.set_xlim(-2, 102)
    axes.set_title(f"{split} games", fontsize="medium")
    axes.set_xlabel("success, % (95 % interval; ticks: seeds)")
    axes.grid(axis="x", linewidth=0.4, alpha=0.5)
