"""Separation curve: when the actor's answers begin to depend on whose message it is given (Figure 3). Knows no files.

The paper plots ln 2 − JS, where JS is the mean Jensen-Shannon divergence, in nats, between what the actor predicts with its
own message and with another task's: ln 2 = 0.693 while it does not listen, lower once it does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from rich.table import Table

from interlat.errors import CheckpointMismatch
from interlat.evaluation.analysis.drawing import blank_figure, colour, number_table, save_figure

Points = Sequence[tuple[int, float]]
"""(optimizer step, value), by step."""

NOISE_FACTOR = 5.0  # standard errors of a smoothed point that a fall must exceed
_NORMAL_QUARTILE = 0.6745  # median of |N(0, 1)|


@dataclass(frozen=True)
class SeparationCurve:
    """The curve of one run.

    Args:
        run: its name.
        metric: the logged curve that JS was taken from.
        steps: optimizer steps.
        values: ln 2 − JS at each, nats.
        smoothed: their centred moving average.
        window: points averaged.
        start: the first smoothed value.
        lowest: the lowest smoothed value.
        aha_step: the first step at which the smoothed curve has come down by half of ``start`` − ``lowest``; None where that fall
            is within the noise (``drop_step``).
        held_out: ln 2 − JS on validation games with pure latents, (step, nats); empty where it was not logged or is ``values``.
        matched: validation cross-entropy with the game's own message, (step, nats); empty where it was not logged.
        mismatched: the same with another task's message.
    """

    run: str
    metric: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    smoothed: tuple[float, ...]
    window: int
    start: float
    lowest: float
    aha_step: int | None
    held_out: tuple[tuple[int, float], ...]
    matched: tuple[tuple[int, float], ...]
    mismatched: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Separation:
    """The curves of all runs.

    Args:
        curves: one a run.
    """

    curves: tuple[SeparationCurve, ...]


def separation_curve(run: str, logged: Mapping[str, Points], window: int | None = None) -> SeparationCurve:
    """The separation curve of a run.

    Args:
        run: its name.
        logged: what the run logged, by metric: ``train/js``, or else ``train/loss_separation`` (−JS), or else ``val/js`` where
            the run was trained without L_sep. ``val/loss`` and ``val/loss_mismatched`` are kept beside it. A training step
            that logged exactly 0 had no other task in its batch, so it says nothing and is left out.
        window: points of the moving average; None takes a twentieth of them, at least three.

    Raises:
        CheckpointMismatch: if none of the three was logged.
    """
    metric, divergences = _divergences(run, logged)
    steps, values = tuple(step for step, _ in divergences), [math.log(2) - js for _, js in divergences]
    width = window or max(3, len(values) // 20)
    smoothed = moving_average(values, width)
    return SeparationCurve(
        run,
        metric,
        steps,
        tuple(values),
        tuple(smoothed),
        width,
        smoothed[0],
        min(smoothed),
        drop_step(steps, values, width),
        () if metric == "val/js" else tuple((step, math.log(2) - js) for step, js in logged.get("val/js", ())),
        tuple(logged.get("val/loss", ())),
        tuple(logged.get("val/loss_mismatched", ())),
    )


def moving_average(values: Sequence[float], window: int) -> list[float]:
    """Centred moving average; at the ends, of the points that are there.

    Args:
        values: in order.
        window: at most this many points each; an even number counts one more before than after.
    """
    before, after = window // 2, (window - 1) // 2
    return [fmean(values[max(0, at - before) : at + after + 1]) for at in range(len(values))]


def drop_step(steps: Sequence[int], values: Sequence[float], window: int) -> int | None:
    """The "aha" step: the first at which the smoothed curve has come down by half of its total fall.

    Total fall: the first smoothed value minus the lowest. It counts only above five standard errors of a smoothed point,
    5·σ/√window, because the lowest of many noisy points lies below the first even where nothing falls. σ is the noise of single
    points, from the median of their successive differences: differences leave out the trend, and a median leaves out the drop.

    Args:
        steps: optimizer steps.
        values: what is to fall, one a step.
        window: points of the moving average.

    Returns:
        A step, or None where nothing falls by more than noise.
    """
    smoothed = moving_average(values, window)
    fall = smoothed[0] - min(smoothed)
    changes = [abs(later - earlier) for earlier, later in pairwise(values)]
    noise = median(changes) / (_NORMAL_QUARTILE * math.sqrt(2)) if changes else 0.0
    if fall <= NOISE_FACTOR * noise / math.sqrt(min(window, len(values))):
        return None
    half = smoothed[0] - fall / 2
    return next(step for step, value in zip(steps, smoothed, strict=True) if value <= half)


def separation_table(found: Separation) -> Table:
    """Start, lowest point and aha step of each run."""
    headings = ("from", "start", "lowest", "fall, nats", "aha step", "last step")
    table = number_table("ln 2 - JS while training, smoothed, nats", "run", headings)
    for of in found.curves:
        aha = "none" if of.aha_step is None else str(of.aha_step)
        numbers = (f"{of.start:.4f}", f"{of.lowest:.4f}", f"{of.start - of.lowest:.4f}")
        table.add_row(of.run, of.metric, *numbers, aha, str(of.steps[-1]))
    return table


def draw_separation(found: Separation, path: Path) -> None:
    """Draw every run: ln 2 − JS against the step with its aha step, and validation with the own and with another message.

    Args:
        found: the curves.
        path: of the PNG file.
    """
    figure = blank_figure(11.0, 4.5 + 0.2 * len(found.curves))
    left, right = figure.subplots(1, 2)
    for number, of in enumerate(found.curves):
        left.plot(of.steps, of.values, color=colour(number), alpha=0.25, linewidth=1)
        aha = "no drop" if of.aha_step is None else f"aha at step {of.aha_step}"
        left.plot(of.steps, of.smoothed, color=colour(number), linewidth=2, label=f"{of.run}: {aha}")
        if of.aha_step is not None:
            left.axvline(of.aha_step, color=colour(number), linestyle=":", linewidth=1)
        _draw_points(left, of.held_out, "o--", colour(number))
        _draw_points(right, of.matched, "o-", colour(number))
        _draw_points(right, of.mismatched, "o--", colour(number))
    left.axhline(math.log(2), color="grey", linewidth=1)
    left.set_title("ln 2 − JS, matched against mismatched message")
    left.set_ylabel("nats; the grey line is ln 2: the message is not heard", fontsize=9)
    right.set_title("validation cross-entropy")
    right.set_ylabel("nats a token")
    for axes in (left, right):
        axes.set_xlabel("optimizer step")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", fontsize=9)
    _name_styles(left, {"-": "training, smoothed", "o--": "held out, pure latents"})
    _name_styles(right, {"o-": "its own message", "o--": "another task's"})
    save_figure(figure, path)


def _draw_points(axes: Any, points: Points, style: str, in_colour: str) -> None:
    if points:
        steps, values = zip(*points, strict=True)
        axes.plot(steps, values, style, color=in_colour, markersize=5)


def _name_styles(axes: Any, styles: Mapping[str, str]) -> None:
    """A legend of line styles, whatever the colour."""
    handles = [axes.plot([], [], style, color="grey", markersize=5)[0] for style in styles]
    axes.legend(handles, list(styles.values()), fontsize=8, handlelength=4)


def _divergences(run: str, logged: Mapping[str, Points]) -> tuple[str, list[tuple[int, float]]]:
    for metric, sign in (("train/js", 1.0), ("train/loss_separation", -1.0)):
        measured = [(step, sign * value) for step, value in logged.get(metric, ()) if value != 0]
        if measured:
            return metric, measured
    if not logged.get("val/js"):
        raise CheckpointMismatch(
            f"wanted a curve train/js, train/loss_separation or val/js in the metrics of '{run}', got "
            f"{', '.join(sorted(logged)) or 'no metrics.csv'}; name the run folder of a stage 1, whose logger is Lightning's CSVLogger"
        )
    return "val/js", list(logged["val/js"])
