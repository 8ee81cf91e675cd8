"""Learning how many steps agents take: the gradient against every possible draw, on agents that are exact in float64."""

from itertools import product

import pytest
import torch
from finite_differences import derivatives
from tiny_traces import learning, tiny_batch, trace_agents, trace_loss

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_agents import TraceAgents
from interlat.agents.trace_settings import TraceSettings
from interlat.errors import InvalidSetting
from interlat.losses import task_loss
from interlat.training.trace_steps import LearntSteps, StepLearner

CAST = (
    Collaborator("planner", "latentmas/planner"),
    Collaborator("critic", "latentmas/critic", latent_steps=3),
    Collaborator("judger", "latentmas/judger"),
)
COST = 0.25


def _learner(agents: TraceAgents) -> StepLearner:
    learner = StepLearner(LearntSteps(step_cost=COST), agents.settings).double()
    with torch.no_grad():
        learner.choice.logits[0].copy_(torch.tensor([0.4, -0.3]))
        learner.choice.logits[1].copy_(torch.tensor([-0.5, 0.2, 1.0]))
    return learner


def _loss(agents: TraceAgents, batch, steps: dict[str, int]) -> torch.Tensor:
    logits, targets = agents.predictions(batch, agents.heard(batch, steps=steps))
    return task_loss(logits[None], targets[None], torch.ones_like(targets[None], dtype=torch.bool))


@pytest.mark.parametrize(("mode", "recomputation"), [("bptt", "none"), ("bptt", "reading"), ("detached", "none")])
def test_over_all_draws_the_gradient_is_that_of_the_expected_cost(mode: str, recomputation: str):
    """Σ_K p(K) ∇loss(K) over the six draws of two agents = ∇ Σ_K p(K) (CE_K + c ΣK), for LoRA and logits, whatever the baseline."""
    agents = trace_agents(cast=CAST, gradient=mode, recomputation=recomputation)
    batch, learner = tiny_batch(agents, slice(0, 2)), _learner(agents)
    named = {**dict(list(learning(agents).items())[::4]), **dict(learner.named_parameters())}
    draws = [dict(zip(("planner", "critic"), each, strict=True)) for each in product((1, 2), (1, 2, 3))]

    def expected() -> torch.Tensor:
        costs = [_loss(agents, batch, steps) + COST * sum(steps.values()) for steps in draws]
        return sum(learner.choice.log_probability(steps).exp() * cost for steps, cost in zip(draws, costs, strict=True))

    exact = derivatives(named, expected)
    assert all(float(value.norm()) > 1e-6 for value in exact.values())
    for past in (None, 1.7):
        mean = {name: torch.zeros_like(value) for name, value in exact.items()}
        for steps in draws:
            learner.baseline.load((0.0, 0.0) if past is None else (past, 1.0))
            p = float(learner.choice.log_probability(steps).detach().exp())
            for name, value in derivatives(
                named, lambda steps=steps: learner.loss(_loss(agents, batch, steps), steps)
            ).items():
                mean[name] += p * value
        for name, value in exact.items():
            if past is not None or "logits" not in name:
                assert torch.allclose(mean[name], value, rtol=0, atol=1e-10)
            else:
                assert not mean[name].any(), "the first batch has no past to compare with"


def test_the_cost_of_a_draw_and_what_it_is_compared_with_next():
    """loss 2 with steps 1 and 3 at 0.25 each: 3; the next batch's baseline is 3."""
    learner = _learner(trace_agents(cast=CAST))
    loss = torch.tensor(2.0, dtype=torch.float64)
    assert float(learner.loss(loss, {"planner": 1, "critic": 3}).detach()) == 3.0
    assert learner.baseline.mean() == 3.0
    assert set(learner.metrics()) == {
        "steps_planner",
        "steps_critic",
        "steps_entropy_planner",
        "steps_entropy_critic",
    }


def test_steps_that_help_are_learnt_and_steps_that_cost_are_not():
    """One agent, loss 1/K: at no cost it takes all four steps, at a high one it takes one."""
    for cost, chosen in ((0.0, 4), (1.0, 1)):
        learner = StepLearner(LearntSteps(step_cost=cost), TraceSettings("tiny", cast=CAST[::2], latent_steps=4))
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.1)
        generator = torch.Generator().manual_seed(0)
        for _ in range(200):
            steps = learner.drawn(generator)
            optimizer.zero_grad()
            learner.loss(torch.tensor(1 / steps["planner"]), steps).backward()
            optimizer.step()
        assert learner.choice.likeliest() == {"planner": chosen}
        assert learner.choice.probabilities()["planner"][chosen - 1] > 0.7


@pytest.mark.parametrize("wrong", [{"step_cost": -0.1}, {"lr_scale": 0.0}, {"baseline_decay": 1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(InvalidSetting, match="learnt_steps wants step_cost of at least 0"):
        LearntSteps(**wrong)


def test_gradients_of_drawn_steps_are_those_of_a_trace_with_as_many():
    agents = trace_agents(cast=CAST)
    settled = trace_agents(cast=agents.settings.with_steps({"critic": 1}).cast)
    batch = tiny_batch(agents, slice(0, 2))
    drawn = derivatives(learning(agents), lambda: _loss(agents, batch, {"planner": 2, "critic": 1}))
    own = derivatives(learning(settled), lambda: trace_loss(settled, batch))
    assert all(torch.equal(drawn[name], value) for name, value in own.items())
