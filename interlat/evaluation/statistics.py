"""How sure a success rate is, and a difference of two. Knows nothing of episodes."""

from math import comb, sqrt
from statistics import NormalDist


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
