"""A communication adapter between latent steps: its gradients, that it is taught as it is played, and where it may be asked for."""

from typing import Any

import pytest
import torch
from finite_differences import check_gradients, derivatives
from tiny_collaborations import QUESTIONS
from tiny_traces import TARGETS, TOKENIZER, learning, played_logits, tiny_batch, tiny_lora, trace_agents, trace_loss

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.latent_thoughts import aligner
from interlat.agents.trace_agents import TraceAgents
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_communication import communication_adapters, fit_adapters, learnt_aligners
from interlat.agents.trace_settings import CommunicationSettings, TraceSettings
from interlat.errors import InvalidSetting

TWO = (Collaborator("planner", "latentmas/planner"), Collaborator("judger", "latentmas/judger"))


def _agents(dropout: float = 0.0, recomputation: str = "none", **settings: Any) -> TraceAgents:
    """Agents whose adapters are as drawn, and loud enough to be heard."""
    wanted = CommunicationSettings(heads=4, dropout=dropout)
    made = trace_agents(dropout, recomputation, communication_adapter=wanted, **settings)
    torch.manual_seed(3)
    adapters = communication_adapters(made.settings, made.lm).train()
    with torch.no_grad():
        for adapter in adapters.values():
            adapter.output_scale.fill_(2.0)
    agents = TraceAgents(made.settings, made.lm, TOKENIZER, made.recomputation, adapters)
    agents.adapters = adapters  # for the tests
    return agents


def _named(agents: TraceAgents) -> dict[str, torch.nn.Parameter]:
    return {**learning(agents), **dict(agents.adapters.named_parameters())}


@pytest.mark.parametrize("recomputation", ["none", "reading"])
def test_gradients_of_the_adapter_are_those_of_finite_differences(recomputation: str):
    agents = _agents(cast=TWO, recomputation=recomputation)
    batch = tiny_batch(agents, slice(0, 2))
    named = {
        name: value
        for name, value in _named(agents).items()
        if "lora_" not in name or "layers.0.self_attn.k_proj" in name
    }
    assert sum(name.startswith("default.") for name in named) == 16
    check_gradients(named, lambda: trace_loss(agents, batch))


@pytest.mark.parametrize("recomputation", ["agent", "reading"])
@pytest.mark.parametrize("mode", ["bptt", "per_agent"])
def test_what_is_computed_again_is_what_it_was(mode: str, recomputation: str):
    """Loss and every gradient to 1e-10, dropout of LoRA and adapter included."""
    found = []
    for way in ("none", recomputation):
        agents = _agents(0.3, way, cast=TWO, gradient=mode)
        batch = tiny_batch(agents)
        torch.manual_seed(5)
        found.append(derivatives(_named(agents), lambda agents=agents, batch=batch: trace_loss(agents, batch)))
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("mode", "who", "topology"),
    [("bptt", "sequential", "chain"), ("bptt_last", "sequential", "chain"), ("per_agent", "hierarchical", "tree")],
)
def test_agents_are_taught_the_thoughts_that_they_will_play(mode: str, who: str, topology: str):
    agents = _agents(gradient=mode, cast=who, topology=topology)
    agents.lm.eval()
    batch = tiny_batch(agents)
    with torch.no_grad():
        logits, _ = agents.predictions(batch, agents.heard(batch))
        plain = trace_agents(gradient=mode, cast=who, topology=topology)
        rescaled, _ = plain.predictions(batch, plain.heard(batch))
    assert float((logits - rescaled).abs().max()) > 1e-3
    assert sorted(agents.adapters) == sorted(
        {"default"} if mode != "per_agent" else {f"agent-{each.name}" for each in agents.team.agents[:-1]}
    )
    aligners = learnt_aligners(agents.settings, agents.adapters.eval())
    played = TraceCollaboration(
        agents.team, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters(), aligners=aligners
    )
    rows = [played_logits(played, *each)[0] for each in zip(QUESTIONS, TARGETS, strict=True)]
    assert torch.allclose(logits, torch.cat(rows), rtol=0, atol=1e-9)


def test_agents_with_fresh_weights_think_as_the_alignment_says():
    """The control ``untrained``: what they send has the form of a message, and nothing that was learnt."""
    agents = _agents(cast=TWO)
    team = agents.settings.collaboration(control="untrained")
    aligners = learnt_aligners(agents.settings, agents.adapters)
    played = TraceCollaboration(team, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters(), aligners=aligners)
    assert played._aligner("planner", team.agents[0]).length is not None


def test_what_carries_no_gradient_is_thought_without_dropout():
    """The first of three agents under ``bptt_last``; and the adapter trains on afterwards."""
    three = (TWO[0], Collaborator("critic", "latentmas/critic"), TWO[1])
    agents, other = (_agents(each, cast=three, gradient="bptt_last") for each in (0.9, 0.0))
    batch = tiny_batch(agents)
    first, clean = agents.heard(batch).pieces, other.heard(batch).pieces
    steps = len(first[0][0][0][0, 0])
    assert torch.equal(first[0][0][0], clean[0][0][0])
    assert steps > 0
    assert not torch.equal(first[-1][-1][0], clean[-1][-1][0])
    assert agents.adapters.training


@pytest.mark.parametrize(("alignment", "share"), [("rescale", 0.95), ("ridge", 0.8)])
def test_a_fitted_adapter_begins_as_the_alignment(alignment: str, share: float):
    """It keeps no length of a state and no mean of its numbers, and is near all the same; drawn at random it is not."""
    agents = _agents(cast=TWO, alignment=alignment)
    batch = tiny_batch(agents)
    with torch.no_grad():
        plain = trace_agents(cast=TWO, alignment=alignment)
        wanted, _ = plain.predictions(batch, plain.heard(batch))
        before, _ = agents.predictions(batch, agents.heard(batch))
        explained = fit_adapters(agents.settings, agents.adapters, agents.lm, batch.prompts)
        after, _ = agents.predictions(batch, agents.heard(batch))
    assert share < explained <= 1
    assert (after - wanted).norm() < 0.5 * (before - wanted).norm()
    assert agents.lm.training
    states = torch.randn(5, 32, dtype=torch.float64)
    fed = learnt_aligners(agents.settings, agents.adapters.eval())["planner"](states)
    assert fed.shape == states.shape
    lengths = fed.norm(dim=-1) / aligner(agents.lm, alignment)(states).norm(dim=-1)
    assert torch.allclose(lengths, torch.ones(5, dtype=torch.float64), atol=0.3), "as long as an embedding"


@pytest.mark.parametrize(
    "settings",
    [{"gradient": "detached"}, {"gradient": "receiver_only"}, {"latent_steps": 0}, {"cast": "single"}],
)
def test_where_it_would_learn_nothing_it_is_refused(settings: dict[str, Any]):
    with pytest.raises(InvalidSetting, match="learns where gradient flows through latent steps"):
        TraceSettings("tiny", lora=tiny_lora(), communication_adapter=CommunicationSettings(), **settings)


def test_a_last_agent_that_thinks_may_have_one_of_its_own():
    thinking = (TWO[0], Collaborator("judger", "latentmas/judger", latent_steps=1))
    made = TraceSettings("tiny", cast=thinking, gradient="receiver_only", communication_adapter=CommunicationSettings())
    assert made.thinking() == {"judger": "default"}, "the bare backbone keeps the alignment"
