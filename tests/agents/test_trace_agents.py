"""Where gradients of a trace flow, that they are right, and that agents are taught what they will play."""

import pytest
import torch
from tiny_collaborations import QUESTIONS
from tiny_traces import (
    STEPS,
    TARGETS,
    TOKENIZER,
    difference_along,
    gradients,
    learning,
    played_logits,
    tiny_batch,
    trace_agents,
    trace_loss,
)

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_gradients import TraceGradients
from interlat.agents.trace_settings import TraceSettings
from interlat.errors import InvalidSetting
from interlat.models.recomputation import Trace
from interlat.models.trace_adapters import speak_as

MODES = ["bptt", "bptt_last", "detached", "receiver_only", "per_agent"]


@pytest.mark.parametrize(("mode", "topology"), [("bptt", "chain"), ("bptt", "tree"), ("per_agent", "chain")])
def test_gradients_through_the_whole_trace_are_those_of_finite_differences(mode, topology):
    """Along every tensor's own gradient the difference quotient is its norm, which is above 0; single numbers of two tensors too."""
    agents = trace_agents(gradient=mode, topology=topology)
    batch = tiny_batch(agents, slice(0, 2))
    _, found = gradients(agents, batch)
    for name, gradient in list(found.items())[:: 5 if mode == "per_agent" else 1]:
        norm = gradient.norm()
        assert norm > 1e-4
        difference = difference_along(agents, lambda: trace_loss(agents, batch), {name: gradient / norm})
        assert difference == pytest.approx(float(norm), rel=1e-6, abs=1e-9)
    if (mode, topology) != ("bptt", "chain"):
        return
    for name in [key for key in found if "layers.0.self_attn.k_proj" in key]:
        numbers = torch.eye(found[name].numel(), dtype=torch.float64)[:: max(1, found[name].numel() // 6)]
        for unit in numbers:
            one = unit.view_as(found[name])
            difference = difference_along(agents, lambda: trace_loss(agents, batch), {name: one})
            assert difference == pytest.approx(float((one * found[name]).sum()), rel=1e-5, abs=1e-8)


def _of(agent: str, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    own = f".agent-{agent}."
    return {name.replace(own, ".default."): value for name, value in found.items() if own in name}


def test_modes_are_sums_over_agents_of_what_each_learns():
    """With a copy of the adapter for each agent, the gradient of the shared one is the sum of theirs: all four for ``bptt``, the last
    n + 1 for ``bptt_last``, the last one's alone for ``detached``, which so is exactly what a receiver learns of a trace as it is.
    """
    apart = trace_agents(gradient="per_agent")
    names = [agent.name for agent in apart.team.agents]
    loss, found = gradients(apart, tiny_batch(apart))
    each = [_of(name, found) for name in names]
    for mode, last_agents, learners in [("bptt", 1, 4), ("bptt_last", 2, 3), ("bptt_last", 1, 2), ("detached", 1, 1)]:
        shared = trace_agents(gradient=mode, last_agents=last_agents)
        shared_loss, shared_found = gradients(shared, tiny_batch(shared))
        assert shared_loss == pytest.approx(loss, rel=1e-12)
        for name, value in shared_found.items():
            assert torch.allclose(value, sum(part[name] for part in each[-learners:]), rtol=0, atol=1e-12)


def test_a_detached_trace_carries_no_gradient_at_all():
    agents = trace_agents(gradient="detached")
    heard = agents.heard(tiny_batch(agents))
    assert not any(tensor.requires_grad for piece in heard.pieces for layer in piece for tensor in layer)
    assert any(
        tensor.requires_grad
        for piece in trace_agents(gradient="bptt").heard(tiny_batch(agents)).pieces
        for layer in piece
        for tensor in layer
    )


def test_a_detached_gradient_is_that_of_a_receiver_of_a_trace_that_stays_as_it_is():
    agents = trace_agents(gradient="detached")
    batch = tiny_batch(agents)
    heard = agents.heard(batch)
    _, found = gradients(agents, batch)

    def loss() -> torch.Tensor:
        logits, targets = agents.predictions(batch, heard)
        return torch.nn.functional.cross_entropy(logits, targets)

    for name, gradient in found.items():
        norm = gradient.norm()
        assert norm > 1e-4
        assert difference_along(agents, loss, {name: gradient / norm}) == pytest.approx(float(norm), rel=1e-6, abs=1e-9)


def test_receiver_only_builds_the_trace_of_the_bare_backbone():
    agents = trace_agents(gradient="receiver_only")
    batch = tiny_batch(agents)
    heard = agents.heard(batch)
    bare = trace_agents(gradient="detached")
    with torch.no_grad():
        for parameter in learning(bare).values():
            parameter.zero_()
    expected = bare.heard(batch)
    assert _gap(heard, expected) == 0
    assert _gap(heard, trace_agents(gradient="detached").heard(batch)) > 0.01
    _, found = gradients(agents, batch)
    assert min(float(value.norm()) for value in found.values()) > 1e-4


def _gap(one: Trace, other: Trace) -> float:
    pairs = zip(one.state().layers, other.state().layers, strict=True)
    return max(float((a - b).abs().max()) for layers in pairs for a, b in zip(*layers, strict=True))


def test_an_agent_s_own_adapter_is_the_only_one_it_speaks_with():
    """Changing one agent's adapter leaves the entries before it as they are and moves all from it on."""
    agents = trace_agents(gradient="per_agent")
    batch = tiny_batch(agents)
    before = agents.heard(batch)
    with torch.no_grad():
        for name, parameter in learning(agents).items():
            if ".agent-critic." in name:
                parameter.mul_(3)
    after = agents.heard(batch)
    for piece, (was, now) in enumerate(zip(before.pieces, after.pieces, strict=True)):
        same = all(torch.equal(a, b) for old, new in zip(was, now, strict=True) for a, b in zip(old, new, strict=True))
        assert same is (piece == 0), "one piece an agent"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("who", "topology"), [("sequential", "chain"), ("hierarchical", "tree"), ("single", "chain")])
def test_agents_are_taught_the_trace_that_they_will_play(mode, who, topology):
    """Logits of the target behind what ``Collaboration`` reads, question by question, are those of training."""
    if mode == "bptt_last" and who != "sequential":
        return
    agents = trace_agents(gradient=mode, cast=who, topology=topology)
    agents.lm.eval()
    batch = tiny_batch(agents)
    with torch.no_grad():
        logits, targets = agents.predictions(batch, agents.heard(batch))
    played = TraceCollaboration(agents.team, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters())
    rows = []
    for question, target in zip(QUESTIONS, TARGETS, strict=True):
        rows.append(played_logits(played, question, target))
    assert torch.allclose(logits, torch.cat([row for row, _ in rows]), rtol=0, atol=1e-9)
    assert targets.tolist() == [token for _, ids in rows for token in ids]


@pytest.mark.parametrize("topology", ["chain", "tree"])
def test_a_padded_batch_is_learnt_as_each_question_alone(topology):
    """Loss and gradients of three unequal questions are those of each alone, weighted by its tokens."""
    agents = trace_agents(topology=topology)
    loss, found = gradients(agents, tiny_batch(agents))
    tokens, losses, sums = [], [], {name: torch.zeros_like(value) for name, value in found.items()}
    for row in range(3):
        batch = tiny_batch(agents, slice(row, row + 1))
        tokens.append(int(batch.targets[1].sum()))
        one, alone = gradients(agents, batch)
        losses.append(one * tokens[-1])
        for name, value in alone.items():
            sums[name] += value * tokens[-1]
    assert len(set(tokens)) == 3
    assert loss == pytest.approx(sum(losses) / sum(tokens), abs=1e-10)
    for name, value in found.items():
        assert torch.allclose(value, sums[name] / sum(tokens), rtol=0, atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("recomputation", ["agent", "reading"])
def test_what_is_computed_again_is_what_it_was(mode, recomputation):
    """Loss and every gradient to 1e-10, dropout included, which draws the same numbers both times."""
    plain = trace_agents(dropout=0.3, gradient=mode)
    again = trace_agents(dropout=0.3, gradient=mode, recomputation=recomputation)
    loss, found = gradients(plain, tiny_batch(plain), seed=5)
    other_loss, other = gradients(again, tiny_batch(again), seed=5)
    assert other_loss == pytest.approx(loss, abs=1e-10)
    for name, value in found.items():
        assert torch.allclose(value, other[name], rtol=0, atol=1e-10)
    assert gradients(plain, tiny_batch(plain), seed=6)[0] != pytest.approx(loss, abs=1e-6), "dropout is on"


def test_what_carries_no_gradient_is_built_without_dropout():
    agents, batch = trace_agents(dropout=0.5, gradient="detached"), tiny_batch(trace_agents())
    assert _gap(agents.heard(batch), trace_agents(gradient="detached").heard(batch)) == 0
    assert agents.lm.training


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("recomputation", ["none", "reading"])
def test_gradient_norms_by_depth_are_those_of_the_entries(mode, recomputation):
    """Against the gradient of entries that are leaves of their own, with everything behind them computed anew."""
    agents = trace_agents(gradient=mode, recomputation=recomputation)
    batch, watch = tiny_batch(agents), TraceGradients()
    plain = gradients(agents, batch)[1]
    agents.lm.zero_grad()
    trace_loss(agents, batch, watch).backward()
    for name, parameter in learning(agents).items():
        assert torch.allclose(plain[name], parameter.grad, rtol=0, atol=1e-12), "watching changes nothing"
    norms = watch.norms()
    assert list(norms) != []
    # The agent before the last is read by the last alone.
    heard = agents.heard(batch)
    own = 1 if recomputation == "none" else 1 + STEPS
    leaves = [[tuple(t.detach().requires_grad_() for t in layer) for layer in piece] for piece in heard.pieces[-own:]]
    constant = [[tuple(t.detach() for t in layer) for layer in piece] for piece in heard.pieces[:-own]]
    trace = Trace((*constant, *leaves), heard.entries, heard.next_position, heard.spans)
    logits, targets = agents.predictions(batch, trace)
    flat = [t for piece in leaves for layer in piece for t in layer]
    wanted = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets), flat)
    expected = torch.stack([each.norm() for each in wanted]).norm()
    assert float(norms["refiner"]) == pytest.approx(float(expected), rel=1e-9)
    assert set(norms) == {"planner", "critic", "refiner"}


def test_agents_that_were_validated_first_can_learn():
    """Lightning validates in inference mode, where the map of ``ridge`` may be made."""
    agents = trace_agents(alignment="ridge", cast="hierarchical")
    batch = tiny_batch(agents)
    with torch.inference_mode():
        validated = float(trace_loss(agents, batch))
    assert gradients(agents, batch)[0] == pytest.approx(validated, rel=1e-12)


def test_what_a_trace_cannot_be_is_said():
    with pytest.raises(InvalidSetting, match="share one backbone, got a model of b's own"):
        TraceSettings(
            "tiny", cast=(Collaborator("a", "latentmas/planner"), Collaborator("b", "latentmas/judger", model="x"))
        )
    with pytest.raises(InvalidSetting, match="last_agents within 1 and 3, got a chain and 4"):
        TraceSettings("tiny", gradient="bptt_last", last_agents=4)
    with pytest.raises(InvalidSetting, match="wants a chain"):
        TraceSettings("tiny", gradient="bptt_last", topology="tree")
    agents = trace_agents()
    agents.lm.config.max_position_embeddings = 50
    with pytest.raises(InvalidSetting, match="positions, but 'tiny' knows 50"):
        tiny_batch(agents)
    speak_as(agents.lm, None)
