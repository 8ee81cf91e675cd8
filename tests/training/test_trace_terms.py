"""L_sep and L_align of a trace: against each question alone, finite differences, and the words that are meant."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from finite_differences import check_gradients, derivatives
from tiny_collaborations import QUESTIONS
from tiny_traces import TARGETS, learning, tiny_batch, trace_agents

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_agents import TraceAgents, TraceBatch
from interlat.errors import InvalidSetting
from interlat.losses import js_divergence, kl_divergence
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep
from interlat.training.trace_terms import TraceWeights, held_out_terms, swapped_trace, trace_terms, weighted

TWO = (Collaborator("planner", "latentmas/planner"), Collaborator("judger", "latentmas/judger"))
PLANS = [("It is a sum of two.",), ("Take away 3 from 7.",), ("Go on.",)]
SEPARATION = TraceWeights(separation=0.5)
ALIGNMENT = TraceWeights(alignment=0.3)


def _told(agents: TraceAgents, rows: slice = slice(None), plans: Any = PLANS) -> TraceBatch:
    return agents.batch(QUESTIONS[rows], TARGETS[rows], ["a", "b", "c"][rows], plans[rows])


def _loss(agents: TraceAgents, batch: TraceBatch, weights: TraceWeights) -> torch.Tensor:
    return weighted(trace_terms(agents, batch, agents.heard(batch), weights), weights)


@pytest.mark.parametrize(("who", "topology"), [("sequential", "chain"), ("hierarchical", "tree")])
@pytest.mark.parametrize("keep", [Keep(), Keep(kinds="latents")])
def test_another_problem_s_trace_is_what_it_is_alone(who: str, topology: str, keep: Keep):
    """Row i behind the trace of row i + 1, of unequal length: as if both had been read without any other row, so positions are right."""
    agents = trace_agents(cast=who, topology=topology, keep=keep)
    agents.lm.eval()
    batch = tiny_batch(agents)
    alone = [tiny_batch(agents, slice(row, row + 1)) for row in range(3)]
    with torch.no_grad():
        heard = agents.heard(batch)
        logits, _ = agents.predictions(batch, swapped_trace(heard))
        own, _ = agents.predictions(batch, heard)
        others = [agents.heard(each) for each in [*alone[1:], alone[0]]]
        rows = [agents.predictions(each, other)[0] for each, other in zip(alone, others, strict=True)]
    lengths = [len(each.entries.mask[0]) for each in others]
    assert (len(set(lengths)) > 1) is (keep == Keep())
    assert torch.allclose(logits, torch.cat(rows), rtol=0, atol=1e-9)
    assert float((logits - own).abs().max()) > 1e-3


def test_the_separation_is_minus_the_mean_divergence_of_the_two():
    agents = trace_agents(cast=TWO)
    batch = tiny_batch(agents)
    heard = agents.heard(batch)
    terms = trace_terms(agents, batch, heard, SEPARATION)
    with torch.no_grad():
        own, _ = agents.predictions(batch, heard)
        other, _ = agents.predictions(batch, swapped_trace(heard))
    assert set(terms) == {"task", "separation"}
    assert terms["separation"].item() == pytest.approx(-float(js_divergence(own, other).mean()), rel=1e-12)
    assert -0.69 < terms["separation"].item() < -1e-4
    total = weighted(terms, SEPARATION)
    assert total.item() == pytest.approx(terms["task"].item() + 0.5 * terms["separation"].item(), rel=1e-12)


def test_a_detached_separation_teaches_the_matched_branch_alone():
    """Against differences of a loss in which the other branch's logits stay as they are."""
    agents = trace_agents(cast=TWO)
    batch = tiny_batch(agents, slice(0, 2))
    with torch.no_grad():
        constant, _ = agents.predictions(batch, swapped_trace(agents.heard(batch)))

    def held() -> torch.Tensor:
        logits, targets = agents.predictions(batch, agents.heard(batch))
        return torch.nn.functional.cross_entropy(logits, targets) - 0.5 * js_divergence(logits, constant).mean()

    named = dict(list(learning(agents).items())[::5])
    check_gradients(named, lambda: _loss(agents, batch, SEPARATION), held)


def test_with_gradient_both_branches_are_taught():
    """Through another problem's trace, too: as differences of the whole loss say, and otherwise than detached."""
    agents = trace_agents(cast=TWO)
    batch = tiny_batch(agents, slice(0, 2))
    weights = replace(SEPARATION, mismatched_gradient=True)
    named = dict(list(learning(agents).items())[::5])
    check_gradients(named, lambda: _loss(agents, batch, weights))
    both = derivatives(named, lambda: _loss(agents, batch, weights))
    one = derivatives(named, lambda: _loss(agents, batch, SEPARATION))
    assert all(float((both[name] - one[name]).norm()) > 1e-5 for name in named)


@pytest.mark.parametrize("mode", ["bptt", "per_agent"])
@pytest.mark.parametrize("recomputation", ["agent", "reading"])
def test_what_is_computed_again_is_what_it_was(mode: str, recomputation: str):
    """Both terms at once, dropout included, gradient through another's trace included: to 1e-10."""
    weights = TraceWeights(separation=0.5, alignment=0.3, mismatched_gradient=True)
    found, losses = [], []
    for way in ("none", recomputation):
        agents = trace_agents(0.3, way, cast=TWO, gradient=mode)
        batch = _told(agents)
        torch.manual_seed(5)
        found.append(derivatives(learning(agents), lambda agents=agents, batch=batch: _loss(agents, batch, weights)))
        torch.manual_seed(5)
        losses.append(_loss(agents, batch, weights).item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-10)
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], rtol=0, atol=1e-10)


