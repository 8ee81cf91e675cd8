"""Negative log-likelihood and entropy of a token, against values by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.errors import InvalidSetting
from interlat.models.certainty import Certainties, Certainty, nll_and_entropy

LN2 = math.log(2)


def _measured(probabilities: list[float], token: int) -> tuple[float, float]:
    logits = torch.tensor([probabilities], dtype=torch.float64).log()
    nll, entropy = nll_and_entropy(logits, torch.tensor([token]))
    return nll.item(), entropy.item()


@pytest.mark.parametrize("vocab", [1, 2, 50])
def test_equal_logits_give_ln_v_of_both(vocab: int):
    for height in (0.0, -7.0):
        nll, entropy = nll_and_entropy(torch.full((3, vocab), height, dtype=torch.float64), torch.zeros(3).long())
        assert nll.tolist() == pytest.approx([math.log(vocab)] * 3, abs=1e-12)
        assert entropy.tolist() == pytest.approx([math.log(vocab)] * 3, abs=1e-12)


def test_a_token_that_is_certain_costs_nothing():
    """And is 0, not −0, also where the others are left out by −∞."""
    assert str(_measured([0.0, 1.0, 0.0], 1)) == "(0.0, 0.0)"


@pytest.mark.parametrize(("token", "nll"), [(0, LN2), (1, 2 * LN2), (2, 2 * LN2)])
def test_a_half_and_two_quarters(token: int, nll: float):
    """H = 1/2 ln 2 + 2 · 1/4 ln 4 = 3/2 ln 2."""
    assert _measured([0.5, 0.25, 0.25], token) == pytest.approx((nll, 1.5 * LN2), abs=1e-12)


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=12),
    st.floats(-100, 100),
)
def test_entropy_is_the_mean_of_what_tokens_cost(logits: list[float], shift: float):
    """Σ p(token) · (−log p(token)) = H, within [0, ln V]; adding a number to all logits changes nothing."""
    row = torch.tensor(logits, dtype=torch.float64)
    every = torch.arange(len(row))
    nll, entropy = nll_and_entropy(row.expand(len(row), -1), every)
    assert float((row.softmax(0) * nll).sum()) == pytest.approx(entropy[0].item(), abs=1e-9)
    assert -1e-12 <= entropy[0].item() <= math.log(len(row)) + 1e-12
    shifted, again = nll_and_entropy((row + shift).expand(len(row), -1), every)
    torch.testing.assert_close(shifted, nll, rtol=0, atol=1e-9)
    torch.testing.assert_close(again, entropy, rtol=0, atol=1e-9)


def test_half_precision_is_raised_to_float32():
    logits = torch.randn(2, 300, generator=torch.Generator().manual_seed(0)).bfloat16()
    low = nll_and_entropy(logits, torch.tensor([0, 1]))
    assert all(
        torch.equal(a, b) for a, b in zip(low, nll_and_entropy(logits.float(), torch.tensor([0, 1])), strict=True)
    )
    assert {each.dtype for each in low} == {torch.float32}


def test_rows_are_collected_where_they_are_wanted_and_only_there():
    """Row 1 has one token, row 0 two: of 2 and 4 equal ones."""
    kept, dropped = Certainties(2, True), Certainties(2, False)
    for each in (kept, dropped):
        each.add([0, 1], torch.zeros(2, 2), torch.tensor([0, 1]))
        each.add([0], torch.zeros(1, 4), torch.tensor([3]))
    assert kept.of(0).nll == kept.of(0).entropies == pytest.approx((LN2, 2 * LN2))
    assert kept.of(1).nll == pytest.approx((LN2,))
    assert dropped.of(0) == dropped.of(1) == Certainty()


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(broken: float):
    with pytest.raises(InvalidSetting, match=r"wanted finite logits to measure .* wider dtype"):
        Certainties(1, True).add([0], torch.tensor([[0.0, broken]]), torch.tensor([0]))
    Certainties(1, False).add([0], torch.tensor([[0.0, broken]]), torch.tensor([0]))
