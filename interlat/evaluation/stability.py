"""How sure agents are of what they answer: perplexity, and entropy by position. Pure functions of records; knows no table and no file.

Source: DiffMAS (arXiv 2604.21794) reports the perplexity of decoding and curves of token-level entropy, and says no more of how they are
computed than that. Here: of the answers themselves, under the model that wrote them, at temperature 1. How often the same question is
answered alike is in `interlat.evaluation.self_consistency`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import exp
from statistics import fmean

import numpy as np
from jaxtyping import Float

from interlat.evaluation.episodes import EpisodeRecord
from interlat.evaluation.paired import Interval

_RESAMPLES, _AT_ONCE = 10_000, 500
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Perplexity:
    """How surprising answers were to the agent that wrote them.

    Args:
        perplexity: exp of the mean −log p over all tokens of all answers, at least 1, with a 95 % bootstrap interval over problems.
        entropy: mean over the same tokens of the entropy of the next-token distribution, nats.
        answers: how many.
        tokens: how many, stop tokens counted.
    """

    perplexity: Interval
    entropy: float
    answers: int
    tokens: int


@dataclass(frozen=True)
class EntropyCurve:
    """Entropy by position in the answer, from its first token on.

    Args:
        entropies: mean over the answers that have a token at a position, nats.
        running: how many these are; never more than at the position before.
    """

    entropies: tuple[float, ...]
    running: tuple[int, ...]


def measured(records: Iterable[EpisodeRecord]) -> list[EpisodeRecord]:
    """Those whose tokens were measured."""
    return [record for record in records if record.token_nll]


def perplexity(records: Sequence[EpisodeRecord]) -> Perplexity:
    """Perplexity of answers, their tokens pooled.

    Args:
        records: all measured. Problems are the sample: they are drawn with replacement, each with its answers of all runs.

    Raises:
        ValueError: if there is none.
    """
    sums = _sums(records)
    if not sums:
        raise ValueError("wanted at least one answer whose tokens were measured, got none")
    table = np.array(list(sums.values()))
    nll, tokens = table.sum(axis=0)
    resampled = _resampled(table)
    low, high = np.quantile(np.exp(resampled[:, 0] / resampled[:, 1]), _TAILS)
    return Perplexity(
        perplexity=Interval(exp(nll / tokens), float(low), float(high)),
        entropy=fmean(entropy for record in records for entropy in record.token_entropies),
        answers=len(records),
        tokens=int(tokens),
    )


def perplexity_change(records: Iterable[EpisodeRecord], others: Iterable[EpisodeRecord]) -> Interval | None:
    """Perplexity of some answers minus that of others to the same problems in the same runs.

    The bootstrap draws problems, each with both sides, so that hard problems, which surprise everybody, widen nothing.

    Returns:
        None where no problem was answered by both in the same run.
    """
    mine = {(record.game_id, record.run): record for record in measured(records)}
    theirs = {(record.game_id, record.run): record for record in measured(others)}
    both = [key for key in mine if key in theirs]
    if not both:
        return None
    first, second = (_sums([side[key] for key in both]) for side in (mine, theirs))
    table = np.array([[*first[game], *second[game]] for game in first])
    nll, tokens, other_nll, other_tokens = table.sum(axis=0)
    resampled = _resampled(table)
    changes = np.exp(resampled[:, 0] / resampled[:, 1]) - np.exp(resampled[:, 2] / resampled[:, 3])
    low, high = np.quantile(changes, _TAILS)
    return Interval(exp(nll / tokens) - exp(other_nll / other_tokens), float(low), float(high))


def entropy_curve(records: Sequence[EpisodeRecord]) -> EntropyCurve:
    """Mean entropy at each position, over the answers that reach it; empty where nothing was measured."""
    columns = [
        [entropy for entropy in column if entropy is not None]
        for column in zip_longest(*(record.token_entropies for record in records))
    ]
    return EntropyCurve(tuple(fmean(column) for column in columns), tuple(len(column) for column in columns))


def _sums(records: Sequence[EpisodeRecord]) -> Mapping[str, tuple[float, int]]:
    """−log p and tokens of each problem, all its answers together."""
    found: defaultdict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for record in records:
        nll, tokens = found[record.game_id]
        found[record.game_id] = nll + sum(record.token_nll), tokens + len(record.token_nll)
    return found


def _resampled(table: Float[np.ndarray, "problems sums"]) -> Float[np.ndarray, "resamples sums"]:
    """Column sums over problems drawn with replacement; a few hundred draws at once, as memory allows."""
    generator = np.random.default_rng(0)
    draws = [
        table[generator.integers(len(table), size=(_AT_ONCE, len(table)))].sum(axis=1)
        for _ in range(_RESAMPLES // _AT_ONCE)
    ]
    return np.concatenate(draws)
