"""Geometry loss: value by hand, padding, the constant full branch."""

import math

import pytest
import torch

from interlat.losses import geometry_loss


def all_of(vectors: torch.Tensor) -> torch.Tensor:
    return torch.ones(vectors.shape[:2], dtype=torch.bool)


def test_by_hand():
    """Compressed mean ((1,0) + (5,8))/2 = (3,4); full mean (4,3): cos = 24/25. Second message: opposite means, cos = −1.

    Loss: (1/25 + 2)/2.
    """
    compressed = torch.tensor([[[1.0, 0.0], [5.0, 8.0]], [[1.0, 1.0], [1.0, 1.0]]], dtype=torch.float64)
    full = torch.tensor([[[4.0, 3.0]], [[-2.0, -2.0]]], dtype=torch.float64)
    loss = geometry_loss(compressed, full, all_of(compressed), all_of(full))
    assert loss.item() == pytest.approx((1 / 25 + 2) / 2, abs=1e-12)


def test_gradient_by_hand():
    """1 − cos at means x = (3, 4), y = (4, 3): (−28, 21)/625, as in the alignment loss; shared by two real vectors and two messages.

    Padding gets none; a message whose mean points where the full one does gets none either.
    """
    compressed = torch.tensor(
        [[[1.0, 0.0], [5.0, 8.0], [9.0, 9.0]], [[8.0, 6.0], [0.0, 0.0], [0.0, 0.0]]],
        dtype=torch.float64,
        requires_grad=True,
    )
    full = torch.tensor([[[4.0, 3.0]], [[4.0, 3.0]]], dtype=torch.float64)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    geometry_loss(compressed, full, mask, all_of(full)).backward()
    expected = torch.zeros(2, 3, 2, dtype=torch.float64)
    expected[0, :2] = torch.tensor([-28 / 625, 21 / 625], dtype=torch.float64) / 4
    torch.testing.assert_close(compressed.grad, expected, atol=1e-12, rtol=0)


def test_scale_is_ignored_and_length_may_differ():
    full = torch.randn(2, 7, 3, dtype=torch.float64)
    compressed = 5 * full.mean(dim=1, keepdim=True)
    assert geometry_loss(compressed, full, all_of(compressed), all_of(full)).item() == pytest.approx(0, abs=1e-12)


def test_padding_changes_nothing_be_it_nan():
    generator = torch.Generator().manual_seed(0)
    compressed, full = torch.randn(2, 3, 4, generator=generator), torch.randn(2, 5, 4, generator=generator)
    loss = geometry_loss(compressed, full, all_of(compressed), all_of(full))
    padding = torch.full((2, 2, 4), math.nan)
    mask = torch.tensor([[True] * 5 + [False] * 2] * 2)
    padded = geometry_loss(compressed, torch.cat([full, padding], dim=1), all_of(compressed), mask)
    torch.testing.assert_close(padded, loss)
    padded = torch.cat([compressed, padding], dim=1).requires_grad_()
    geometry_loss(padded, full, mask[:, 2:], all_of(full)).backward()
    assert torch.isfinite(padded.grad).all()


def test_gradient_reaches_the_compressed_branch_only():
    generator = torch.Generator().manual_seed(1)
    compressed, full = (
        torch.randn(2, 3, 4, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2)
    )
    mask = torch.tensor([[True, True, False], [True, True, True]])
    geometry_loss(compressed, full, mask, all_of(full)).backward()
    assert compressed.grad.any()
    assert full.grad is None
    constant = full.detach()
    assert torch.autograd.gradcheck(lambda x: geometry_loss(x, constant, mask, all_of(constant)), (compressed,))


def test_a_message_without_a_real_vector_counts_one():
    full = torch.randn(1, 3, 4)
    loss = geometry_loss(full, full, torch.zeros(1, 3, dtype=torch.bool), all_of(full))
    assert loss.item() == 1


def test_an_empty_batch_gives_zero_and_a_zero_gradient():
    compressed = torch.zeros(0, 2, 4, requires_grad=True)
    loss = geometry_loss(compressed, torch.zeros(0, 3, 4), all_of(compressed), torch.zeros(0, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert compressed.grad.shape == (0, 2, 4)


def test_half_precision_is_raised():
    full = torch.full((1, 3, 4), 65504.0, dtype=torch.float16)
    loss = geometry_loss(full, full, all_of(full), all_of(full))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0, abs=1e-6)
