"""How sure a success rate is, a difference of two, and several of them asked at once. Knows nothing of episodes.

Differences over the same games and several seeds are in `interlat.evaluation.paired`, what a number of games can show in
`interlat.evaluation.power`.
"""

from collections.abc import Sequence
from math import comb, sqrt
from statistics import NormalDist, fmean, stdev


def wilson_interval(successes: int | float, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share: the values p for which the count is not surprising at that confidence.

    (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n). Unlike p̂ ± z·SE it stays within [0, 1] and has width at 0 and n.
    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    Args:
        successes: within [0, trials]; a mean over repetitions of the same trials may be fractional.
        trials: independent trials; with none, every share is possible.
        confidence: within (0, 1).

    Returns:
        Lower and upper end, shares in [0, 1].

    Raises:
        ValueError: if the counts or the confidence are out of range.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be within [0, trials], got {successes} of {trials}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be within (0, 1), like 0.95, got {confidence}")
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    scale = 1 + z**2 / trials
    center = (share + z**2 / (2 * trials)) / scale
    half = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / scale
    return max(0.0, center - half), min(1.0, center + half)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided p-value of a difference between two conditions tried on the same games.

    Games with the same outcome under both say nothing; if neither condition were better, each other game would fall
    to either side with probability 1/2, so the smaller count is Binomial(n, 1/2). Source: McNemar 1947, exact form.

    Args:
        only_first: games that the first condition wins and the second does not.
        only_second: the reverse.

    Returns:
        A probability in (0, 1]; 1 where the conditions never differ.

    Raises:
        ValueError: if a count is negative.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"counts must not be negative, got {only_first} and {only_second}")
    differing = only_first + only_second
    tail = sum(comb(differing, k) for k in range(min(only_first, only_second) + 1))
    return float(min(1.0, 2 * tail / 2**differing))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for having asked several questions at once, by Holm's step-down method.

    The i-th smallest of m values (i from 0) is multiplied by m − i, made no smaller than the one before, and cut at 1.
    Rejecting where a corrected value is at most α keeps the chance of any false rejection at most α, however the
    questions depend on each other. Source: Holm 1979, A simple sequentially rejective multiple test procedure.

    Args:
        p_values: one a question, all that were asked; within [0, 1].

    Returns:
        The corrected values in the order given.

    Raises:
        ValueError: if a value is no probability.
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must be within [0, 1], got {list(p_values)}")
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        corrected[place] = min(1.0, largest)
    return corrected


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n − 1), as papers write 70.5 ± 1.0 over seeds.

    Args:
        values: one a seed.

    Returns:
        Both in the values' unit; None for the deviation of a single value, which nobody can know.

    Raises:
        ValueError: if there is no value.
    """
    if not values:
        raise ValueError("wanted the value of at least one seed, got none")
    return fmean(values), stdev(values) if len(values) > 1 else None
