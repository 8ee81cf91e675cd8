"""Entropy by position in the answer, drawn to a file. Knows no files of episodes."""

from pathlib import Path

from interlat.evaluation.report import Groups
from interlat.evaluation.stability import entropy_curve, measured


def draw_entropy(groups: Groups, path: Path) -> None:
    """Draw two panels over the same positions: mean entropy, and how many answers have come so far.

    Args:
        groups: a line each; those whose tokens were not measured have none.
        path: of the picture; its ending decides the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display is needed, and pyplot's state not touched
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    entropy, running = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for label, records in groups.items():
        curve = entropy_curve(measured(records))
        positions = range(1, len(curve.entropies) + 1)
        if positions:
            # One token has no line; a mark shows it.
            entropy.plot(
                positions, curve.entropies, linewidth=1, marker="." if len(positions) == 1 else "", label=label
            )
            running.step(positions, curve.running, where="mid", linewidth=1)
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
