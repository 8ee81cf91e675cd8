"""Moments that controls promise, exactly: for any number of rows and dimensions, any rank, far from 0 and near it.

A rotation promises the moments of the message itself. Noise and Gaussian draws promise moments of their law. Both controls
are affine in the standard normals they draw, X = C + Z A, so that law is read off without sampling: Z = 0 gives its mean C,
Z = I gives the map A, and each row of X has covariance AᵀA. Here ``torch.randn`` returns the Z that is asked for.
"""

from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat import controls

EXACT = 1e-10  # of the moment's own size; the project promises 1e-5
EPS = torch.finfo(torch.float64).eps
# Rows and dimensions: T > D, T = D, T < D, T = 2, T = 1, one dimension.
SHAPES = [(40, 5), (8, 8), (6, 20), (2, 7), (2, 1), (9, 1), (1, 6), (1, 1)]

Draws = Callable[[torch.Tensor], None]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def message(length: int, dim: int, *, rank: int = 99, mean: float = 7.0, scale: float = 1.0, seed: int = 0):
    """Correlated rows of a given rank around a given mean."""
    generator = rng(seed)
    rank = min(rank, dim)
    mixing = torch.randn(rank, dim, dtype=torch.float64, generator=generator)
    return scale * torch.randn(length, rank, dtype=torch.float64, generator=generator) @ mixing + mean


MESSAGES = {
    **{f"{length} x {dim}": message(length, dim) for length, dim in SHAPES},
    "rank 2 of 6": message(9, 6, rank=2),
    "rank 1, short": message(5, 12, rank=1),
    "equal rows": message(5, 4, scale=0.0),
    "a constant column": message(7, 3) * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64),
    "mean 1e6": message(6, 9, mean=1e6),
    "mean 1e10": message(30, 4, mean=1e10),
    "scale 1e-30": message(6, 9, mean=0.0, scale=1e-30),
    "scale 1e30": message(6, 9, mean=-1e30, scale=1e30),
    "one large row": torch.cat([message(5, 8, scale=1e-6), message(1, 8, scale=1e6)]),
}


@pytest.fixture(params=MESSAGES)
def latents(request: pytest.FixtureRequest) -> torch.Tensor:
    return MESSAGES[request.param]


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> Draws:
    """Makes every call of ``torch.randn`` return the given numbers, once their shape is what is asked for."""

    def are(numbers: torch.Tensor) -> None:
        def randn(shape: Sequence[int], **_: object) -> torch.Tensor:
            assert tuple(shape) == tuple(numbers.shape)
            return numbers.clone()

        monkeypatch.setattr(torch, "randn", randn)

    return are


