"""Preference loss: value by hand, weights, clipping, temperature, who receives gradient."""

import math

import pytest
import torch
from torch.distributions import Categorical

from interlat.errors import InvalidSetting
from interlat.losses import kl_divergence, preference_loss


def random_three(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compressed, full and silent logits; full is sharper, so most positions have weight."""
    generator = torch.Generator().manual_seed(seed)
    compressed, full, silent = (torch.randn(6, 5, dtype=torch.float64, generator=generator) for _ in range(3))
    return compressed, 3 * full, silent


def test_by_hand():
    """T = 1. Position 0: silent (1/2, 1/2), full (1/4, 3/4), compressed (1/2, 1/2); weight w > 0.

    Position 1: silent as full, weight 0, whatever compressed says. The weights divide out:
    loss = KL(full‖compressed) at position 0 = 1/4 ln(1/2) + 3/4 ln(3/2) = 3/4 ln 3 − ln 2.
    """
    half, quarter = [0.5, 0.5], [0.25, 0.75]
    compressed, full, silent = (
        torch.tensor(rows, dtype=torch.float64).log()
        for rows in ([half, [0.99, 0.01]], [quarter, quarter], [half, quarter])
    )
    expected = 0.75 * math.log(3) - math.log(2)
    assert preference_loss(compressed, full, silent, 1.0).item() == pytest.approx(expected, abs=1e-12)


def test_weights_by_hand():
    """Two positions with w = H(silent) − H(full): silent is uniform over two tokens, H = ln 2, at both.

    Full is certain at 0: H = 0, w = ln 2. Full is (1/4, 3/4) at 1: H = 2 ln 2 − ¾ ln 3, w = ¾ ln 3 − ln 2.
    Compressed is uniform: KL is ln 2 at 0 and ¾ ln 3 − ln 2 at 1, each the weight itself. Loss: Σ w² / Σ w.
    """
    full = torch.tensor([[0.0, -1e4], [math.log(0.25), math.log(0.75)]], dtype=torch.float64)
    uniform = torch.zeros(2, 2, dtype=torch.float64)
    first, second = math.log(2), 0.75 * math.log(3) - math.log(2)
    expected = (first**2 + second**2) / (first + second)
    assert preference_loss(uniform, full, uniform, 1.0).item() == pytest.approx(expected, abs=1e-12)
    # Clipped at the lower of the two weights (quantile 1e-9 ≈ the minimum), both positions weigh the same.
    clipped = preference_loss(uniform, full, uniform, 1.0, clip_quantile=1e-9).item()
    assert clipped == pytest.approx((first + second) / 2, abs=1e-7)


def test_temperature_by_hand():
    """Logits twice those above, at T = 2: the same distributions, entropies and weights, and T² = 4 times the loss.

    Entropies at T = 1 would be those of the sharper (1/10, 9/10), and weigh the second position otherwise.
    """
    full = torch.tensor([[0.0, -1e4], [math.log(0.25), math.log(0.75)]], dtype=torch.float64)
    uniform = torch.zeros(2, 2, dtype=torch.float64)
    first, second = math.log(2), 0.75 * math.log(3) - math.log(2)
    expected = 4 * (first**2 + second**2) / (first + second)
    assert preference_loss(uniform, 2 * full, uniform, 2.0).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_gradient_by_hand(temperature):
    """T² · d KL(full‖c at T) / d c = T² · (c_T − full_T) / T, which grows with T as the temperature's 1/T² is undone.

    c_T = (1/2, 1/2), full_T = (1/4, 3/4), one position with weight: T · (1/4, −1/4). A position without weight gets none.
    """
    full = temperature * torch.tensor([[0.25, 0.75], [0.5, 0.5]], dtype=torch.float64).log()
    compressed = torch.tensor([[0.0, 0.0], [3.0, 1.0]], dtype=torch.float64, requires_grad=True)
    preference_loss(compressed, full, torch.zeros_like(full), temperature).backward()
    expected = torch.tensor([[temperature / 4, -temperature / 4], [0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(compressed.grad, expected, atol=1e-12, rtol=0)


def test_a_message_that_makes_the_actor_less_sure_has_no_weight():
    """Silence (1/4, 3/4) is surer than the full message (1/2, 1/2): H(silent) − H(full) < 0, weight 0, loss 0."""
    full = torch.zeros(1, 2, dtype=torch.float64)
    silent = torch.tensor([[0.25, 0.75]], dtype=torch.float64).log()
    compressed = torch.tensor([[3.0, -3.0]], dtype=torch.float64)
    assert preference_loss(compressed, full, silent, 1.0).item() == 0


@pytest.mark.parametrize("temperature", [1.0, 2.5, 4.0])
def test_against_a_plain_reference_with_temperature_in_the_entropies(temperature):
    compressed, full, silent = random_three(0)
    entropy = [Categorical(logits=logits / temperature).entropy() for logits in (silent, full)]
    weights = (entropy[0] - entropy[1]).clamp(min=0)
    kl = kl_divergence(full / temperature, compressed / temperature)
    expected = temperature**2 * (weights * kl).sum() / weights.sum()
    loss = preference_loss(compressed, full, silent, temperature)
    torch.testing.assert_close(loss, expected, atol=1e-12, rtol=0)


def test_clipping_at_the_quantile_of_the_positive_weights_only():
    """Weights 0, 0, 0 and two positive ones: the median of all five is 0, of the positive ones it is their mean."""
    full = torch.zeros(5, 2, dtype=torch.float64)
    full[3, 0], full[4, 1] = math.log(3), -1e4
    silent = torch.zeros(5, 2, dtype=torch.float64)
    compressed = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    low, high = 0.75 * math.log(3) - math.log(2), math.log(2)
    weights = torch.tensor([low, (low + high) / 2], dtype=torch.float64)
    expected = (weights * kl_divergence(full, compressed)[3:]).sum() / weights.sum()
    loss = preference_loss(compressed, full, silent, 1.0, clip_quantile=0.5)
    torch.testing.assert_close(loss, expected, atol=1e-12, rtol=0)


def test_clipping_at_the_largest_weight_clips_nothing():
    compressed, full, silent = random_three(4)
    clipped = preference_loss(compressed, full, silent, 2.0, 1.0)
    torch.testing.assert_close(clipped, preference_loss(compressed, full, silent, 2.0), atol=1e-12, rtol=0)


def test_only_the_compressed_branch_receives_gradient():
    compressed, full, silent = (logits.requires_grad_() for logits in random_three(1))
    preference_loss(compressed, full, silent, 2.0, 0.95).backward()
    assert compressed.grad.any()
    assert full.grad is None
    assert silent.grad is None
    constants = full.detach(), silent.detach()
    assert torch.autograd.gradcheck(lambda x: preference_loss(x, *constants, 2.0, 0.95), (compressed,))


@pytest.mark.parametrize("num_positions", [0, 3])
def test_no_weight_anywhere_gives_zero_and_a_zero_gradient(num_positions):
    """Silence as certain as the full message, or nothing supervised at all."""
    compressed = torch.randn(num_positions, 4, requires_grad=True)
    full = torch.zeros(num_positions, 4)
    loss = preference_loss(compressed, full, full, 4.0, 0.95)
    loss.backward()
    assert loss.item() == 0
    assert not compressed.grad.any()


def test_half_precision_extremes_are_finite():
    full = torch.tensor([[65504.0, -65504.0]], dtype=torch.float16)
    compressed = (-full).requires_grad_()
    loss = preference_loss(compressed, full, torch.zeros_like(full), 4.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert loss.dtype == torch.float32
    assert torch.isfinite(compressed.grad).all()


@pytest.mark.parametrize(("temperature", "quantile"), [(0.0, None), (-1.0, None), (1.0, 0.0), (1.0, 1.5)])
def test_settings_out_of_range_are_refused(temperature, quantile):
    with pytest.raises(InvalidSetting, match=r"must be"):
        preference_loss(*random_three(2), temperature, quantile)