def test_dropout_alone_separates_nothing():
    """Two rows of one question have one trace: predictions behind it and behind the other are the same, whatever is dropped."""
    agents = trace_agents(dropout=0.5, cast=TWO, gradient="detached")
    batch = agents.batch([QUESTIONS[1]] * 2, [TARGETS[1]] * 2)
    terms = trace_terms(agents, batch, agents.heard(batch), SEPARATION)
    assert terms["separation"].item() == pytest.approx(0, abs=1e-12)
    other = agents.batch(QUESTIONS[:2], [TARGETS[1]] * 2)
    assert trace_terms(agents, other, agents.heard(other), SEPARATION)["separation"].item() < -1e-4


def test_no_other_problem_no_separation():
    agents = trace_agents(cast=TWO)
    batch = tiny_batch(agents, slice(0, 1))
    with pytest.raises(InvalidSetting, match="at least 2 tasks in a batch"):
        trace_terms(agents, batch, agents.heard(batch), SEPARATION)


def test_alignment_is_taught_as_finite_differences_say():
    """What words lead to is a constant, computed without dropout and by the same adapter."""
    agents = trace_agents(cast=TWO)
    batch = _told(agents, slice(0, 2))
    with torch.no_grad():
        told, _ = agents.predictions_told(batch)

    def held() -> torch.Tensor:
        logits, targets = agents.predictions(batch, agents.heard(batch))
        cosine = torch.nn.functional.cosine_similarity(logits, told, dim=-1)
        near = (0.7 * kl_divergence(logits, told) + 0.3 * (1 - cosine)).mean()
        return torch.nn.functional.cross_entropy(logits, targets) + 0.3 * near

    assert held().item() == pytest.approx(_loss(agents, batch, ALIGNMENT).item(), rel=1e-12)
    check_gradients(dict(list(learning(agents).items())[::5]), lambda: _loss(agents, batch, ALIGNMENT), held)
    noisy = trace_agents(dropout=0.5, cast=TWO)
    assert torch.equal(noisy.predictions_told(_told(noisy, slice(0, 2)))[0], told)
    assert noisy.lm.training


def test_words_are_the_plan_s_sentences_one_for_each_agent():
    agents = trace_agents(cast=TWO)
    batch = _told(agents)
    ids, mask = batch.told
    for row, (question, plan) in enumerate(zip(QUESTIONS, PLANS, strict=True)):
        heard = {"planner": plan[0]}
        assert ids[row][mask[row]].tolist() == agents.prompt_ids(TWO[1], question, heard)
        assert plan[0].split()[-1].strip(".") in agents.tokenizer.decode(ids[row])
    assert torch.equal(tiny_batch(agents).prompts[-1][0], batch.prompts[-1][0]), "with a trace it reads no words"


def test_where_the_plan_does_not_fit_the_bare_agents_write():
    """One plan has two sentences, one has none: these rows hear what text-mas of the bare backbone says; nothing of LoRA is in it."""
    words = Sampling(temperature=0.0, max_new_tokens=5)
    agents = trace_agents(cast=TWO, words=words)
    batch = _told(agents, plans=[("one", "two"), PLANS[1], ()])
    channel = trace_agents(cast=TWO, gradient="receiver_only", channel="words", words=words)
    written = tiny_batch(channel).prompts[-1]
    ids, mask = batch.told
    for row in (0, 2):
        assert ids[row][mask[row]].tolist() == written[0][row][written[1][row]].tolist()
    assert ids[1][mask[1]].tolist() == agents.prompt_ids(TWO[1], QUESTIONS[1], {"planner": PLANS[1][0]})
    agents.lm.eval(), channel.lm.eval()
    with torch.no_grad():
        told, _ = agents.predictions_told(batch._replace(told=written))
        heard, _ = channel.predictions(tiny_batch(channel), channel.heard(batch))
    assert torch.equal(told, heard), "the same agent as one that is taught on words"


def test_held_out_problems_are_tried_in_every_way():
    """With the trace, alone, behind another's, and on words; the divergence is that of the first and the third."""
    agents = trace_agents(cast=TWO)
    agents.lm.eval()
    batch = _told(agents)
    with torch.no_grad():
        heard = agents.heard(batch)
        values = held_out_terms(agents, batch, heard, swaps=True)
        own, targets = agents.predictions(batch, heard)
        other, _ = agents.predictions(batch, swapped_trace(heard))
    assert set(values) == {"loss", "loss_alone", "loss_swapped", "separation", "loss_told"}
    cross_entropy = torch.nn.functional.cross_entropy
    assert float(values["loss"]) == pytest.approx(float(cross_entropy(own, targets)))
    assert float(values["loss_swapped"]) == pytest.approx(float(cross_entropy(other, targets)))
    assert float(values["separation"]) == pytest.approx(float(js_divergence(own, other).mean()))
    assert len({round(float(value), 6) for value in values.values()}) == 5
    one = tiny_batch(agents, slice(0, 1))
    with torch.no_grad():
        assert set(held_out_terms(agents, one, agents.heard(one), swaps=True)) == {"loss", "loss_alone"}
        assert set(held_out_terms(agents, tiny_batch(agents), heard, swaps=False)) == {"loss", "loss_alone"}


@pytest.mark.parametrize("name", ["separation", "alignment", "kl", "cosine"])
def test_a_weight_below_0_is_refused(name: str):
    with pytest.raises(InvalidSetting, match=f"{name}_weight must be at least 0, got -0.1"):
        TraceWeights(**{name: -0.1})