def moments(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance with L − 1, of one row a zero covariance; shifted by the first row, which loses no digits."""
    shifted = rows - rows[0]
    centred = shifted - shifted.mean(0)
    return rows[0] + shifted.mean(0), centred.T @ centred / max(len(rows) - 1, 1)


def assert_same_moments(after: torch.Tensor, before: torch.Tensor) -> None:
    """Within 1e-10 of their size, and what rounding each entry to float64 costs where the mean is far larger than the spread.

    An entry x is known to |x| ε; rows off by δ each move the covariance by no more than 2 δ √‖Σ‖ + δ².
    """
    (mean, covariance), (wanted_mean, wanted) = moments(after), moments(before)
    rounding = 32 * EPS * before.abs().max().item() * before.shape[1] ** 0.5
    spread = wanted.norm().item() ** 0.5
    assert (mean - wanted_mean).norm().item() <= EXACT * spread + rounding
    assert (covariance - wanted).norm().item() <= EXACT * spread**2 + 2 * rounding * spread + rounding**2
    if rounding < 1e-6 * spread:  # which all but the message of equal rows and that of mean 1e10 are
        assert (covariance - wanted).norm().item() <= 1e-5 * wanted.norm().item()


def test_rotation_keeps_mean_and_covariance(latents: torch.Tensor):
    for seed in range(3):
        assert_same_moments(controls.random_rotation(latents, rng(seed)), latents)


@given(
    st.integers(1, 14),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([0.0, 7.0, -1e3, 1e6]),
    st.sampled_from([1e-12, 1e-3, 1.0, 1e6]),
    st.integers(0, 1000),
)
def test_rotation_keeps_mean_and_covariance_of_any_message(length, dim, rank, mean, scale, seed):
    latents = message(length, dim, rank=rank, mean=mean, scale=scale, seed=seed)
    assert_same_moments(controls.random_rotation(latents, rng(seed)), latents)


@pytest.mark.parametrize("spread", [1e-3, 1e-8, 1e-11])
def test_rotation_keeps_the_mean_of_nearly_equal_rows(spread):
    """One direction is as small as rounding of a mean of 100; a basis that leans towards the ones would move the mean."""
    latents = message(5, 8)
    latents[1:] = latents[0] + spread * latents[1:]
    latents[2] += 50.0
    latents += 100.0
    assert_same_moments(controls.random_rotation(latents, rng()), latents)


def test_rotation_turns_only_directions_that_the_message_has():
    """Rank 1: Q is a sign, so every row stays or is mirrored at the mean. Turned in all T − 1 directions, rows would mix."""
    latents = MESSAGES["rank 1, short"]
    mirrored = 2 * latents.mean(0) - latents
    seen = set()
    for seed in range(20):
        rotated = controls.random_rotation(latents, rng(seed))
        same, other = ((rotated - wanted).abs().max().item() < EXACT for wanted in (latents, mirrored))
        assert same != other
        seen.add(same)
    assert seen == {True, False}


def test_rotation_stays_in_the_span_of_the_message_and_moves_its_rows():
    latents = MESSAGES["6 x 20"]
    rotated = controls.random_rotation(latents, rng())
    centred = latents - latents.mean(0)
    assert torch.linalg.matrix_rank(torch.cat([centred, rotated - rotated.mean(0)]), rtol=1e-9) == 5
    assert (rotated - latents).norm() > 0.5 * centred.norm()


def test_rotation_is_the_papers_formula_where_the_covariance_has_an_inverse():
    """μ̂ + (H − μ̂) Σ̂^(−1/2) R Σ̂^(1/2) with an orthogonal R: solving for R must give an orthogonal matrix."""
    latents = MESSAGES["40 x 5"]
    mean, covariance = moments(latents)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors @ values.sqrt().diag() @ vectors.T
    whitened = (latents - mean) @ torch.linalg.inv(root)
    rotated = controls.random_rotation(latents, rng())
    rotation = torch.linalg.lstsq(whitened, (rotated - mean) @ torch.linalg.inv(root)).solution
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(5, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(whitened @ rotation @ root + mean, rotated, atol=1e-9, rtol=0)


def law(control: Callable[[], torch.Tensor], length: int, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """C and A of X = C + Z A."""
    draws(torch.zeros(length, length, dtype=torch.float64))
    offset = control()
    draws(torch.eye(length, dtype=torch.float64))
    return offset, control() - offset


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_covariance_noise_has_mean_0_and_the_messages_covariance_times_scale_squared(latents, scale, draws):
    offset, noise = law(lambda: controls.covariance_noise(latents, scale, rng()), len(latents), draws)
    assert torch.equal(offset, latents)
    assert_covariance(noise, scale**2 * moments(latents)[1], latents)


@pytest.mark.parametrize("keep_mean", [True, False])
def test_gaussian_draws_have_the_messages_covariance_and_its_mean_or_0(latents, keep_mean, draws):
    offset, drawn = law(lambda: controls.covariance_gaussian(latents, keep_mean, rng()), len(latents), draws)
    mean = moments(latents)[0] if keep_mean else torch.zeros_like(latents[0])
    assert (offset - mean).abs().max().item() <= 4 * EPS * latents.abs().max().item()
    assert_covariance(drawn, moments(latents)[1], latents)


def assert_covariance(drawn: torch.Tensor, wanted: torch.Tensor, latents: torch.Tensor) -> None:
    """AᵀA = Σ within 1e-10, and what adding A to numbers as large as the message's costs."""
    rounding = 32 * EPS * latents.abs().max().item() * drawn.numel() ** 0.5
    error = (drawn.T @ drawn - wanted).norm().item()
    assert error <= EXACT * wanted.norm().item() + 2 * rounding * wanted.norm().item() ** 0.5 + rounding**2


def test_each_row_has_its_own_noise(draws: Draws):
    """X = C + Z A row by row: numbers drawn for row 3 move row 3 and no other."""
    latents = MESSAGES["6 x 20"]
    numbers = torch.zeros(6, 6, dtype=torch.float64)
    numbers[3] = torch.arange(1.0, 7.0)
    draws(numbers)
    noise = controls.covariance_noise(latents, 1.0, rng()) - latents
    assert noise[3].norm() > 1
    assert not noise[[0, 1, 2, 4, 5]].any()


def test_noise_of_a_short_message_stays_in_its_span():
    """With T ≤ D the noise has rank T − 1 at most; white noise would leave the span."""
    latents = MESSAGES["6 x 20"]
    noise = controls.covariance_noise(latents, 1.0, rng()) - latents
    assert torch.linalg.matrix_rank(torch.cat([latents - latents.mean(0), noise]), rtol=1e-9) == 5


def test_rotation_of_a_realistic_float32_message_is_exact_to_float32():
    """Far fewer rows than dimensions and a mean as large as the spread, as latents after a final norm have."""
    latents = message(60, 96, mean=10.0).float()
    (mean, covariance), (wanted_mean, wanted) = (
        moments(rows.double()) for rows in (controls.random_rotation(latents, rng()), latents)
    )
    assert (covariance - wanted).norm() < 1e-5 * wanted.norm()
    assert (mean - wanted_mean).norm() < 1e-6 * wanted_mean.norm()
