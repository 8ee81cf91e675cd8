"""Power of the exact McNemar test: counted by hand, summed by brute force, and near the textbook's approximation."""

from math import comb, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.evaluation.power import (
    mcnemar_power,
    power_line,
    smallest_visible_difference,
    smallest_visible_mean,
)
from interlat.evaluation.statistics import mcnemar_exact


def test_five_games_are_too_few_and_six_are_enough_if_all_go_one_way():
    """5 of 5 has p = 2/32 > 0.05, 6 of 6 has p = 2/64 < 0.05."""
    assert mcnemar_power(5, 1.0, 1.0) == 0.0
    assert mcnemar_power(6, 1.0, 1.0) == pytest.approx(1.0)


def test_without_a_difference_power_is_the_level():
    """Six games that all differ, either way alike: rejected at 6:0 and 0:6, 2/64."""
    assert mcnemar_power(6, 1.0, 0.0) == pytest.approx(2 / 64)


def test_power_of_a_few_games_by_hand():
    """All 6 differ, 3/4 better (δ = 1/2): rejected where all go the same way, (3/4)⁶ + (1/4)⁶."""
    assert mcnemar_power(6, 1.0, 0.5) == pytest.approx((3**6 + 1) / 4**6)


@given(st.integers(1, 14), st.floats(0.05, 1.0), st.floats(0.0, 1.0))
def test_power_agrees_with_summing_over_every_outcome(games, share, part):
    """b games better, c worse: trinomial with chances (ψ + δ)/2 and (ψ − δ)/2; rejected where the exact p ≤ 0.05."""
    difference = part * share
    better, worse, equal = (share + difference) / 2, (share - difference) / 2, 1 - share
    expected = sum(
        comb(games, b) * comb(games - b, c) * better**b * worse**c * equal ** (games - b - c)
        for b in range(games + 1)
        for c in range(games - b + 1)
        if mcnemar_exact(b, c) <= 0.05
    )
    assert mcnemar_power(games, share, difference) == pytest.approx(expected, abs=1e-9)


def test_a_p_value_that_equals_the_level_rejects():
    """6 of 6: p = 2/64 exactly."""
    assert mcnemar_power(6, 1.0, 1.0, alpha=2 / 64) == pytest.approx(1.0)


@pytest.mark.parametrize(("games", "share"), [(134, 1 / 3), (140, 0.1), (420, 0.25)])
def test_the_smallest_visible_difference_is_where_power_reaches_80_percent(games, share):
    visible = smallest_visible_difference(games, share)
    assert mcnemar_power(games, share, visible) >= 0.8
    assert mcnemar_power(games, share, visible - 1e-6) < 0.8


def test_the_exact_test_sees_a_little_less_than_the_normal_approximation_says():
    """Connor 1987: δ √n = z √ψ + z' √(ψ − δ²) without continuity correction; n = 420, ψ = 1/4."""
    visible = smallest_visible_difference(420, 0.25)
    normal = next(
        d / 1e4 for d in range(1, 2500) if d / 1e4 * sqrt(420) >= 1.95996 * 0.5 + 0.84162 * sqrt(0.25 - (d / 1e4) ** 2)
    )
    assert normal < visible < normal + 0.006


def test_where_too_few_games_differ_nothing_is_visible():
    assert smallest_visible_difference(134, 0.02) is None
    assert smallest_visible_difference(134, 0.0) is None


@pytest.mark.parametrize("games", [20, 60])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_more_games_see_smaller_differences(games, share):
    few, many = smallest_visible_difference(games, share), smallest_visible_difference(4 * games, share)
    assert many is not None
    assert few is None or many < few


def test_the_smallest_visible_mean():
    """(1.95996 + 0.84162) · 0.5 / √100."""
    assert smallest_visible_mean(100, 0.5) == pytest.approx(2.80158 * 0.05, abs=1e-5)
    assert smallest_visible_mean(100, 0.0) == 0.0


def test_the_power_line_names_games_and_points():
    line = power_line(134)
    assert f"with 134 games a difference under {100 * smallest_visible_difference(134, 1 / 3):.1f} points" in line
    assert f"a tenth do, one under {100 * smallest_visible_difference(134, 0.1):.1f} points" in line
    assert "12 games are too few" in power_line(12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mcnemar_power(0, 0.5, 0.1),
        lambda: mcnemar_power(10, 1.5, 0.1),
        lambda: mcnemar_power(10, 0.1, 0.2),
        lambda: smallest_visible_difference(10, 0.5, power=80.0),
        lambda: smallest_visible_mean(0, 1.0),
        lambda: smallest_visible_mean(5, -1.0),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError, match=r"wanted at least one game|must be within"):
        call()
