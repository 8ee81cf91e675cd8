"""What of a trace is handed on, and words in its place: taught as they are played, with gradients that are right."""

import pytest
import torch
from tiny_collaborations import QUESTIONS
from tiny_traces import (
    STEPS,
    TARGETS,
    TOKENIZER,
    difference_along,
    gradients,
    played_logits,
    tiny_batch,
    trace_agents,
    trace_loss,
)

from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_settings import TraceSettings
from interlat.errors import InvalidSetting
from interlat.models.decoding import Sampling
from interlat.models.kv import Keep


@pytest.mark.parametrize("keep", [Keep(kinds="latents"), Keep(agents="latest"), Keep(share=0.5)])
@pytest.mark.parametrize(("who", "topology"), [("sequential", "chain"), ("hierarchical", "tree")])
def test_what_is_kept_of_a_trace_is_taught_as_it_is_played(keep: Keep, who: str, topology: str):
    agents = trace_agents(cast=who, topology=topology, keep=keep)
    agents.lm.eval()
    batch = tiny_batch(agents)
    with torch.no_grad():
        heard = agents.heard(batch)
        logits, _ = agents.predictions(batch, heard)
        whole = trace_agents(cast=who, topology=topology).heard(batch)
    played = TraceCollaboration(agents.team, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters())
    rows = [played_logits(played, *each)[0] for each in zip(QUESTIONS, TARGETS, strict=True)]
    assert torch.allclose(logits, torch.cat(rows), rtol=0, atol=1e-9)
    if (keep.agents, topology) != ("latest", "tree"):  # in a tree everybody is the latest
        assert heard.entries.mask.sum() < whole.entries.mask.sum()
    if keep.kinds == "latents":
        assert heard.entries.mask.sum(dim=1).tolist() == [STEPS * (len(agents.team.agents) - 1)] * len(QUESTIONS)


@pytest.mark.parametrize("recomputation", ["none", "agent", "reading"])
def test_gradients_flow_through_what_is_kept(recomputation: str):
    """Latents alone are handed on: the prompts they grew from still learn, through them; as finite differences say."""
    agents = trace_agents(keep=Keep(kinds="latents"), recomputation=recomputation)
    batch = tiny_batch(agents, slice(0, 2))
    _, found = gradients(agents, batch)
    for name, gradient in list(found.items())[::3]:
        norm = gradient.norm()
        assert norm > 1e-5
        difference = difference_along(agents, lambda: trace_loss(agents, batch), {name: gradient / norm})
        assert difference == pytest.approx(float(norm), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("who", "topology"), [("sequential", "chain"), ("hierarchical", "tree")])
def test_where_words_travel_the_last_agent_is_taught_what_it_will_hear(who: str, topology: str):
    """Logits behind the very words that the bare agents write when they work, each question by itself; nothing else learns."""
    words = Sampling(temperature=0.8, max_new_tokens=5)
    agents = trace_agents(cast=who, topology=topology, gradient="receiver_only", channel="words", words=words)
    batch = tiny_batch(agents)
    assert agents.lm.training, "writing leaves the model as it was"
    again = tiny_batch(agents)
    assert torch.equal(batch.prompts[0][0], again.prompts[0][0])
    agents.lm.eval()
    heard = agents.heard(batch)
    assert len(heard.entries.mask[0]) == 0
    with torch.no_grad():
        logits, targets = agents.predictions(batch, heard)
    team = agents.settings.collaboration(sampling=words)
    assert team.method == "text-mas"
    played = TraceCollaboration(team, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters())
    said = [answered.texts for answered in played.answer(QUESTIONS)]
    assert all(any(text for text in texts.values()) for texts in said)
    rows = [played_logits(played, *each) for each in zip(QUESTIONS, TARGETS, strict=True)]
    assert torch.allclose(logits, torch.cat([row for row, _ in rows]), rtol=0, atol=1e-9)
    assert targets.tolist() == [token for _, ids in rows for token in ids]
    agents.lm.train()
    _, found = gradients(agents, batch)
    assert all(float(value.norm()) > 1e-4 for value in found.values())


def test_channels_and_gradients_that_contradict_are_refused():
    with pytest.raises(InvalidSetting, match=r"words carry no gradient.*got 4 and bptt"):
        TraceSettings("tiny", channel="words")
    with pytest.raises(InvalidSetting, match=r"words carry no gradient.*got 1 and receiver_only"):
        TraceSettings("tiny", cast="single", channel="words", gradient="receiver_only")
    with pytest.raises(InvalidSetting, match=r"in all layers, got keep.layers \[0\]"):
        TraceSettings("tiny", keep=Keep(layers=(0,)))
    with pytest.raises(InvalidSetting, match="latents sends nothing of planner"):
        TraceSettings("tiny", latent_steps=0, keep=Keep(kinds="latents"))
