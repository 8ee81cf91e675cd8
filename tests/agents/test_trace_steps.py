"""How many steps agents take: the distribution, and traces of other numbers of steps than the settings say."""

import math
from collections import Counter

import pytest
import torch
from tiny_traces import tiny_batch, trace_agents

from interlat.agents.trace_steps import StepChoice
from interlat.errors import InvalidSetting


def _choice() -> StepChoice:
    """Of three counts 1/2, 1/4, 1/4; of two 1/4, 3/4; one agent has no choice."""
    choice = StepChoice({"a.b": 3, "c": 2, "d": 1})
    with torch.no_grad():
        choice.logits[0].copy_(torch.tensor([2.0, 1.0, 1.0]).log() + 5)
        choice.logits[1].copy_(torch.tensor([1.0, 3.0]).log())
    return choice


def test_the_distribution_by_hand():
    choice = _choice()
    assert choice.log_probability({"a.b": 2, "c": 2, "d": 1}).item() == pytest.approx(math.log(3 / 16))
    assert {name: float(value) for name, value in choice.expected().items()} == pytest.approx(
        {"a.b": 1.75, "c": 1.75, "d": 1.0}
    )
    entropies = {"a.b": 1.5 * math.log(2), "c": math.log(4) - 0.75 * math.log(3), "d": 0.0}
    assert {name: float(value) for name, value in choice.entropy().items()} == pytest.approx(entropies, abs=1e-6)
    assert choice.probabilities()["a.b"] == pytest.approx([0.5, 0.25, 0.25])
    assert choice.likeliest() == {"a.b": 1, "c": 2, "d": 1}


def test_of_equally_likely_counts_the_largest_is_played():
    assert StepChoice({"a": 4}).likeliest() == {"a": 4}
    with torch.no_grad():
        (tied := StepChoice({"a": 4})).logits[0].copy_(torch.tensor([1.0, 3.0, 3.0, 2.0]))
    assert tied.likeliest() == {"a": 3}


def test_counts_come_up_as_often_as_they_should():
    """2,000 draws: shares within four standard errors, agents independent of each other; one generator, one draw."""
    choice, generator = _choice(), torch.Generator().manual_seed(0)
    drawn = [choice.draw(generator) for _ in range(2000)]
    shares = Counter((each["a.b"], each["c"]) for each in drawn)
    for (first, second), p in {(1, 1): 1 / 8, (1, 2): 3 / 8, (3, 2): 3 / 16, (2, 1): 1 / 16}.items():
        assert shares[first, second] / 2000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 2000))
    assert choice.draw(torch.Generator().manual_seed(3)) == choice.draw(torch.Generator().manual_seed(3))


@pytest.mark.parametrize("most", [{}, {"a": 1, "b": 1}])
def test_where_there_is_no_choice_it_is_refused(most: dict[str, int]):
    with pytest.raises(InvalidSetting, match="at least 2 latent steps to choose among"):
        StepChoice(most)


def test_a_trace_of_drawn_steps_is_that_of_agents_who_take_them():
    """What is taught with K equals what the agents with these K of their own are taught, whom a run folder describes."""
    agents = trace_agents()
    steps = {"planner": 1, "refiner": 3}
    settled = trace_agents(cast=agents.settings.with_steps(steps).cast)
    assert [settled.team.steps_of(each) for each in settled.team.agents] == [1, 2, 3, 0]
    batch = tiny_batch(agents)
    with torch.no_grad():
        drawn, own = agents.heard(batch, steps=steps), settled.heard(batch)
        assert torch.equal(agents.predictions(batch, drawn)[0], settled.predictions(batch, own)[0])
        whole = agents.heard(batch)
    width = drawn.entries.mask.shape[1]
    assert (width, whole.entries.mask.shape[1]) == (own.entries.mask.shape[1], width), "1 + 2 + 3 steps are 2 + 2 + 2"
    assert not torch.equal(drawn.entries.span, whole.entries.span)
