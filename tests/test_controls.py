"""Controls: the moments each promises, exactly or within a stated error; seeds; edges."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interlat import controls
from interlat.errors import InvalidSetting


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def message(length: int, dim: int, seed: int = 0) -> torch.Tensor:
    """Correlated rows with a mean far from 0, as real latents have."""
    generator = rng(seed)
    mixing = torch.randn(dim, dim, dtype=torch.float64, generator=generator)
    return torch.randn(length, dim, dtype=torch.float64, generator=generator) @ mixing + 7.0


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(2, 14), st.integers(1, 12), st.integers(0, 1000))
def test_rotation_keeps_mean_and_covariance_exactly_at_any_shape(length, dim, seed):
    latents = message(length, dim, seed)
    rotated = controls.random_rotation(latents, rng(seed))
    scale = latents.abs().max().item()
    torch.testing.assert_close(rotated.mean(0), latents.mean(0), atol=1e-11 * scale, rtol=0)
    before, after = ((rows - rows.mean(0)).T @ (rows - rows.mean(0)) for rows in (latents, rotated))
    torch.testing.assert_close(after, before, atol=1e-11 * scale**2 * length, rtol=0)


@pytest.mark.parametrize("spread", [1e-3, 1e-8, 1e-11])
def test_rotation_keeps_the_mean_of_nearly_equal_rows(spread):
    """One direction is as small as rounding of a mean of 100; a basis that leans towards the ones would move the mean."""
    latents = message(5, 8)
    latents[1:] = latents[0] + spread * latents[1:]
    latents[2] += 50.0
    latents += 100.0
    rotated = controls.random_rotation(latents, rng())
    torch.testing.assert_close(rotated.mean(0), latents.mean(0), atol=1e-11, rtol=0)
    torch.testing.assert_close(torch.cov(rotated.T), torch.cov(latents.T), atol=1e-9, rtol=0)


def test_rotation_moves_the_rows_also_with_fewer_rows_than_dimensions():
    latents = message(6, 20)
    assert (controls.random_rotation(latents, rng()) - latents).norm() > 0.5 * (latents - latents.mean(0)).norm()


def test_rotation_is_the_papers_formula_where_the_covariance_has_an_inverse():
    """μ̂ + (H − μ̂) Σ̂^(−1/2) R Σ̂^(1/2) with an orthogonal R: solving for R must give an orthogonal matrix."""
    latents = message(40, 5)
    rotated = controls.random_rotation(latents, rng())
    mean = latents.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(latents.T))
    root = vectors @ values.sqrt().diag() @ vectors.T
    whitened = (latents - mean) @ torch.linalg.inv(root)
    rotation = torch.linalg.lstsq(whitened, (rotated - mean) @ torch.linalg.inv(root)).solution
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(5, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(whitened @ rotation @ root + mean, rotated, atol=1e-9, rtol=0)


def test_rotation_in_one_direction_takes_both_signs():
    """Two rows span one direction, where Haar is ±1 with probability ½: of 200 seeds 100 ± 7 change sign (four of these: 28).

    QR without the sign fix gives the same sign always.
    """
    latents = torch.tensor([[0.0, 0.0], [2.0, 4.0]], dtype=torch.float64)
    flipped = 0
    for seed in range(200):
        rotated = controls.random_rotation(latents, rng(seed))
        same, swapped = torch.allclose(rotated, latents), torch.allclose(rotated, latents.flip(0))
        assert same != swapped
        flipped += swapped
    assert 72 <= flipped <= 128


def test_haar_matrices_have_the_traces_moments():
    """Haar on O(n), n ≥ 2: E tr Q = 0 and E (tr Q)² = 1. Over 2000 draws the errors are ≈ 0.022 and ≈ 0.03; QR alone is off by ~1."""
    generator = rng()
    traces = torch.stack([controls._haar_orthogonal(4, generator).trace() for _ in range(2000)])
    assert traces.mean().item() == pytest.approx(0, abs=0.1)
    assert traces.square().mean().item() == pytest.approx(1, abs=0.15)


def test_covariance_noise_has_the_messages_covariance_times_scale_squared():
    """Relative error of a sample covariance from N draws is of order √(dim/N) ≈ 0.03 at N = 4000, dim 4."""
    latents = message(4000, 4)
    noise = controls.covariance_noise(latents, 0.5, rng()) - latents
    expected = 0.25 * torch.cov(latents.T)
    assert (torch.cov(noise.T) - expected).norm() < 0.1 * expected.norm()
    assert noise.mean(0).norm() < 0.1 * expected.diagonal().sum().sqrt()


def test_covariance_noise_stays_in_the_span_of_a_short_message():
    """With L ≤ D the noise has rank L − 1 at most; white noise would leave the span."""
    latents = message(4, 30)
    noise = controls.covariance_noise(latents, 1.0, rng()) - latents
    centred = latents - latents.mean(0)
    assert torch.linalg.matrix_rank(torch.cat([centred, noise]), rtol=1e-9) == 3


def test_noise_is_scaled_and_zero_scale_changes_nothing():
    latents = message(5, 8)
    half, whole = (controls.covariance_noise(latents, scale, rng()) - latents for scale in (0.5, 1.0))
    torch.testing.assert_close(2 * half, whole, atol=1e-10, rtol=0)
    assert torch.equal(controls.covariance_noise(latents, 0.0, rng()), latents)


@pytest.mark.parametrize("keep_mean", [True, False])
def test_covariance_gaussian_has_both_moments(keep_mean):
    latents = message(4000, 4)
    draws = controls.covariance_gaussian(latents, keep_mean, rng())
    covariance = torch.cov(latents.T)
    assert (torch.cov(draws.T) - covariance).norm() < 0.1 * covariance.norm()
    mean = latents.mean(0) if keep_mean else torch.zeros(4, dtype=torch.float64)
    # Standard error of the mean: √(trace Σ̂ / L).
    assert (draws.mean(0) - mean).norm() < 4 * (covariance.trace() / 4000).sqrt()


def test_one_short_message_draws_the_covariance_with_l_minus_one():
    """L = 2 rows a, b: Σ̂ = ½ (a−b)(a−b)ᵀ. Over 4000 seeds, the mean square along the direction is ½ |a−b|² (error ≈ 2 %)."""
    latents = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    generator = rng()
    draws = torch.stack([controls.covariance_gaussian(latents, False, generator) for _ in range(2000)])
    assert draws.square().sum(-1).mean().item() == pytest.approx(12.5, rel=0.1)


def test_white_noise_replaces_the_message():
    latents = message(3000, 4)
    noise = controls.white_noise(latents, rng())
    assert noise.mean().abs().item() < 0.05
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(noise, controls.white_noise(torch.zeros_like(latents), rng()))


def test_truncate_by_length_and_by_share():
    latents = torch.arange(100.0)[:, None]
    assert torch.equal(controls.truncate(latents, 8), latents[:8])
    assert torch.equal(controls.truncate(latents, 500), latents)
    assert len(controls.truncate(latents, 0.29)) == 29
    assert len(controls.truncate(latents, 1)) == 1
    assert len(controls.truncate(latents, 1.0)) == 100
    assert len(controls.truncate(latents, 0.001)) == 1


@pytest.mark.parametrize("keep", [0, -3, 0.0, 1.5])
def test_truncate_refuses_to_keep_nothing_or_more_than_all(keep):
    with pytest.raises(InvalidSetting, match=r"to keep must be"):
        controls.truncate(torch.zeros(4, 2), keep)


def test_permute_keeps_every_row_and_moves_some():
    latents = torch.arange(20.0)[:, None]
    permuted = controls.permute(latents, rng())
    assert not torch.equal(permuted, latents)
    assert torch.equal(permuted.sort(dim=0).values, latents)


@pytest.mark.parametrize("name", controls.NAMED_CONTROLS)
def test_every_named_control_repeats_with_its_seed_and_keeps_shape_type_and_input(name):
    control = controls.named_control(name)
    latents = message(6, 9).to(torch.bfloat16)
    before = latents.clone()
    first, again, other = (control(latents, rng(seed)) for seed in (0, 0, 1))
    assert first.shape == latents.shape
    assert first.dtype == torch.bfloat16
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name == "zero")
    assert not torch.equal(first, latents)
    assert torch.equal(latents, before)


@pytest.mark.parametrize("name", controls.NAMED_CONTROLS)
def test_a_message_of_one_latent_stays_finite(name):
    """One row has no covariance: noise and rotation leave it, the rest replace it."""
    latents = torch.tensor([[1.0, 2.0, 3.0]])
    result = controls.named_control(name)(latents, rng())
    assert torch.isfinite(result).all()
    if name in ("cov-noise-1.0", "random-rot", "cov-gauss-mu", "permute"):
        torch.testing.assert_close(result, latents)


def test_the_names_mean_the_functions():
    latents = message(6, 9)
    pairs = {
        "cov-noise-0.5": controls.covariance_noise(latents, 0.5, rng()),
        "cov-noise-1.0": controls.covariance_noise(latents, 1.0, rng()),
        "cov-gauss-0mu": controls.covariance_gaussian(latents, False, rng()),
        "cov-gauss-mu": controls.covariance_gaussian(latents, True, rng()),
        "zero": torch.zeros_like(latents),
    }
    for name, expected in pairs.items():
        assert torch.equal(controls.named_control(name)(latents, rng()), expected)
    with pytest.raises(InvalidSetting, match=r"no control is called 'noise'; choose one of cov-noise-0.5"):
        controls.named_control("noise")


def test_rotation_of_a_realistic_float32_message_is_exact_to_float32():
    latents = message(60, 96).float()
    rotated = controls.random_rotation(latents, rng())
    error = (torch.cov(rotated.T) - torch.cov(latents.T)).norm() / torch.cov(latents.T).norm()
    assert error.item() < 1e-5
    assert math.isclose(rotated.mean().item(), latents.mean().item(), rel_tol=1e-6)
