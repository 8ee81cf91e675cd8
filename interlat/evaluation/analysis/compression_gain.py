"""ΔCE%(R) = 100·(CE_comp(R) − CE_full)/CE_full: the loss that a shorter message adds, by rate R (§5.2, Figure 6).

CE is the actor's cross-entropy on the supervised tokens of games it was not trained on. Cut messages keep the first latents of the
full one; learned ones come from compressors. Knows no files and no command line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from rich.table import Table
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.controls import truncate
from interlat.evaluation.analysis.drawing import blank_figure, colour, number_table, save_figure
from interlat.evaluation.analysis.progress import Shown, batches, silently
from interlat.evaluation.analysis.row_losses import row_losses
from interlat.evaluation.analysis.run import TrainedRun, adapt, compress
from interlat.evaluation.analysis.tasks import Task

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # the rows of Table 3
DRAWS = 2000  # of the bootstrap
CONFIDENCE = 0.95


@dataclass(frozen=True)
class RatePoint:
    """One way to shorten messages.

    Args:
        name: like ``cut to 30 %`` or ``K = 8``.
        kind: ``cut``, ``cut to K``, ``learned`` or ``silence``.
        rate: R, the latents sent as a share of those of the full messages; all games together.
        cross_entropy: nats a token.
        gain: ΔCE%, in %; above 0 is worse than the full message.
        ci95: its bootstrap interval over games.
    """

    name: str
    kind: str
    rate: float
    cross_entropy: float
    gain: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class Margin:
    """What learning gains over cutting to the same K.

    Args:
        name: of the compressor.
        points: ΔCE% of the cut message minus ΔCE% of the learned one, in percentage points; above 0 learning is better.
        ci95: its bootstrap interval over the same games.
    """

    name: str
    points: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class CompressionGain:
    """The curve of Figure 6.

    Args:
        games: how many.
        tokens: supervised tokens in all.
        mean_latents: of the full message.
        full_cross_entropy: CE_full, nats a token.
        points: cut ones by rate, then learned ones, then silence.
        margins: one a compressor.
    """

    games: int
    tokens: int
    mean_latents: float
    full_cross_entropy: float
    points: tuple[RatePoint, ...]
    margins: tuple[Margin, ...]


def percent_of_sums(numerator: Float[Tensor, " games"], denominator: Float[Tensor, " games"]) -> float:
    """100·Σ numerator / Σ denominator. With (CE_comp − CE_full, CE_full) summed over the tokens of each game, this is ΔCE%."""
    return float(100 * numerator.sum() / denominator.sum())


def bootstrap_interval(
    numerator: Float[Tensor, " games"], denominator: Float[Tensor, " games"], seed: int
) -> tuple[float, float]:
    """95 % percentile interval of ``percent_of_sums`` over games drawn with replacement; both sums are of the same draws.

    Source: Efron 1979, Bootstrap methods: another look at the jackknife.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(numerator), (DRAWS, len(numerator)), generator=generator)
    ratios = 100 * numerator[drawn].sum(dim=1) / denominator[drawn].sum(dim=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = torch.quantile(ratios, torch.tensor([tail, 1 - tail], dtype=ratios.dtype)).tolist()
    return low, high


def measure_compression_gain(
    run: TrainedRun,
    tasks: Sequence[Task],
    messages: Sequence[Float[Tensor, "_ sender_dim"]],
    batch_size: int,
    seed: int,
    shown: Shown = silently,
) -> CompressionGain:
    """Have the actor read every game with its full message, cut ones, learned ones and none.

    Args:
        run: whose actor and compressors.
        tasks: held-out games.
        messages: the full message of each.
        batch_size: games read at once.
        seed: of the bootstrap.
        shown: shows how far it is.
    """
    full = torch.tensor([len(message) for message in messages], dtype=torch.float64)
    ways: list[tuple[str, str, list[Tensor | None]]] = [
        (f"cut to {100 * share:.0f} %", "cut", [truncate(message, share) for message in messages]) for share in SHARES
    ]
    for of in run.compressors:
        length = of.compressor.num_latents
        ways.append((f"cut to {length} latents", "cut to K", [truncate(message, length) for message in messages]))
        ways.append((of.name, "learned", list(compress(run, of.compressor, tasks, batch_size, shown))))
    ways.append(("silence", "silence", [None] * len(tasks)))

    # Shares end with 1.0, which is the full message: it is read like the others.
    losses, tokens = _all_losses(run.actor, tasks, [sent for _, _, sent in ways], batch_size, shown)
    of_full = losses[len(SHARES) - 1]
    points = []
    for (name, kind, sent), loss in zip(ways, losses, strict=True):
        latents = sum(0 if message is None else len(message) for message in sent)
        added = loss - of_full
        gain, interval = percent_of_sums(added, of_full), bootstrap_interval(added, of_full, seed)
        points.append(
            RatePoint(name, kind, latents / float(full.sum()), float(loss.sum() / tokens.sum()), gain, interval)
        )
    learned = [number for number, (_, kind, _) in enumerate(ways) if kind == "learned"]
    margins = [
        Margin(
            ways[number][0],
            percent_of_sums(losses[number - 1] - losses[number], of_full),
            bootstrap_interval(losses[number - 1] - losses[number], of_full, seed),
        )
        for number in learned
    ]
    return CompressionGain(
        len(tasks),
        int(tokens.sum()),
        float(full.mean()),
        float(of_full.sum() / tokens.sum()),
        tuple(points),
        tuple(margins),
    )


def compression_gain_tables(found: CompressionGain) -> list[Table]:
    """ΔCE% of every rate, and what learning gains over cutting."""
    title = (
        f"{found.games} games, {found.tokens} tokens; full message: "
        f"{found.mean_latents:.1f} latents, {found.full_cross_entropy:.4f} nats a token"
    )
    table = number_table(title, "message", ("R, %", "CE, nats", "added CE, % [95 %]"))
    for of in found.points:
        row = (
            f"{100 * of.rate:.1f}",
            f"{of.cross_entropy:.4f}",
            f"{of.gain:+.1f} [{of.ci95[0]:+.1f}, {of.ci95[1]:+.1f}]",
        )
        table.add_row(of.name, *row)
    if not found.margins:
        return [table]
    margins = number_table("cut minus learned, at the same K", "compressor", ("points [95 %]",))
    for margin in found.margins:
        margins.add_row(margin.name, f"{margin.points:+.1f} [{margin.ci95[0]:+.1f}, {margin.ci95[1]:+.1f}]")
    return [table, margins]


def draw_compression_gain(found: CompressionGain, path: Path) -> None:
    """Draw ΔCE% against R in %, both kinds with their intervals, and silence as a line.

    Args:
        found: the numbers.
        path: of the PNG file.
    """
    figure = blank_figure(7.5, 5.0)
    axes = figure.subplots()
    looks = (("cut", "full message cut to a share", "s-", 0), ("cut to K", "full message cut to K", "D", 0))
    for kind, label, form, number in (*looks, ("learned", "learned compressor", "o-", 1)):
        points = sorted((of for of in found.points if of.kind == kind), key=lambda of: of.rate)
        if points:
            axes.errorbar(
                [100 * of.rate for of in points],
                [of.gain for of in points],
                yerr=[[of.gain - of.ci95[0] for of in points], [of.ci95[1] - of.gain for of in points]],
                fmt=form,
                color=colour(number),
                markerfacecolor="white" if kind == "cut to K" else colour(number),
                capsize=3,
                label=label,
            )
    for of in (point for point in found.points if point.kind == "learned"):
        axes.annotate(of.name, (100 * of.rate, of.gain), textcoords="offset points", xytext=(-38, 4), color=colour(1))
    silence = next((of.gain for of in found.points if of.kind == "silence"), None)
    if silence is not None:
        axes.axhline(silence, color="grey", linestyle="--", label=f"silence: {silence:+.0f} %")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlabel(f"rate R: latents sent, % of the full message ({found.mean_latents:.1f} in the mean)")
    axes.set_ylabel("added cross-entropy, % of the full message's")
    axes.set_title(f"held-out games: {found.games}; full message {found.full_cross_entropy:.3f} nats a token")
    axes.legend()
    save_figure(figure, path)


def _all_losses(
    actor: Actor,
    tasks: Sequence[Task],
    ways: Sequence[Sequence[Tensor | None]],
    batch_size: int,
    shown: Shown,
) -> tuple[list[Float[Tensor, " games"]], Tensor]:
    """Each way's losses by game, and the games' numbers of tokens."""
    numbers = batches(range(len(tasks)), batch_size)
    jobs = [(way, some) for way in range(len(ways)) for some in numbers]
    losses = [torch.zeros(len(tasks), dtype=torch.float64) for _ in ways]
    tokens = torch.zeros(len(tasks), dtype=torch.long)
    for way, some in shown(jobs, "reading messages"):
        messages = [ways[way][number] for number in some]
        sent = iter(adapt(actor, [message for message in messages if message is not None], batch_size))
        rows = [None if message is None else next(sent) for message in messages]
        losses[way][list(some)], tokens[list(some)] = row_losses(actor, [tasks[n].record for n in some], rows)
    return losses, tokens
