"""What stage 1 adds up and logs when terms are weighted otherwise than the paper does."""

from typing import Any

import pytest
from tiny_agents import fit

from interlat.training import ActorWeights


def test_the_margin_is_learnt_without_separation_and_logged(actor_stage: Any, tasks: Any):
    stage = actor_stage(weights=ActorWeights(separation=0.0, alignment=0.0, margin=1.0, margin_nats=0.5))
    fit(stage, tasks(), 1)
    logged = {name: float(value) for name, value in stage.trainer.callback_metrics.items()}
    assert logged["train/loss"] == pytest.approx(logged["train/loss_task"] + logged["train/loss_margin"], rel=1e-5)
    assert logged["train/loss_margin"] > 0
    assert logged["train/weight_separation"] == 0


def test_annealed_weights_are_logged_as_they_are_used(actor_stage: Any, tasks: Any):
    """Two steps of two: the second begins with half of the run behind it, at 0.1 + 0.8 · ½ = 0.5."""
    weights = ActorWeights(separation=0.9, alignment=0.2, annealing="linear")
    stage = actor_stage(weights=weights)
    fit(stage, tasks(), 2)
    logged = {name: float(value) for name, value in stage.trainer.callback_metrics.items()}
    assert logged["train/weight_separation"] == pytest.approx(0.5)
    assert logged["train/weight_alignment"] == pytest.approx(0.15)
    total = logged["train/loss_task"] + 0.5 * logged["train/loss_separation"] + 0.15 * logged["train/loss_alignment"]
    assert logged["train/loss"] == pytest.approx(total, rel=1e-5)
