"""How λ_S and λ_A move: constant, over the steps, or with their own losses, and never with gradient."""

import math

import pytest
import torch

from interlat.errors import InvalidSetting
from interlat.training import ActorWeights


def _annealed(weights: ActorWeights, done: float, js: float, alignment: float) -> tuple[float, float]:
    return weights.annealed(done, torch.tensor(-js), torch.tensor(alignment))


def test_constant_weights_stay():
    assert _annealed(ActorWeights(separation=0.5, alignment=0.2), 0.7, 0.3, 2.0) == (0.5, 0.2)


@pytest.mark.parametrize(
    ("done", "expected"), [(0.0, (0.9, 0.2)), (0.5, (0.5, 0.15)), (1.0, (0.1, 0.1)), (1.2, (0.1, 0.1))]
)
def test_linear_weights_fall_over_the_run(done: float, expected: tuple[float, float]):
    """0.1 + (0.9 − 0.1)·½ = 0.5 and 0.1 + (0.2 − 0.1)·½ = 0.15 half way."""
    weights = ActorWeights(separation=0.9, alignment=0.2, annealing="linear")
    assert _annealed(weights, done, 0.3, 2.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("js", "alignment", "expected"),
    [
        (0.0, 4.0, (0.9, 0.2)),
        (math.log(2), 0.0, (0.1, 0.1)),
        (math.log(2) / 4, 1.0, (0.7, 0.125)),
        (0.0, 9.0, (0.9, 0.2)),
    ],
)
def test_weights_fall_as_their_losses_do(js: float, alignment: float, expected: tuple[float, float]):
    """Nothing separated: the whole weight; a quarter of ln 2 reached: 0.1 + 0.8·¾ = 0.7; L_align of 1 of 4: 0.1 + 0.1·¼ = 0.125."""
    weights = ActorWeights(separation=0.9, alignment=0.2, annealing="from-loss")
    assert _annealed(weights, 0.5, js, alignment) == pytest.approx(expected, abs=1e-6)


def test_a_weight_of_nothing_stays_nothing():
    assert _annealed(ActorWeights(separation=0.0, alignment=0.0, annealing="linear"), 0.5, 0.1, 1.0) == (0.0, 0.0)


def test_no_gradient_flows_through_the_weights():
    """The gradient of λ·L is λ: the weight is a number."""
    loss = torch.tensor(-0.2, requires_grad=True)
    weight, _ = ActorWeights(separation=0.9, annealing="from-loss").annealed(0.0, loss, torch.tensor(1.0))
    (weight * loss).backward()
    assert loss.grad.item() == pytest.approx(weight)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separation": -0.1}, "weight 'separation' must be at least 0, got -0.1"),
        ({"margin": -1.0}, "weight 'margin' must be at least 0"),
        ({"margin": 1.0, "margin_nats": 0.0}, "margin_nats must be above 0"),
        ({"separation": 0.05, "annealing": "linear"}, "separation_floor is 0.1; lower the floor"),
        ({"alignment": 0.05, "annealing": "from-loss"}, "alignment_floor is 0.1; lower the floor"),
    ],
)
def test_weights_that_contradict_are_refused(settings: dict, message: str):
    with pytest.raises(InvalidSetting, match=message):
        ActorWeights(**settings)
