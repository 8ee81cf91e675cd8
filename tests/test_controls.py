"""Controls: names, types, seeds and edges. What they promise of moments and laws is in the two files beside this one."""

import pytest
import torch

from interlat import controls
from interlat.errors import InvalidSetting

REPLACING = ("white-noise", "cov-gauss-0mu", "zero")  # even a message of one latent


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def message(length: int = 6, dim: int = 9) -> torch.Tensor:
    return torch.randn(length, dim, dtype=torch.float64, generator=rng(1)) + 7.0


@pytest.fixture(params=controls.NAMED_CONTROLS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def control(name: str) -> controls.Control:
    return controls.named_control(name)


def test_the_names_mean_the_functions():
    latents = message()
    pairs = {
        "cov-noise-0.5": controls.covariance_noise(latents, 0.5, rng()),
        "cov-noise-1.0": controls.covariance_noise(latents, 1.0, rng()),
        "white-noise": controls.white_noise(latents, rng()),
        "cov-gauss-0mu": controls.covariance_gaussian(latents, False, rng()),
        "cov-gauss-mu": controls.covariance_gaussian(latents, True, rng()),
        "random-rot": controls.random_rotation(latents, rng()),
        "permute": controls.permute(latents, rng()),
        "zero": torch.zeros(6, 9, dtype=torch.float64),
    }
    assert pairs.keys() == controls.NAMED_CONTROLS.keys()
    for called, expected in pairs.items():
        assert torch.equal(controls.named_control(called)(latents, rng()), expected)


def test_an_unknown_name_is_refused_with_those_that_exist():
    with pytest.raises(InvalidSetting, match=r"no control is called 'noise'; choose one of cov-noise-0.5, .*, zero"):
        controls.named_control("noise")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_it_repeats_with_its_seed_and_keeps_shape_type_and_input(name: str, control: controls.Control, dtype):
    latents = message().to(dtype)
    before = latents.clone()
    first, again, other = (control(latents, rng(seed)) for seed in (0, 0, 1))
    assert first.shape == latents.shape
    assert first.dtype == dtype
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name == "zero")
    assert not torch.equal(first, latents)
    assert torch.equal(latents, before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_lower_precision_is_the_float64_result_rounded_once(control: controls.Control, dtype):
    """So what is promised, and tested in float64, holds at every type up to one rounding of each entry."""
    latents = message(40, 24).to(dtype)
    assert torch.equal(control(latents, rng()), control(latents.double(), rng()).to(dtype))


def test_it_draws_from_its_generator_alone(name: str, control: controls.Control):
    """Neither reads nor moves torch's own state; without randomness the given one stands still too."""
    latents, generator = message(), rng()
    before, own = torch.get_rng_state(), generator.get_state()
    first = control(latents, generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(generator.get_state(), own) == (name == "zero")
    torch.manual_seed(12345)
    assert torch.equal(control(latents, rng()), first)


def test_later_messages_get_other_draws(name: str, control: controls.Control):
    generator = rng()
    first, second = control(message(), generator), control(message(), generator)
    assert torch.equal(first, second) == (name == "zero")


def test_a_message_that_carries_gradient_gives_the_same(control: controls.Control):
    """Messages come from trained senders; a control is part of no training, but must not stumble over them."""
    changed = control(message().requires_grad_(), rng())
    assert torch.equal(changed.detach(), control(message(), rng()))


def test_a_message_of_one_latent(name: str, control: controls.Control):
    """One row has no covariance and no order: noise, rotation and the draws around its mean leave it as it is."""
    latents = torch.tensor([[1.0, 2.0, 3.0]])
    result = control(latents, rng())
    assert torch.isfinite(result).all()
    if name in REPLACING:
        assert not torch.equal(result, latents)
    else:
        torch.testing.assert_close(result, latents)
    assert result.any() == (name not in ("zero", "cov-gauss-0mu"))


def test_zero_has_the_shape_and_nothing_else():
    latents = torch.full((3, 4), torch.nan, dtype=torch.bfloat16)
    assert torch.equal(controls.zero(latents), torch.zeros(3, 4, dtype=torch.bfloat16))


def test_permute_keeps_every_row_whole():
    latents = torch.arange(40.0).reshape(20, 2)
    permuted = controls.permute(latents, rng())
    assert not torch.equal(permuted, latents)
    assert permuted[permuted[:, 0].argsort()].equal(latents)


def test_truncate_by_length_and_by_share():
    latents = torch.arange(100.0)[:, None]
    assert torch.equal(controls.truncate(latents, 8), latents[:8])
    assert torch.equal(controls.truncate(latents, 500), latents)
    assert torch.equal(controls.truncate(latents, 0.29), latents[:29])
    assert torch.equal(controls.truncate(latents, 0.299), latents[:29])
    assert len(controls.truncate(latents, 1)) == 1
    assert len(controls.truncate(latents, 1.0)) == 100
    assert len(controls.truncate(latents, 0.001)) == 1


@pytest.mark.parametrize("keep", [0, -3, 0.0, 1.5, float("nan")])
def test_truncate_refuses_to_keep_nothing_or_more_than_all(keep):
    with pytest.raises(InvalidSetting, match=r"to keep must be"):
        controls.truncate(torch.zeros(4, 2), keep)
