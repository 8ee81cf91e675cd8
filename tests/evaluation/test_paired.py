"""Paired bootstrap and sign-flip test: values counted by hand, the same as scipy's, and properties of any data."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, permutation_test

from interlat.evaluation.paired import Interval, paired_bootstrap, sign_flip_test
from interlat.evaluation.statistics import mcnemar_exact

SHARES = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])
TABLES = st.tuples(st.integers(1, 12), st.integers(1, 3)).flatmap(
    lambda shape: st.lists(SHARES, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda values: np.array(values).reshape(shape)
    )
)


def test_two_games_have_three_resampled_means():
    """Games 1 and 0: means 0, 1/2, 1 with chances 1/4, 1/2, 1/4; 95 % reaches both ends, the middle 40 % only 1/2."""
    games = np.array([[1.0], [0.0]])
    assert paired_bootstrap(games) == Interval(0.5, 0.0, 1.0)
    assert paired_bootstrap(games, confidence=0.4) == Interval(0.5, 0.5, 0.5)


def test_seeds_vary_only_where_they_are_resampled():
    """One game, won more in one seed and less in the other: no other game can be drawn, but other seeds can."""
    game = np.array([[1.0, -1.0]])
    assert paired_bootstrap(game) == Interval(0.0, 0.0, 0.0)
    assert paired_bootstrap(game, resample_seeds=True) == Interval(0.0, -1.0, 1.0)


def test_equal_seeds_make_nobody_surer():
    one = np.array([[1.0], [0.0], [-1.0], [1.0], [0.0]])
    once, thrice = paired_bootstrap(one), paired_bootstrap(np.repeat(one, 3, axis=1))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-12)


def test_the_interval_has_the_width_of_the_normal_one():
    """134 games, 40 better and 20 worse: mean 20/134, variance of a game 60/134 − mean²; ± 1.96 √(variance/134)."""
    games = np.array([1.0] * 40 + [-1.0] * 20 + [0.0] * 74)[:, None]
    mean = 20 / 134
    half = 1.96 * ((60 / 134 - mean**2) / 134) ** 0.5
    found = paired_bootstrap(games)
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half), abs=0.008)


def test_the_bootstrap_agrees_with_scipy():
    games = np.random.default_rng(3).choice([-1.0, -1 / 3, 0.0, 1 / 3, 1.0], size=100, p=[0.05, 0.1, 0.5, 0.2, 0.15])
    expected = bootstrap((games,), np.mean, n_resamples=10_000, method="percentile", rng=0).confidence_interval
    found = paired_bootstrap(games[:, None])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@given(TABLES, st.booleans(), st.integers(0, 5))
def test_a_bootstrap_repeats_and_stays_within_the_data(table, resample_seeds, seed):
    found = paired_bootstrap(table, resample_seeds=resample_seeds, resamples=200, seed=seed)
    assert found == paired_bootstrap(table, resample_seeds=resample_seeds, resamples=200, seed=seed)
    assert table.min() - 1e-12 <= found.low <= found.high <= table.max() + 1e-12
    assert found.estimate == pytest.approx(table.mean())


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_games_does_not_matter(table, random):
    shuffled = list(table)
    random.shuffle(shuffled)
    found, again = (paired_bootstrap(each, resamples=200) for each in (table, np.array(shuffled)))
    assert (found.low, found.high) == (again.low, again.high)


@pytest.mark.parametrize(
    ("table", "confidence", "message"),
    [
        (np.zeros((0, 1)), 0.95, "at least one game and one seed, got 0 and 1"),
        (np.zeros((1, 1)), 95.0, "confidence must be within"),
    ],
)
def test_the_bootstrap_refuses_what_makes_no_sense(table, confidence, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(table, confidence=confidence)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0, 0, 0], 1.0),  # nothing differs
        ([3], 1.0),  # 3 and -3 are as far from 0
        ([1, 1, 1, 1, 1], 2 / 32),  # all plus or all minus
        ([2, 1], 0.5),  # |±2 ± 1| ≥ 3: two of four
        ([2, -1], 1.0),  # |±2 ± 1| ≥ 1: all four
        ([3, 1, 1], 0.25),  # sums ±5, ±3, ±3, ±1: two of eight reach 5
        ([3, 1, -1], 0.75),  # the same sums: six of eight reach 3
    ],
)
def test_sign_flips_by_counting(differences, p):
    assert sign_flip_test(np.array(differences)) == pytest.approx(p, abs=1e-12)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_sign_flips_agree_with_trying_all(differences):
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    expected = sum(abs(total) >= abs(sum(differences)) for total in sums) / len(sums)
    assert sign_flip_test(np.array(differences)) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_one_run_of_one_seed_is_mcnemar(more, less, equal):
    games = np.array([1] * more + [-1] * less + [0] * equal, dtype=int)
    assert sign_flip_test(games) == pytest.approx(mcnemar_exact(more, less), rel=1e-9)


def test_sign_flips_agree_with_scipy():
    games = np.array([3, -1, 2, 2, 0, 1, -2, 3, 1])
    found = permutation_test(
        (games, np.zeros(9)), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", vectorized=True
    )
    assert sign_flip_test(games) == pytest.approx(found.pvalue, abs=1e-12)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(1, 4))
def test_sign_flips_know_no_unit_and_no_direction(differences, factor):
    games = np.array(differences)
    assert sign_flip_test(games * factor) == pytest.approx(sign_flip_test(games), rel=1e-9)
    assert sign_flip_test(-games) == pytest.approx(sign_flip_test(games), rel=1e-9)
