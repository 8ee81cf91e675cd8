"""Alignment loss: value by hand in KL's direction, the cosine of logits per position, the constant plan branch."""

import math

import pytest
import torch

from interlat.losses import alignment_loss, kl_divergence

ONE = torch.ones(1, 1, dtype=torch.bool)


def test_kl_by_hand_is_of_the_latent_distribution_from_the_plans():
    """latent p = (1/2, 1/2), plan q = (1/4, 3/4): KL(p‖q) = ½ ln(4/3) ≈ 0.144; the other direction is ≈ 0.131."""
    latent = torch.tensor([[[0.5, 0.5]]], dtype=torch.float64).log()
    plan = torch.tensor([[[0.25, 0.75]]], dtype=torch.float64).log()
    assert alignment_loss(latent, plan, ONE, 1.0, 0.0).item() == pytest.approx(0.5 * math.log(4 / 3), abs=1e-12)


def test_cosine_by_hand_is_per_position_and_of_logits():
    """(3, 4)·(4, 3) = 24/25, so 1/25. (1, 0)·(0, 2) = 0, so 1. Mean 13/25.

    Flattened into one vector: (3,4,1,0)·(4,3,0,2) = 24/√(26·29), another number; so is the cosine of probabilities.
    """
    latent = torch.tensor([[[3.0, 4.0], [1.0, 0.0]]], dtype=torch.float64)
    plan = torch.tensor([[[4.0, 3.0], [0.0, 2.0]]], dtype=torch.float64)
    loss = alignment_loss(latent, plan, torch.ones(1, 2, dtype=torch.bool), 0.0, 1.0)
    assert loss.item() == pytest.approx(13 / 25, abs=1e-12)


def test_gradient_by_hand():
    """KL(p‖q) at p = (1/2, 1/2), q = (1/4, 3/4): d/dz_0 = p_0 p_1 (ln(p_0/q_0) − ln(p_1/q_1)) = ¼ ln 3, d/dz_1 its negative.

    1 − cos(x, y) at x = (3, 4), y = (4, 3): −(y / |x||y| − cos · x / |x|²) = −(4, 3)/25 + 24/25 · (3, 4)/25 = (−28, 21)/625.
    """
    latent = torch.tensor([[[0.5, 0.5]]], dtype=torch.float64).log().requires_grad_()
    plan = torch.tensor([[[0.25, 0.75]]], dtype=torch.float64).log()
    alignment_loss(latent, plan, ONE, 1.0, 0.0).backward()
    assert latent.grad.flatten().tolist() == pytest.approx([math.log(3) / 4, -math.log(3) / 4], abs=1e-12)
    latent = torch.tensor([[[3.0, 4.0]]], dtype=torch.float64, requires_grad=True)
    alignment_loss(latent, torch.tensor([[[4.0, 3.0]]], dtype=torch.float64), ONE, 0.0, 1.0).backward()
    assert latent.grad.flatten().tolist() == pytest.approx([-28 / 625, 21 / 625], abs=1e-12)


def test_weights_multiply_their_own_term():
    generator = torch.Generator().manual_seed(0)
    latent, plan = (torch.randn(2, 3, 5, dtype=torch.float64, generator=generator) for _ in range(2))
    mask = torch.tensor([[True, False, True], [True, True, False]])
    kl, cosine = alignment_loss(latent, plan, mask, 1.0, 0.0), alignment_loss(latent, plan, mask, 0.0, 1.0)
    torch.testing.assert_close(kl, kl_divergence(latent, plan)[mask].mean(), atol=1e-12, rtol=0)
    both = alignment_loss(latent, plan, mask, 0.7, 0.3)
    torch.testing.assert_close(both, 0.7 * kl + 0.3 * cosine, atol=1e-12, rtol=0)
    gathered = alignment_loss(latent[mask][None], plan[mask][None], torch.ones(1, 4, dtype=torch.bool), 0.7, 0.3)
    torch.testing.assert_close(gathered, both, atol=1e-12, rtol=0)


def test_equal_logits_give_zero():
    logits = torch.randn(1, 4, 6, dtype=torch.float64)
    assert alignment_loss(logits, logits, torch.ones(1, 4, dtype=torch.bool), 0.7, 0.3).item() == pytest.approx(
        0, abs=1e-12
    )


def test_gradient_reaches_the_latent_branch_only():
    generator = torch.Generator().manual_seed(1)
    latent, plan = (
        torch.randn(1, 2, 4, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2)
    )
    mask = torch.ones(1, 2, dtype=torch.bool)
    alignment_loss(latent, plan, mask, 0.7, 0.3).backward()
    assert latent.grad.any()
    assert plan.grad is None
    constant = plan.detach()
    assert torch.autograd.gradcheck(lambda x: alignment_loss(x, constant, mask, 0.7, 0.3), (latent,))


def test_nothing_supervised_and_half_precision_extremes():
    latent = torch.tensor([[[65504.0, -65504.0]]], dtype=torch.float16, requires_grad=True)
    plan = -latent.detach()
    empty = alignment_loss(latent, plan, ~ONE, 0.7, 0.3)
    assert empty.item() == 0
    extreme = alignment_loss(latent, plan, ONE, 0.7, 0.3)
    extreme.backward()
    assert extreme.dtype == torch.float32
    assert torch.isfinite(extreme)
    assert torch.isfinite(latent.grad).all()
