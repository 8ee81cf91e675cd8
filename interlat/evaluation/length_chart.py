"""Success and message time against message length, as one picture; knows neither commands nor models."""

from collections.abc import Mapping
from pathlib import Path

from interlat.evaluation.summary import Measures

FULL = "full"


def draw_lengths(measures: Mapping[str, Measures], path: Path) -> None:
    """Draw two panels over the same lengths: success with its 95 % interval, and seconds a message.

    Args:
        measures: of each length as it was asked for (``full``, ``8``, ``0``), in the order of the axis.
        path: of the PNG file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    success, seconds = figure.subplots(2, 1, sharex=True)
    at = range(len(measures))
    rates = [100 * of.success_rate for of in measures.values()]
    low = [max(0.0, rate - 100 * of.ci95[0]) for rate, of in zip(rates, measures.values(), strict=True)]
    high = [max(0.0, 100 * of.ci95[1] - rate) for rate, of in zip(rates, measures.values(), strict=True)]
    success.errorbar(at, rates, yerr=[low, high], marker="o", capsize=3)
    success.set_ylabel("success, %")
    success.set_ylim(0, 100)
    seconds.plot(at, [of.message_seconds for of in measures.values()], marker="o")
    seconds.set_ylabel("seconds a message")
    seconds.set_ylim(bottom=0)
    seconds.set_xticks(list(at), list(measures))
    seconds.set_xlabel("latents in the message")
    figure.savefig(path, dpi=150)
