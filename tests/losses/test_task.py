"""Task loss: value by hand, parity with F.cross_entropy, masks, precision."""

import math

import pytest
import torch
from torch.nn import functional

from interlat.losses import task_loss


def test_by_hand():
    """p_0 = (1/4, 3/4) with target 0: ln 4.  p_1 = (1/2, 1/2) with target 1: ln 2.  Mean: 3/2 ln 2. Position 2 is masked."""
    logits = torch.tensor([[[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]], dtype=torch.float64).log()
    loss = task_loss(logits, torch.tensor([[0, 1, 1]]), torch.tensor([[True, True, False]]))
    assert loss.item() == pytest.approx(1.5 * math.log(2), abs=1e-12)


def test_gradient_by_hand():
    """(p − one-hot of the target) / N: the first row of p = (1/4, 3/4) with target 0, N = 2; the masked position gets none."""
    logits = torch.tensor([[[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]], dtype=torch.float64).log().requires_grad_()
    task_loss(logits, torch.tensor([[0, 1, 1]]), torch.tensor([[True, True, False]])).backward()
    expected = torch.tensor([[[-0.375, 0.375], [0.25, -0.25], [0.0, 0.0]]], dtype=torch.float64)
    torch.testing.assert_close(logits.grad, expected, atol=1e-12, rtol=0)


def test_parity_with_ignore_index_and_gradcheck():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 7, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.randint(7, (2, 5), generator=generator)
    mask = torch.rand(2, 5, generator=generator) > 0.4
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.masked_fill(~mask, -100).flatten())
    torch.testing.assert_close(task_loss(logits, targets, mask), expected, atol=1e-12, rtol=0)
    assert torch.autograd.gradcheck(lambda x: task_loss(x, targets, mask), (logits,))


def test_every_token_weighs_the_same_across_rows():
    """Row 0 has one supervised token of loss ln 4, row 1 three of loss 0: the mean over tokens is ln 4 / 4, over rows ln 4 / 2."""
    certain = [0.0, -1e4]
    uncertain = [math.log(0.25), math.log(0.75)]
    logits = torch.tensor([[uncertain, uncertain, uncertain], [certain] * 3], dtype=torch.float64)
    mask = torch.tensor([[True, False, False], [True, True, True]])
    loss = task_loss(logits, torch.zeros(2, 3, dtype=torch.long), mask)
    assert loss.item() == pytest.approx(math.log(4) / 4, abs=1e-12)


def test_gathered_rows_give_the_same_as_the_mask():
    generator = torch.Generator().manual_seed(1)
    logits, targets = torch.randn(2, 4, 3, generator=generator), torch.randint(3, (2, 4), generator=generator)
    mask = torch.tensor([[True, False, True, False], [False, True, True, True]])
    rows = logits[mask][None]
    gathered = task_loss(rows, targets[mask][None], torch.ones(1, 5, dtype=torch.bool))
    torch.testing.assert_close(gathered, task_loss(logits, targets, mask))


def test_no_supervised_position_gives_zero_and_a_zero_gradient():
    logits = torch.randn(1, 3, 4, requires_grad=True)
    loss = task_loss(logits, torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_half_precision_extremes_and_nan_at_padding():
    logits = torch.tensor([[[65504.0, -65504.0], [math.nan, math.nan]]], dtype=torch.float16, requires_grad=True)
    loss = task_loss(logits, torch.tensor([[1, 0]]), torch.tensor([[True, False]]))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(2 * 65504, rel=1e-6)
    assert torch.isfinite(logits.grad).all()
