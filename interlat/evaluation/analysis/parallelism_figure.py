"""Table and picture of the parallelism of latent steps. Knows no model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from interlat.evaluation.analysis.drawing import blank_figure, colour, number_table, save_figure
from interlat.evaluation.analysis.parallelism import Parallelism, SourceSteps, Step

PANELS = 6  # steps that the figure shows one by one, as Figure 5 does


def parallelism_table(found: Parallelism) -> Table:
    """P50(S10) and median entropy of the first steps."""
    headings = [f"step {step}" for step in range(1, PANELS + 1)]
    table = number_table("each latent through the LM head, medians over tasks", "source", ["", *headings])
    for source in found.sources:
        first = source.steps[:PANELS]
        blank = [""] * (PANELS - len(first))
        table.add_row(source.name, "S10", *(f"{step.p50_s10:.3f}" for step in first), *blank)
        table.add_row("", "nats", *(f"{step.p50_entropy:.3f}" for step in first), *blank)
    return table


def draw_parallelism(found: Parallelism, path: Path) -> None:
    """Draw, for each source, the percentile curves of its first six steps; below, P50(S10) and entropy of all steps.

    Args:
        found: the numbers.
        path: of the PNG file.
    """
    rows = len(found.sources)
    figure = blank_figure(14.0, 2.2 * rows + 3.4)
    above, below = figure.subfigures(2, 1, height_ratios=[2.2 * rows, 3.4])
    panels = above.subplots(rows, PANELS, sharex=True, sharey=True, squeeze=False)
    for source, axes_of_row in zip(found.sources, panels, strict=True):
        _draw_steps(axes_of_row, source, found.percentiles)
    for axes in panels[-1]:
        axes.set_xlabel("percentile of tasks")
    panels[0][0].legend(fontsize=7, loc="lower right", title="tokens, from the likeliest", title_fontsize=7, ncols=3)
    mass, entropy = below.subplots(1, 2)
    for number, source in enumerate(found.sources):
        steps = [step.step for step in source.steps]
        style = {"color": colour(number), "marker": "osD^v"[number % 5], "markersize": 4, "label": source.name}
        mass.plot(steps, [step.p50_s10 for step in source.steps], **style)
        entropy.plot(steps, [step.p50_entropy for step in source.steps], **style)
    mass.set_ylabel("P50(S10), share of mass")
    mass.set_ylim(0, 1.05)
    entropy.set_ylabel("median entropy, nats")
    entropy.set_ylim(bottom=0)
    for axes in (mass, entropy):
        axes.set_xlabel("latent step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize=8)
    save_figure(figure, path)


def _draw_steps(axes_of_row: Any, source: SourceSteps, percentiles: Sequence[int]) -> None:
    for number, axes in enumerate(axes_of_row):
        if number >= len(source.steps):
            axes.set_visible(False)
            continue
        _draw_step(axes, source.steps[number], percentiles)
    axes_of_row[0].set_ylabel(f"{source.name}\nshare of top-10 mass", fontsize=8)


def _draw_step(axes: Any, step: Step, percentiles: Sequence[int]) -> None:
    for number, curve in enumerate(step.cumulative_percentiles):
        axes.plot(percentiles, curve, color=colour(number), linewidth=1.5, label=str(number + 1))
    axes.set_title(f"step {step.step}: S10 {step.p50_s10:.3f}, {step.p50_entropy:.2f} nats", fontsize=8)
    axes.set_ylim(0, 1.05)
