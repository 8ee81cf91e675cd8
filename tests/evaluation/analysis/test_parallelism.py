"""Masses of known distributions, and medians over tasks of unequal length."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.evaluation.analysis.parallelism import PERCENTILES, TokenMass, source_steps, steps_of, token_mass
from interlat.models import TinyLM, build_tiny_lm, train_tokenizer
from interlat.models.backbone import token_logits


def test_masses_of_a_known_distribution():
    """p = 0.4, 0.2, 0.1 and nine times 1/30: the ten likeliest hold 0.7 + 7/30 = 14/15.

    Top-1: 0.4·15/14 = 3/7; top-2: 9/14; top-3: 3/4; each further token adds 1/28.
    """
    p = [0.4, 0.2, 0.1, *[1 / 30] * 9]
    found = token_mass(torch.tensor([p], dtype=torch.float64).log()[:, torch.randperm(12)])
    assert found.s10.tolist() == pytest.approx([14 / 15])
    assert found.cumulative[0].tolist() == pytest.approx([3 / 7, 9 / 14, 3 / 4, 22 / 28, 23 / 28, 24 / 28])
    assert found.entropy.tolist() == pytest.approx([-sum(of * math.log(of) for of in p)])


def test_the_least_and_the_most_certain():
    """Uniform over 20: S10 is 1/2, the top k hold k/10, entropy ln 20. All on one token: 1, 1 and 0 nats."""
    certain = torch.full((20,), -math.inf).index_fill(0, torch.tensor([7]), 0.0)
    found = token_mass(torch.stack([torch.zeros(20), certain]))
    assert found.s10.tolist() == pytest.approx([0.5, 1.0])
    assert found.cumulative[0].tolist() == pytest.approx([k / 10 for k in range(1, 7)])
    assert found.cumulative[1].tolist() == pytest.approx([1.0] * 6)
    assert found.entropy.tolist() == pytest.approx([math.log(20), 0.0])


def test_a_small_vocabulary_is_its_own_top_ten():
    found = token_mass(torch.zeros(1, 4))
    assert found.s10.tolist() == pytest.approx([1.0])
    assert found.cumulative[0].tolist() == pytest.approx([0.25, 0.5, 0.75, 1.0])


@given(st.lists(st.floats(-30, 30), min_size=12, max_size=30), st.floats(-50, 50))
def test_masses_are_ordered_and_do_not_move_with_the_logits(logits: list[float], shift: float):
    values = torch.tensor([logits], dtype=torch.float64)
    found, moved = token_mass(values), token_mass(values + shift)
    curve = found.cumulative[0]
    assert bool((curve.diff() >= -1e-12).all())
    assert 0 < float(curve[0]) <= float(curve[-1]) <= 1 + 1e-12
    assert 0 <= float(found.entropy[0]) + 1e-12 <= math.log(len(logits)) + 1e-9
    torch.testing.assert_close(moved.cumulative, found.cumulative)
    torch.testing.assert_close(moved.entropy, found.entropy, atol=1e-9, rtol=0)


def _mass(*s10: float) -> TokenMass:
    values = torch.tensor(s10, dtype=torch.float64)
    return TokenMass(values[:, None].expand(-1, 6), values, 2 * values)


def test_medians_are_over_the_tasks_that_have_the_step():
    """Step 1: the median of 0.1, 0.5, 0.9 is 0.5; step 2: of 0.2 and 0.4 it is 0.3."""
    found = steps_of("sender", 12, [_mass(0.1, 0.2), _mass(0.5), _mass(0.9, 0.4)], max_steps=5)
    assert [(step.step, step.tasks) for step in found.steps] == [(1, 3), (2, 2)]
    assert [step.p50_s10 for step in found.steps] == pytest.approx([0.5, 0.3])
    assert [step.p50_entropy for step in found.steps] == pytest.approx([1.0, 0.6])


def test_curves_are_sorted_by_task():
    """Percentiles of 0.1, 0.5, 0.9: the least at 0, the median at 50, half-way up at 75, the most at 100."""
    curves = steps_of("sender", 12, [_mass(0.9), _mass(0.1), _mass(0.5)], max_steps=1).steps[0].cumulative_percentiles
    assert len(curves) == 6
    at = dict(zip(PERCENTILES, curves[0], strict=True))
    assert [at[0], at[25], at[50], at[75], at[100]] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])


def test_steps_end_where_they_are_told():
    assert len(steps_of("sender", 12, [_mass(0.1, 0.2, 0.3)], max_steps=2).steps) == 2


def test_a_source_is_read_through_its_own_head():
    tokenizer = train_tokenizer(["take the mug"], 300)
    lm = build_tiny_lm(TinyLM(hidden_size=16, num_layers=2, num_heads=2), tokenizer)
    messages = [torch.randn(4, 16), torch.randn(2, 16)]
    found = source_steps("x", lm, messages, max_steps=3)
    assert found.vocab == len(token_logits(lm, messages[0][0]))
    both = torch.stack([token_mass(token_logits(lm, of.detach()).detach()).s10[1] for of in messages])
    assert found.steps[1].p50_s10 == pytest.approx(float(both.mean()))
    assert [step.tasks for step in found.steps] == [2, 2, 1]
