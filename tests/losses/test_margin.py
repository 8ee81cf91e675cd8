"""Margin loss: value and gradient by hand, where it is steepest and where it is gone, who receives gradient."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.losses import margin_loss, separation_loss

ONE = torch.ones(1, 1, dtype=torch.bool)
FIRST = torch.zeros(1, 1, dtype=torch.long)


def _logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([[probabilities]], dtype=torch.float64).log()


def test_by_hand():
    """Position 0: ln ½ against ln ¼, 1 − ln 2 short of the margin 1. Position 1: likelier by ln 8, above 1. 2 is masked."""
    matched = torch.cat([_logits(0.5, 0.5), _logits(0.8, 0.2), _logits(0.1, 0.9)], dim=1)
    mismatched = torch.cat([_logits(0.25, 0.75), _logits(0.1, 0.9), _logits(0.9, 0.1)], dim=1)
    mask = torch.tensor([[True, True, False]])
    loss = margin_loss(matched, mismatched, torch.zeros(1, 3, dtype=torch.long), mask, 1.0)
    assert loss.item() == pytest.approx((1 - math.log(2)) / 2, abs=1e-12)


def test_gradient_by_hand():
    """Short of the margin, the gradient is that of −log p(y): p − one-hot = (−¾, ¾) for p = (¼, ¾) and target 0."""
    matched = _logits(0.25, 0.75).requires_grad_()
    margin_loss(matched, _logits(0.25, 0.75), FIRST, ONE, 0.5).backward()
    assert matched.grad.flatten().tolist() == pytest.approx([-0.75, 0.75], abs=1e-12)


def test_it_has_a_gradient_where_separation_has_none():
    """Equal predictions under both messages: −JS is at its maximum there, and flat."""
    matched, other = _logits(0.3, 0.7).requires_grad_(), _logits(0.3, 0.7)
    flat = torch.autograd.grad(separation_loss(matched, other, ONE), matched)[0]
    steep = torch.autograd.grad(margin_loss(matched, other, FIRST, ONE, 0.5), matched)[0]
    assert flat.abs().max() == pytest.approx(0, abs=1e-12)
    assert steep.abs().max() == pytest.approx(0.7, abs=1e-12)


@pytest.mark.parametrize("detach", [True, False])
def test_who_receives_gradient(detach: bool):
    matched, mismatched = (_logits(0.3, 0.7).requires_grad_() for _ in range(2))
    margin_loss(matched, mismatched, FIRST, ONE, 0.5, detach).backward()
    assert matched.grad.abs().sum() > 0
    assert (mismatched.grad is None) == detach


def test_gradients_are_those_of_the_value():
    generator = torch.Generator().manual_seed(3)
    matched, mismatched = (
        torch.randn(2, 3, 4, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2)
    )
    targets = torch.randint(4, (2, 3), generator=generator)
    mask = torch.tensor([[True, False, True], [True, True, False]])
    assert torch.autograd.gradcheck(lambda p, q: margin_loss(p, q, targets, mask, 0.5, False), (matched, mismatched))


@given(st.floats(0.01, 5.0), st.integers(0, 2**32))
def test_equal_predictions_are_short_by_the_whole_margin(margin: float, seed: int):
    logits = torch.randn(1, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    loss = margin_loss(logits, logits, torch.tensor([[1, 4]]), torch.ones(1, 2, dtype=torch.bool), margin)
    assert loss.item() == pytest.approx(margin, abs=1e-12)


def test_an_empty_mask_gives_zero():
    assert margin_loss(_logits(0.3, 0.7), _logits(0.3, 0.7), FIRST, ~ONE, 0.5).item() == 0


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(ValueError, match="the margin must be above 0 nats, got 0"):
        margin_loss(_logits(0.3, 0.7), _logits(0.3, 0.7), FIRST, ONE, 0.0)
