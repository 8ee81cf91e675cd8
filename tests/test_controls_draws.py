"""Laws that controls draw from, by statistics over many draws with fixed seeds.

A mean of N independent values of variance v has standard error √(v/N). Bounds are five of them, so that a right control
fails at one seed in a million or so, and a wrong one is off by many times the bound.
"""

import math
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from scipy.stats import kstest

from interlat import controls

SIGMAS = 5


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def within(values: torch.Tensor, expected: float, variance: float) -> None:
    """The mean over the first axis is the expected one, in every other entry."""
    error = (values.mean(0) - expected).abs().max().item()
    assert error < SIGMAS * math.sqrt(variance / len(values))


def check_haar(matrices: torch.Tensor) -> None:
    """Moments of Haar measure on O(n), n ≥ 4 (Diaconis and Shahshahani 1994; Collins and Śniady 2006), from N matrices.

    Entries: E q = 0; E q² = 1/n, with E q⁴ = 3/(n(n+2)), so Var q² = 3/(n(n+2)) − 1/n².
    Two entries of one column: E q_i² q_j² = 1/(n(n+2)), the variance of q_i q_j, whose mean is 0.
    Trace: E tr = 0, E tr² = 1, E tr⁴ = 3, so Var tr² = 2; E tr(Q²) = 1 with variance 2.
    Determinant: ±1 with probability ½ each. The law is the same for QP with any orthogonal P, here a reversal with one sign.
    """
    n = matrices.shape[-1]
    identity = torch.eye(n, dtype=torch.float64)
    torch.testing.assert_close(matrices @ matrices.mT, identity.expand_as(matrices), atol=1e-12, rtol=0)
    turned = identity.flip(0) * torch.tensor([-1.0] + [1.0] * (n - 1), dtype=torch.float64)
    for drawn in (matrices, matrices @ turned):
        within(drawn, 0.0, 1 / n)
        within(drawn.square(), 1 / n, 3 / (n * (n + 2)) - 1 / n**2)
        within(drawn[:, 0] * drawn[:, 1], 0.0, 1 / (n * (n + 2)))
        trace = drawn.diagonal(dim1=1, dim2=2).sum(-1)
        within(trace, 0.0, 1.0)
        within(trace.square(), 1.0, 2.0)
    within((matrices @ matrices).diagonal(dim1=1, dim2=2).sum(-1), 1.0, 2.0)
    within(torch.linalg.det(matrices), 0.0, 1.0)


def test_rotations_are_haar():
    """A message whose rows are an orthonormal basis B of what is orthogonal to the ones: B Q Bᵀ B, and Bᵀ gives Q back."""
    ones_first = torch.eye(5, dtype=torch.float64)
    ones_first[:, 0] = 1
    basis = torch.linalg.qr(ones_first).Q[:, 1:]
    generator = rng()
    check_haar(torch.stack([basis.T @ controls.random_rotation(basis + 7, generator) for _ in range(3000)]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda normal: torch.linalg.qr(normal).Q,
        lambda normal: torch.linalg.qr(normal).Q * torch.linalg.qr(normal).Q.diagonal().sign(),
        lambda normal: torch.eye(4, dtype=torch.float64)[
            torch.randperm(4, generator=rng(int(1e6 * normal[0, 0].abs())))
        ],
    ],
    ids=["QR without the sign fix", "signs that make the diagonal positive", "permutations"],
)
def test_the_check_tells_other_laws_apart(wrong: Callable[[torch.Tensor], torch.Tensor]):
    generator = rng()
    drawn = [wrong(torch.randn(4, 4, dtype=torch.float64, generator=generator)) for _ in range(3000)]
    with pytest.raises(AssertionError):
        check_haar(torch.stack(drawn))


def test_rotation_in_one_direction_takes_both_signs():
    """Two rows span one direction, where Haar is ±1 with probability ½: of 400 seeds 200 ± 10 swap the rows.

    QR without the sign fix gives the same sign always.
    """
    latents = torch.tensor([[0.0, 0.0], [2.0, 4.0]], dtype=torch.float64)
    flipped = 0
    for seed in range(400):
        rotated = controls.random_rotation(latents, rng(seed))
        same, swapped = torch.allclose(rotated, latents), torch.allclose(rotated, latents.flip(0))
        assert same != swapped
        flipped += swapped
    assert abs(flipped - 200) < SIGMAS * 10


# Three rows of one dimension, 0, 1, 2: mean 1, Σ̂ = ((−1)² + 0 + 1²) / 2 = 1.
LINE = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("control", "offset", "deviation"),
    [
        (lambda generator: controls.covariance_noise(LINE, 0.5, generator), LINE, 0.5),
        (lambda generator: controls.covariance_noise(LINE, 1.0, generator), LINE, 1.0),
        (lambda generator: controls.covariance_gaussian(LINE, True, generator), torch.ones_like(LINE), 1.0),
        (lambda generator: controls.covariance_gaussian(LINE, False, generator), torch.zeros_like(LINE), 1.0),
        (lambda generator: controls.white_noise(LINE, generator), torch.zeros_like(LINE), 1.0),
    ],
    ids=["noise, half", "noise, whole", "gaussian, mean kept", "gaussian, mean 0", "white"],
)
def test_noise_is_gaussian_and_independent_from_row_to_row(control, offset, deviation):
    """Standardised: E = 0 with variance 1, E z² = 1 with variance 2, E z z' = 0 with variance 1 for two rows; and the whole law.

    Kolmogorov and Smirnov's test of 9000 values: a right law falls below 0.001 at one seed in a thousand.
    """
    generator = rng()
    z = torch.stack([(control(generator) - offset)[:, 0] / deviation for _ in range(3000)])
    within(z, 0.0, 1.0)
    within(z.square(), 1.0, 2.0)
    within(z * z.roll(1, dims=1), 0.0, 1.0)
    assert kstest(z.flatten().numpy(), "norm").pvalue > 0.001


def test_white_noise_is_independent_from_column_to_column_and_knows_nothing_of_the_message():
    latents = torch.randn(2000, 4, generator=rng(3), dtype=torch.float64) @ torch.ones(4, 4, dtype=torch.float64) + 50
    noise = controls.white_noise(latents, rng())
    within(noise, 0.0, 1.0)
    within(noise * noise.roll(1, dims=1), 0.0, 1.0)
    assert torch.equal(noise, controls.white_noise(torch.zeros_like(latents), rng()))


def test_every_order_comes_up_equally_often():
    """3! = 6 orders in 6000 draws: each 1000 times, with variance 6000 · 1/6 · 5/6, a standard deviation of 28.9."""
    generator = rng()
    rows = torch.arange(3.0)[:, None]
    counts = Counter(tuple(controls.permute(rows, generator).flatten().tolist()) for _ in range(6000))
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts.values()) < SIGMAS * 28.9
