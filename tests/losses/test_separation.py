"""Separation loss: value and gradient by hand, who receives gradient, masks."""

import math

import pytest
import torch

from interlat.losses import js_divergence, separation_loss

ONE = torch.ones(1, 1, dtype=torch.bool)


def random_pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(2, 3, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    return first.requires_grad_(), second.requires_grad_()


def test_by_hand():
    """Position 0: no common token, JS = ln 2. Position 1: equal, JS = 0. Position 2 is masked. Loss: −(ln 2)/2."""
    matched = torch.tensor([[[0.0, -1e4], [0.3, 0.1], [5.0, 0.0]]], dtype=torch.float64)
    mismatched = torch.tensor([[[-1e4, 0.0], [0.3, 0.1], [0.0, 5.0]]], dtype=torch.float64)
    loss = separation_loss(matched, mismatched, torch.tensor([[True, True, False]]))
    assert loss.item() == pytest.approx(-math.log(2) / 2, abs=1e-12)


def test_gradient_by_hand():
    """p = (1/2, 1/2), q = (1/4, 3/4), m = (3/8, 5/8).

    d JS/d p_logit_0 = ½ p_0 (ln(p_0/m_0) − KL(p‖m)) = ½ p_0 p_1 (ln(p_0/m_0) − ln(p_1/m_1)) = ⅛ ln(5/3);
    the loss is −JS.
    """
    matched = torch.tensor([[[0.5, 0.5]]], dtype=torch.float64).log().requires_grad_()
    mismatched = torch.tensor([[[0.25, 0.75]]], dtype=torch.float64).log()
    separation_loss(matched, mismatched, ONE).backward()
    expected = math.log(5 / 3) / 8
    assert matched.grad.flatten().tolist() == pytest.approx([-expected, expected], abs=1e-12)


def test_the_mismatched_branch_is_a_constant_unless_asked_for():
    matched, mismatched = random_pair(0)
    mask = torch.ones(2, 3, dtype=torch.bool)
    separation_loss(matched, mismatched, mask).backward()
    assert matched.grad.any()
    assert mismatched.grad is None
    separation_loss(matched, mismatched, mask, detach_mismatched=False).backward()
    assert mismatched.grad.any()


def test_gradcheck_and_mean_over_the_mask():
    matched, mismatched = random_pair(1)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    loss = separation_loss(matched, mismatched, mask)
    torch.testing.assert_close(loss, -js_divergence(matched, mismatched)[mask].mean(), atol=1e-12, rtol=0)
    assert torch.autograd.gradcheck(lambda a, b: separation_loss(a, b, mask, False), (matched, mismatched))


def test_padding_and_batch_order_change_nothing():
    matched, mismatched = (logits.detach() for logits in random_pair(2))
    mask = torch.tensor([[True, True, False], [True, False, False]])
    loss = separation_loss(matched, mismatched, mask)
    torch.testing.assert_close(separation_loss(matched.flip(0), mismatched.flip(0), mask.flip(0)), loss)
    spoiled = matched.masked_fill(~mask[..., None], math.nan)
    torch.testing.assert_close(separation_loss(spoiled, mismatched, mask), loss)
    gathered = separation_loss(matched[mask][None], mismatched[mask][None], torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(gathered, loss)


def test_nothing_supervised_gives_zero():
    matched, mismatched = random_pair(3)
    loss = separation_loss(matched, mismatched, torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not matched.grad.any()


def test_half_precision_extremes_are_finite():
    matched = torch.tensor([[[65504.0, -65504.0]]], dtype=torch.float16)
    assert separation_loss(matched, -matched, ONE).item() == pytest.approx(-math.log(2), abs=1e-6)
