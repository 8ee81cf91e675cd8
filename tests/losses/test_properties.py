"""What holds for every loss at any input: its range, order of rows, order of the vocabulary, precision."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.losses import alignment_loss, geometry_loss, margin_loss, preference_loss, separation_loss, task_loss

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
Loss = Callable[[Inputs], torch.Tensor]


# Each takes three tensors [3, 4, 6], targets [3, 4] and a mask [3, 4]; preference has positions in place of rows.
LOSSES: dict[str, Loss] = {
    "task": lambda x: task_loss(x[0], x[3], x[4]),
    "separation": lambda x: separation_loss(x[0], x[1], x[4]),
    "margin": lambda x: margin_loss(x[0], x[1], x[3], x[4], 0.5),
    "alignment": lambda x: alignment_loss(x[0], x[1], x[4], 0.7, 0.3),
    "preference": lambda x: preference_loss(x[0][x[4]], x[1][x[4]], x[2][x[4]], 2.0, 0.9),
    "geometry": lambda x: geometry_loss(x[0], x[1], x[4], x[4].flip(0)),
}
RANGES = {"separation": (-math.log(2), 0.0), "geometry": (0.0, 2.0)}


def drawn(seed: int, size: float = 3.0) -> Inputs:
    generator = torch.Generator().manual_seed(seed)
    logits = [size * torch.randn(3, 4, 6, dtype=torch.float64, generator=generator) for _ in range(3)]
    targets = torch.randint(6, (3, 4), generator=generator)
    return logits[0], logits[1], logits[2], targets, torch.rand(3, 4, generator=generator) > 0.4


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([1e-3, 1.0, 30.0]))
def test_values_stay_in_range(name, seed, size):
    low, high = RANGES.get(name, (0.0, math.inf))
    loss = LOSSES[name](drawn(seed, size)).item()
    assert low - 1e-12 <= loss <= high + 1e-12
    assert math.isfinite(loss)


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_and_of_the_vocabulary_changes_nothing(name, seed):
    """One order for all logits; targets are renamed with it. (The vocabulary's places are directions, to the geometry loss.)"""
    inputs = drawn(seed)
    generator = torch.Generator().manual_seed(seed)
    rows, order = torch.randperm(3, generator=generator), torch.randperm(6, generator=generator)
    if name == "geometry":  # its second mask is the first, flipped
        rows = torch.arange(3)
    renamed = order.argsort()
    moved = tuple(tensor[rows] for tensor in inputs)
    moved = (*(logits[..., order] for logits in moved[:3]), renamed[moved[3]], moved[4])
    torch.testing.assert_close(LOSSES[name](moved), LOSSES[name](inputs), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_lower_precision_gives_the_float64_value_of_the_same_numbers(name, dtype):
    """Raised to float32 before any arithmetic, so the error is float32's; bfloat16's own would be a hundredth."""
    *logits, targets, mask = drawn(7)
    low = tuple(values.to(dtype) for values in logits)
    loss = LOSSES[name]((*low, targets, mask))
    assert loss.dtype == torch.float32
    exact = LOSSES[name]((*(values.double() for values in low), targets, mask))
    torch.testing.assert_close(loss.double(), exact, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "geometry"])  # its two masks are tested with it
def test_what_stands_outside_the_mask_changes_neither_value_nor_gradient(name):
    *logits, targets, mask = drawn(3)
    results = []
    for filler in (0.0, math.nan):
        spoiled = [values.masked_fill(~mask[..., None], filler) for values in logits]
        first = spoiled[0].requires_grad_()
        loss = LOSSES[name]((first, *spoiled[1:], targets, mask))
        loss.backward()
        results.append((loss.detach(), first.grad))
    for clean, spoilt in zip(*results, strict=True):
        assert torch.equal(clean, spoilt)
