"""Schedules, seeds by batch and gradient norms."""

import pytest
import torch
from torch import nn

from interlat.training.optimization import Stage, batch_generator, gradient_norm, warmed_up


def _factors(num_steps: int, warmup_share: float, schedule: str) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedules = warmed_up(optimizer, num_steps, warmup_share, schedule)
    factors = []
    for _ in range(num_steps + 1):
        factors.append(schedules.get_last_lr()[0])
        optimizer.step()
        schedules.step()
    return factors


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1 / 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        # A fall of 0.9 over the 8 steps behind the warm-up.
        ("linear", [1 / 2, 1, 1, 0.8875, 0.775, 0.6625, 0.55, 0.4375, 0.325, 0.2125, 0.1]),
    ],
)
def test_the_rate_of_every_step(schedule: str, expected: list[float]):
    assert _factors(10, 0.2, schedule) == pytest.approx(expected)


def test_cosine_falls_to_a_tenth_through_the_middle():
    """0.1 + 0.45 (1 + cos πx): 1 at x = 0, 0.55 at x = 1/2, 0.1 at x = 1."""
    factors = _factors(10, 0.2, "cosine")
    assert factors[2] == pytest.approx(1)
    assert factors[6] == pytest.approx(0.55)
    assert factors[10] == pytest.approx(0.1)
    assert factors[2:] == sorted(factors[2:], reverse=True)


def test_the_first_step_has_a_rate_even_without_warmup():
    assert _factors(4, 0.0, "constant") == [1.0] * 5


def test_a_batch_draws_the_same_whatever_ran_before():
    drawn = [
        torch.rand(3, generator=batch_generator(seed, number)).tolist() for seed, number in [(0, 5), (0, 6), (1, 5)]
    ]
    assert drawn[0] == torch.rand(3, generator=batch_generator(0, 5)).tolist()
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_norm_of_the_gradients_there_are():
    """√(3² + 4² + 12²) = 13; a parameter without gradient counts nothing."""
    one, other, without = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    one.grad, other.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 12.0])
    assert gradient_norm([one, without, other]).item() == pytest.approx(13)
    assert gradient_norm([without]).item() == 0


def test_a_checkpoint_holds_what_is_trained_and_nothing_else():
    stage = Stage(seed=0)
    stage.frozen, stage.trained = nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2)
    checkpoint: dict[str, object] = {"state_dict": stage.state_dict()}
    stage.on_save_checkpoint(checkpoint)
    assert set(checkpoint["state_dict"]) == {"trained.weight", "trained.bias"}
    assert {id(parameter) for parameter in stage.trained_parameters()} == {id(p) for p in stage.trained.parameters()}
    assert stage.strict_loading is False


def test_a_stage_without_an_export_says_so(tmp_path):
    with pytest.raises(TypeError, match="Stage does not say how it is exported"):
        Stage(seed=0).export(tmp_path)


@pytest.mark.parametrize(("dtype", "warned"), [(torch.bfloat16, True), (torch.float32, False)])
def test_weights_of_too_few_bits_are_named(caplog: pytest.LogCaptureFixture, dtype: torch.dtype, warned: bool):
    stage = Stage(seed=0)
    stage.weights = nn.Linear(2, 2, dtype=dtype)
    stage.on_fit_start()
    assert ("kept in torch.bfloat16" in caplog.text) == warned


def test_a_step_of_1e_5_is_lost_to_bfloat16_in_most_weights():
    weights = torch.randn(100_000, generator=torch.Generator().manual_seed(0)) * 0.02  # as of a language model
    moved = {
        dtype: (weights.to(dtype) + 1e-5 != weights.to(dtype)).float().mean()
        for dtype in (torch.float32, torch.bfloat16)
    }
    assert moved[torch.float32] == 1
    assert moved[torch.bfloat16] < 0.2
