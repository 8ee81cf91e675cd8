"""What a number of games can show: the smallest difference that a paired test would notice. Knows nothing of episodes."""

from functools import lru_cache
from math import sqrt
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

_HALVINGS = 40  # of an interval of at most 1: far below a thousandth of a point


def mcnemar_power(games: int, discordant_share: float, difference: float, alpha: float = 0.05) -> float:
    """Chance that the exact two-sided McNemar test notices a difference.

    The number of games that go differently is Binomial(games, ψ); of m such games, Binomial(m, (1 + δ/ψ)/2) fall to the better
    condition, and the test rejects where the smaller count is surprising at 1/2. Both sums are exact.
    Source: Duffy 1984, Asymptotic and exact power for the McNemar test.

    Args:
        games: played under both conditions.
        discordant_share: ψ, the share of games that one condition wins and the other does not, within [0, 1].
        difference: δ of the success rates, within [0, ψ].
        alpha: level of the test.

    Returns:
        A probability.

    Raises:
        ValueError: if an argument is out of range.
    """
    if games < 1 or not 0 <= discordant_share <= 1 or not 0 <= difference <= discordant_share:
        raise ValueError(
            "wanted at least one game and 0 <= difference <= discordant share <= 1, "
            f"got {games} games, a difference of {difference} and a share of {discordant_share}"
        )
    if discordant_share == 0:
        return 0.0
    better = min(1.0, (1 + difference / discordant_share) / 2)
    differing = _binomial(games, discordant_share)
    critical = _critical_counts(games, alpha)
    noticed = 0.0
    for m in np.flatnonzero((critical >= 0) & (differing > 1e-12)).tolist():
        of_m = _binomial(m, better)
        noticed += differing[m] * (of_m[: critical[m] + 1].sum() + of_m[m - critical[m] :].sum())
    return float(min(1.0, noticed))


def smallest_visible_difference(
    games: int, discordant_share: float, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The difference of success rates that the exact McNemar test notices with the wanted power; smaller ones it mostly misses.

    Args:
        games: played under both conditions.
        discordant_share: share of games that one condition wins and the other does not, within [0, 1].
        power: wanted chance to notice, within (0, 1).
        alpha: level of the test, two-sided.

    Returns:
        A difference in [0, discordant_share], or None where not even all differing games on one side would be enough.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not 0 < power < 1:
        raise ValueError(f"power must be within (0, 1), like 0.8, got {power}")
    if mcnemar_power(games, discordant_share, discordant_share, alpha) < power:
        return None
    low, high = 0.0, discordant_share
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if mcnemar_power(games, discordant_share, middle, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def smallest_visible_mean(games: int, sd: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The same for a mean over games of any differences, such as means over seeds: (z_(1−α/2) + z_power) · sd / √games.

    The normal approximation; fair from some thirty differing games on.

    Args:
        games: played under both conditions.
        sd: standard deviation of the difference from game to game.
        power: wanted chance to notice, within (0, 1).
        alpha: level of the test, two-sided.

    Returns:
        A difference in the unit of ``sd``.

    Raises:
        ValueError: if there is no game or ``sd`` is negative.
    """
    if games < 1 or sd < 0:
        raise ValueError(f"wanted at least one game and sd >= 0, got {games} and {sd}")
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * sd / sqrt(games)


def power_line(games: int) -> str:
    """What a number of games cannot show, in words, where a tenth and where a third of them go differently."""
    few, many = (smallest_visible_difference(games, share) for share in (0.1, 1 / 3))
    if many is None:
        return f"Power: {games} games are too few for one seed's McNemar test to notice any difference, even if a third go differently."
    where_few = "no difference can be seen" if few is None else f"one under {100 * few:.1f} points cannot be seen"
    return (
        f"Power: with {games} games a difference under {100 * many:.1f} points cannot be seen in one seed where a third of them go "
        f"differently; where a tenth do, {where_few} (exact McNemar, 5 %, noticed in 80 of 100 such studies)."
    )


@lru_cache(maxsize=32)
def _critical_counts(games: int, alpha: float) -> Int[np.ndarray, " differing"]:
    """For m = 0..games differing games, the largest smaller count that is rejected; −1 where none is."""
    # The slack accepts a p-value that equals alpha and is rounded above it.
    tails = (2 * _binomial(m, 0.5).cumsum()[: m // 2 + 1] for m in range(games + 1))
    return np.array([np.count_nonzero(tail <= alpha * (1 + 1e-12)) - 1 for tail in tails], dtype=int)


def _binomial(trials: int, share: float) -> Float[np.ndarray, " counts"]:
    """Chances of 0..trials successes, by logarithms: no factorial overflows."""
    counts = np.arange(trials + 1)
    if share in (0.0, 1.0):
        return np.where(counts == share * trials, 1.0, 0.0)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    ways = logs[trials] - logs - logs[::-1]
    chances: Float[np.ndarray, " counts"] = np.exp(ways + counts * np.log(share) + (trials - counts) * np.log1p(-share))
    return chances
