"""Success and message time against message length, as one picture; knows neither commands nor models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interlat.evaluation.length_sweep import Kind, LengthResult, mean_latents

# Each way to make a message: its name, its colour, and its place beside others of the same length, as a factor.
_SERIES: dict[Kind, tuple[str, str, float]] = {
    "full": ("full", "black", 1.0),
    "share": ("share of the full message", "C2", 1.0),
    "untrained": ("first latents, untrained", "C0", 0.97),
    "trained": ("trained", "C3", 1.03),
    "silence": ("silence", "grey", 1.0),
}
_LINES = {0: ("o", "-"), 1: ("s", "--")}  # marker and line of the smaller and the larger batch
_AT_NOTHING = 0.5  # where 0 latents stand on the logarithmic axis


def draw_lengths(results: Sequence[LengthResult], path: Path) -> None:
    """Draw two panels over the same axis: success with its 95 % interval, and seconds a message.

    The axis is the mean number of latents in a message, logarithmic, with silence at its left end.

    Args:
        results: of every length.
        path: of the PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display is needed, and pyplot's state not touched
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    success, seconds = figure.subplots(2, 1, sharex=True)
    for kind in _SERIES:
        of_kind = sorted((of for of in results if of.length.kind == kind), key=mean_latents)
        if of_kind:
            _draw_success(success, kind, of_kind)
            _draw_seconds(seconds, kind, of_kind)
    success.set_ylabel("success, % (95 % interval)")
    success.set_ylim(0, 100)
    seconds.set_ylabel("seconds a message (quartiles)")
    _mark_seconds(seconds, results)
    _mark_lengths(seconds, results)
    for axes in (success, seconds):
        axes.grid(linewidth=0.4, alpha=0.5)
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.savefig(path, dpi=150)


def _draw_success(axes: Any, kind: Kind, results: Sequence[LengthResult]) -> None:
    name, colour, beside = _SERIES[kind]
    rates = [100 * of.measures.success_rate for of in results]
    low = [max(0.0, rate - 100 * of.measures.ci95[0]) for rate, of in zip(rates, results, strict=True)]
    high = [max(0.0, 100 * of.measures.ci95[1] - rate) for rate, of in zip(rates, results, strict=True)]
    axes.errorbar(
        [beside * _place(of) for of in results], rates, yerr=[low, high], fmt="o-", color=colour, capsize=3, label=name
    )


def _draw_seconds(axes: Any, kind: Kind, results: Sequence[LengthResult]) -> None:
    if kind in ("silence", "share"):  # silence takes no time, a share as long as the full message
        return
    name, colour, beside = _SERIES[kind]
    for number, size in enumerate(sorted({time.batch_size for of in results for time in of.times})):
        timed = [(_place(of), time) for of in results for time in of.times if time.batch_size == size]
        middle = [time.seconds_a_message for _, time in timed]
        low = [max(0.0, (time.seconds - time.low) / size) for _, time in timed]
        high = [max(0.0, (time.high - time.seconds) / size) for _, time in timed]
        marker, line = _LINES[min(number, 1)]
        style = {"fmt": f"{marker}{line}", "color": colour, "capsize": 3, "label": f"{name}, batch {size}"}
        axes.errorbar([beside * place for place, _ in timed], middle, yerr=[low, high], **style)


def _place(of: LengthResult) -> float:
    return mean_latents(of) or _AT_NOTHING


def _mark_seconds(axes: Any, results: Sequence[LengthResult]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if any(of.times for of in results):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _mark_lengths(axes: Any, results: Sequence[LengthResult]) -> None:
    from matplotlib.ticker import NullLocator

    longest = max(_place(of) for of in results)
    powers = [2**power for power in range(16) if 2**power <= 1.2 * longest]
    axes.set_xscale("log", base=2)
    axes.set_xticks([_AT_NOTHING, *powers], ["0", *map(str, powers)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("latents in the message (mean over games)")
