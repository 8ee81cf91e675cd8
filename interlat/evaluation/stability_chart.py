"""Entropy by position in the answer, drawn to a file. Knows no files of episodes."""

from pathlib import Path
from typing import Any

from interlat.evaluation.report import Groups
from interlat.evaluation.stability import EntropyCurve, entropy_curve, measured

_FEW = 0.1  # of a condition's answers; a mean over fewer says little


def draw_entropy(groups: Groups, path: Path) -> None:
    """Draw two panels over the same positions: mean entropy, and how many answers have come so far.

    A line is dotted where fewer than a tenth of its answers are left.

    Args:
        groups: a line each; those whose tokens were not measured have none.
        path: of the picture; its ending decides the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display is needed, and pyplot's state not touched
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    entropy, running = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for number, (label, records) in enumerate(groups.items()):
        curve = entropy_curve(measured(records))
        if curve.entropies:
            _draw(entropy, curve, f"C{number}", label)
            positions = range(1, len(curve.running) + 1)
            running.step(positions, curve.running, where="mid", linewidth=1, color=f"C{number}")
    entropy.set_ylabel("entropy of the next token, nats")
    entropy.set_ylim(bottom=0)
    entropy.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    running.set_ylabel("answers running")
    running.set_ylim(bottom=0)
    running.set_xlabel("token of the answer")
    for axes in (entropy, running):
        axes.grid(linewidth=0.4, alpha=0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _draw(axes: Any, curve: EntropyCurve, colour: str, label: str) -> None:
    many = sum(count >= _FEW * curve.running[0] for count in curve.running)  # positions; they come first
    solid, dotted = curve.entropies[:many], curve.entropies[many - 1 :]
    # One token has no line; a mark shows it.
    axes.plot(range(1, many + 1), solid, linewidth=1, marker="." if many == 1 else "", color=colour, label=label)
    axes.plot(range(many, many + len(dotted)), dotted, linewidth=1, linestyle=":", color=colour)
