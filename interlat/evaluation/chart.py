"""A bar chart of success rates, drawn to a file. Knows no files of episodes."""

from pathlib import Path

from interlat.evaluation.report import Groups
from interlat.evaluation.summary import measure

_HEIGHT_OF_BAR = 0.5  # inches


def draw_success(groups: Groups, path: Path) -> None:
    """Draw the success rate of each group in %, with its 95 % interval.

    Args:
        groups: a bar each, in order.
        path: of the picture; its ending decides the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display is needed, and pyplot's state not touched
    from matplotlib.figure import Figure

    measures = [measure(records) for records in groups.values()]
    rates = [100 * of.success_rate for of in measures]
    below = [max(0.0, rate - 100 * of.ci95[0]) for rate, of in zip(rates, measures, strict=True)]
    above = [max(0.0, 100 * of.ci95[1] - rate) for rate, of in zip(rates, measures, strict=True)]
    figure = Figure(figsize=(9, 1 + _HEIGHT_OF_BAR * len(measures)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.barh(list(groups), rates, xerr=[below, above], capsize=4, height=0.6)
    axes.invert_yaxis()  # the first group on top, as in the table
    axes.set_xlim(0, 100)
    axes.set_xlabel("success, % (95 % interval)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
