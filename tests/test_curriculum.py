"""Curriculum: the order of the mix, exact cuts, drawing."""

from collections import Counter
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interlat.curriculum import CurriculumRate, mix_left_to_right, mix_scaled, scaled_cut
from interlat.errors import InvalidMessage, InvalidSetting


def rows(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float64)[:, None]


def test_plan_comes_first_and_latents_after():
    """L = 5, r = 0.5: ⌊2.5⌋ = 2 plan rows (0, 1), then latents 3 to 5 (12, 13, 14)."""
    assert mix_left_to_right(rows(0, 5), rows(10, 5), 0.5).flatten().tolist() == [0, 1, 12, 13, 14]


def test_the_ends_are_pure():
    plan, latents = rows(0, 4), rows(10, 4)
    assert torch.equal(mix_left_to_right(plan, latents, 0.0), latents)
    assert torch.equal(mix_left_to_right(plan, latents, 1.0), plan)


@pytest.mark.parametrize("tenths", range(11))
def test_cuts_are_exact_for_every_rate_and_length(tenths):
    """In binary 0.1 · 3 or 0.7 · 10 may fall beside the whole number; the cut is that of exact arithmetic."""
    for length in range(1500):
        assert scaled_cut(tenths / 10, length, length) == (int(Fraction(tenths, 10) * length),) * 2
    assert scaled_cut(0.29, 100, 100) == (29, 29)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_every_row_of_a_mix_is_where_it_was(num_plan, num_latents, rate):
    plan_cut, latent_cut = scaled_cut(rate, num_plan, num_latents)
    mixed = mix_scaled(rows(0, num_plan), rows(100, num_latents), rate).flatten().tolist()
    assert mixed == [*range(plan_cut), *range(100 + latent_cut, 100 + num_latents)]


def test_scaled_by_hand():
    """r = 0.5, P = 4, L = 6: plan rows 0, 1, then latents from 3 on: 2 + 6 − 3 = 5 rows."""
    assert mix_scaled(rows(0, 4), rows(10, 6), 0.5).flatten().tolist() == [0, 1, 13, 14, 15]


def test_gradient_reaches_the_kept_rows_only():
    plan, latents = rows(0, 4).requires_grad_(), rows(10, 4).requires_grad_()
    mix_left_to_right(plan, latents, 0.25).sum().backward()
    assert plan.grad.flatten().tolist() == [1, 0, 0, 0]
    assert latents.grad.flatten().tolist() == [0, 1, 1, 1]


def test_unequal_lengths_are_refused_with_the_way_out():
    with pytest.raises(InvalidMessage, match=r"4 plan tokens and 5 latents.*mix_scaled"):
        mix_left_to_right(rows(0, 4), rows(0, 5), 0.5)


@pytest.mark.parametrize("rates", [(), (0.5, 1.1), (-0.1,), (float("nan"),)])
def test_rates_out_of_range_are_refused(rates):
    with pytest.raises(InvalidSetting, match="curriculum rate"):
        CurriculumRate(rates)


def test_draws_are_uniform_over_all_eleven_rates_and_repeat_with_the_seed():
    """11,000 draws: each count has mean 1000 and standard deviation √(11000 · 1/11 · 10/11) ≈ 30; five of them are 151."""
    rate = CurriculumRate()
    generator = torch.Generator().manual_seed(0)
    draws = [rate.draw(generator) for _ in range(11_000)]
    counts = Counter(draws)
    assert sorted(counts) == [tenths / 10 for tenths in range(11)]
    assert all(abs(count - 1000) < 151 for count in counts.values())
    generator.manual_seed(0)
    assert [rate.draw(generator) for _ in range(20)] == draws[:20]
