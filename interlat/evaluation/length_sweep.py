"""A sweep over message lengths: which conditions of which runs, and its table as Markdown and JSON. Knows no model.

full         the whole message              90%    the first 90 % of it
8            the first 8 latents of it      0      silence
8, trained   8 latents of a compressor that was trained to say as many
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from interlat.errors import InvalidSetting
from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.message_time_file import MessageTime
from interlat.evaluation.power import power_line
from interlat.evaluation.statistics import holm
from interlat.evaluation.summary import Comparison, Measures, compare, measure

Kind = Literal["full", "share", "untrained", "trained", "silence"]
FULL = "full"


@dataclass(frozen=True)
class SweptLength:
    """One length of a sweep.

    Args:
        label: as tables call it.
        kind: how a message of this length is made.
        condition: as evaluations call it.
        checkpoint: run folder that plays it.
    """

    label: str
    kind: Kind
    condition: str
    checkpoint: Path


@dataclass(frozen=True)
class LengthResult:
    """What a length came to.

    Args:
        length: which.
        measures: of its episodes.
        versus_first: over the same games as the first length; None for that one.
        p_holm: McNemar p-value, corrected for all lengths; None for the first.
        times: to make its messages, one a batch size; none for silence.
    """

    length: SweptLength
    measures: Measures
    versus_first: Comparison | None
    p_holm: float | None
    times: Sequence[MessageTime]


def swept_lengths(written: str, checkpoint: Path, said: int | None, trained: Mapping[int, Path]) -> list[SweptLength]:
    """Read what a sweep is over.

    Args:
        written: comma list of ``full``, shares like ``90%``, numbers of latents and 0.
        checkpoint: run folder that plays them.
        said: number of latents that this run's own compressor was trained to say; None where it has none.
        trained: run folders whose compressors add a trained length each, by number of latents.

    Raises:
        InvalidSetting: if a length cannot be read or comes twice.
    """
    lengths = [_read(part.strip(), checkpoint, said) for part in written.split(",")]
    lengths += [
        SweptLength(f"{number}, trained", "trained", f"latent:{number}", folder)
        for number, folder in sorted(trained.items(), reverse=True)
    ]
    labels = [length.label for length in lengths]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InvalidSetting(f"wanted each length once, got {'; '.join(twice)} more than once")
    return lengths


def _read(written: str, checkpoint: Path, said: int | None) -> SweptLength:
    if written == FULL:
        return SweptLength(FULL, "full", "latent", checkpoint)
    number = written.removesuffix("%")
    if not number.isdecimal() or (written.endswith("%") and not 0 < int(number) < 100):
        raise InvalidSetting(
            f"a length is 'full', a share from 1% to 99% or a whole number of latents, got {written!r}; "
            "write --lengths full,50%,16,8,0"
        )
    if written.endswith("%"):
        return SweptLength(f"{int(number)}%", "share", f"latent:{int(number)}%", checkpoint)
    if int(number) == 0:
        return SweptLength("0", "silence", "none", checkpoint)
    if int(number) == said:
        return SweptLength(f"{int(number)}, trained", "trained", f"latent:{int(number)}", checkpoint)
    return SweptLength(f"{int(number)}", "untrained", f"latent:{int(number)}", checkpoint)


def results_of_lengths(
    played: Mapping[SweptLength, Sequence[EpisodeRecord]], times: Mapping[SweptLength, Sequence[MessageTime]]
) -> list[LengthResult]:
    """Measure every length and compare it with the first.

    Args:
        played: episodes, lengths in the order of the table.
        times: to make messages, of the lengths that have any.
    """
    first, *others = played
    versus = {length: compare(played[length], played[first]) for length in others}
    corrected = dict(zip(others, holm([of.p for of in versus.values()]), strict=True))
    return [
        LengthResult(length, measure(records), versus.get(length), corrected.get(length), times.get(length, ()))
        for length, records in played.items()
    ]


def lengths_markdown(title: str, results: Sequence[LengthResult], machine: Mapping[str, Any]) -> str:
    """A page with the sweep's table.

    Args:
        title: of the page.
        results: of every length.
        machine: where message times were measured.
    """
    sizes = sorted({time.batch_size for of in results for time in of.times})
    times = [f"s/message, batch {size} [quartiles]" for size in sizes]
    heading = ["length", "latents", "success % [95 %]", "steps won/all", *times, "Δ points [95 %]", "p", "p, Holm"]
    rows = [heading, ["---", *["---:"] * (len(heading) - 1)], *(_cells(of, sizes) for of in results)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    on = ", ".join(f"{name} {value}" for name, value in machine.items() if value is not None)
    return (
        f"# {title}\n\n{table}\n\n"
        f"Δ and p (exact McNemar) are against {results[0].length.label} on the same games; p, Holm: corrected for "
        f"{len(results) - 1} comparisons. {power_line(results[0].measures.games)}\n\n"
        "s/message: median time until the latents are there, by the sender alone, warm; a batch's time is shared equally. "
        "A number of latents: the sender stops when it has them; trained: the compressor unrolls them; a share is cut from the "
        f"whole message and takes as long to make. Measured on: {on}.\n"
    )


def _cells(of: LengthResult, sizes: Sequence[int]) -> list[str]:
    low, high = of.measures.ci95
    times = {time.batch_size: time for time in of.times}
    won = of.measures.steps_success
    return [
        of.length.label,
        f"{mean_latents(of):.1f}",
        f"{100 * of.measures.success_rate:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{'-' if won is None else f'{won:.2f}'}/{of.measures.steps_all:.2f}",
        *(_time(times.get(size)) for size in sizes),
        *_difference(of),
    ]


def _difference(of: LengthResult) -> list[str]:
    if of.versus_first is None or of.p_holm is None:
        return ["-"] * 3
    low, high = of.versus_first.ci95
    points = f"{100 * of.versus_first.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    return [points, f"{of.versus_first.p:.2g}", f"{of.p_holm:.2g}"]


def _time(time: MessageTime | None) -> str:
    if time is None:
        return "-"
    size = time.batch_size
    return f"{time.seconds_a_message:.3g} [{time.low / size:.3g}, {time.high / size:.3g}]"


def mean_latents(of: LengthResult) -> float:
    """Mean number of latents in a message, over the largest batches; of a share, that share of the whole message's."""
    if not of.times:
        return 0.0
    share = int(of.length.label.removesuffix("%")) / 100 if of.length.kind == "share" else 1.0
    return share * of.times[-1].latents


def lengths_content(results: Sequence[LengthResult]) -> list[dict[str, Any]]:
    """The rows for JSON; rates and differences as shares of 1, times in seconds of a batch."""
    return [
        {
            **asdict(of.length),
            "checkpoint": of.length.checkpoint.as_posix(),
            "latents": mean_latents(of),
            "episodes": of.measures.episodes,
            "games": of.measures.games,
            "success_rate": of.measures.success_rate,
            "ci95": list(of.measures.ci95),
            "steps_success": of.measures.steps_success,
            "steps_all": of.measures.steps_all,
            "message_seconds": of.measures.message_seconds,
            "message_time": [{**asdict(time), "seconds_a_message": time.seconds_a_message} for time in of.times],
            "versus_first": None
            if of.versus_first is None
            else {**asdict(of.versus_first), "ci95": list(of.versus_first.ci95), "p_holm": of.p_holm},
        }
        for of in results
    ]
