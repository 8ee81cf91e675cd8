"""Intervals and p-values whose values follow from the formula by hand, and from scipy."""

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from interlat.evaluation.statistics import holm, mcnemar_exact, mean_and_sd, wilson_interval

Z2 = NormalDist().inv_cdf(0.975) ** 2


def test_wilson_without_a_success():
    """p̂ = 0: center and half width are both z²/2n / (1 + z²/n), so the interval is [0, z²/(n + z²)]."""
    assert wilson_interval(0, 10) == pytest.approx((0.0, Z2 / (10 + Z2)), abs=1e-12)


def test_wilson_with_every_success_mirrors_none():
    assert wilson_interval(10, 10) == pytest.approx((10 / (10 + Z2), 1.0), abs=1e-12)


def test_wilson_at_one_half():
    """p̂ = 1/2: center 1/2; half width z √(1/4n + z²/4n²) / (1 + z²/n) = z / (2 √(n + z²))."""
    half = Z2**0.5 / (2 * (20 + Z2) ** 0.5)
    assert wilson_interval(10, 20) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-12)


def test_wilson_without_trials_excludes_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_agrees_with_scipy(counts, confidence):
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson_interval(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 95.0)]
)
def test_wilson_refuses_what_makes_no_sense(successes, trials, confidence):
    with pytest.raises(ValueError, match="must be within"):
        wilson_interval(successes, trials, confidence)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),  # nothing differs
        (0, 5, 2 / 32),  # 2 · C(5,0) / 2⁵
        (1, 9, 22 / 1024),  # 2 · (C(10,0) + C(10,1)) / 2¹⁰
        (4, 4, 1.0),  # 2 · P(X ≤ 4) exceeds 1, as the middle is counted twice
    ],
)
def test_mcnemar_by_counting(only_first, only_second, p):
    assert mcnemar_exact(only_first, only_second) == pytest.approx(p, abs=1e-15)


@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_is_the_sign_test(only_first, only_second):
    expected = binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    assert mcnemar_exact(only_first, only_second) == pytest.approx(expected, abs=1e-9)
    assert mcnemar_exact(only_first, only_second) == mcnemar_exact(only_second, only_first)


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="must not be negative, got -1 and 2"):
        mcnemar_exact(-1, 2)


def test_holm_by_hand():
    """Sorted 0.01, 0.03, 0.04 times 3, 2, 1: 0.03, 0.06, 0.04; none may be below the one before."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values):
    """Step down: while the smallest of those left is at most α over their number, reject it."""
    left, rejected = sorted(range(len(p_values)), key=p_values.__getitem__), set()
    while left and p_values[left[0]] * len(left) <= 0.05:
        rejected.add(left.pop(0))
    corrected = holm(p_values)
    assert {place for place, p in enumerate(corrected) if p <= 0.05} == rejected
    assert all(p <= c <= min(1, len(p_values) * p) + 1e-12 for p, c in zip(p_values, corrected, strict=True))


def test_holm_refuses_what_is_no_probability():
    with pytest.raises(ValueError, match=r"p-values must be within \[0, 1\], got \[0.5, 1.5\]"):
        holm([0.5, 1.5])


def test_mean_and_deviation_over_seeds():
    """2 and 4: mean 3, sample variance (1 + 1)/1; one seed has no deviation."""
    assert mean_and_sd([2.0, 4.0]) == pytest.approx((3.0, 2**0.5))
    assert mean_and_sd([2.0]) == (2.0, None)
    with pytest.raises(ValueError, match="at least one seed"):
        mean_and_sd([])
