"""What the reasoning agent leaves is what one pass without a cache computes; in a batch as alone; under the right names."""

import pytest
import torch
from tiny_kv import VIEWS, embedded, plain_actor, states_at_once, thoughts_by_hand

from interlat.agents.actor import Actor
from interlat.agents.kv_sender import LATENT_STEPS, KVSender
from interlat.agents.sender import ReasoningAgent
from interlat.errors import InvalidSetting
from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens
from interlat.models.cache import extend
from interlat.models.decoding import Sampling
from interlat.models.kv import state_of

EXACT = 1e-9  # float64


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return plain_actor(tmp_path_factory.mktemp("kv_sender"))


def _prompts(sender: KVSender) -> list[list[int]]:
    return [sender.prompt_ids(view.opening, view.house) for view in VIEWS]


def _differs(one: KVMessage, other: KVMessage) -> float:
    pairs = zip([*one.keys, *one.values], [*other.keys, *other.values], strict=True)
    return max(float((each - its).abs().max()) for each, its in pairs)


@torch.no_grad()
def _read_behind(actor: Actor, message: KVMessage, ids: list[int]) -> torch.Tensor:
    state = state_of([message])
    return extend(actor.lm, state, embed_tokens(actor.lm, torch.tensor([ids])), torch.ones(1, len(ids)).bool())[0]


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_what_is_handed_over_is_one_long_prompt(actor, steps):
    """Tokens read behind the message have the states they have behind prompt and thoughts in one pass."""
    sender, behind = KVSender(actor.lm, actor.tokenizer, steps), [7, 90, 41]
    prompts = _prompts(sender)
    assert len({len(prompt) for prompt in prompts}) == 4
    for prompt, message in zip(prompts, sender.think(prompts), strict=True):
        inputs = torch.cat([thoughts_by_hand(actor, prompt, steps), embedded(actor, behind)])
        expected = states_at_once(actor, inputs)[-3:]
        assert float((_read_behind(actor, message, behind) - expected).abs().max()) < EXACT
        assert message.next_position == len(prompt) + steps
        assert message.positions.tolist() == list(range(len(prompt) + steps))


@pytest.mark.parametrize("steps", [0, 3])
def test_a_batch_is_one_by_one(actor, steps):
    sender = KVSender(actor.lm, actor.tokenizer, steps)
    together = sender.think(_prompts(sender))
    alone = [sender.think([prompt])[0] for prompt in _prompts(sender)]
    assert max(_differs(one, other) for one, other in zip(together, alone, strict=True)) < EXACT
    assert together[0].keys[0].shape[1:] == alone[0].keys[0].shape[1:]


def test_entries_are_named_and_counted(actor):
    """2 layers × keys and values × 4 heads × 8 numbers × 8 bytes = 1024 bytes an entry."""
    sender = KVSender(actor.lm, actor.tokenizer, 3)
    prompt = _prompts(sender)[0]
    (message,) = sender.think([prompt])
    assert message.spans == (Span("sender", "prompt"), Span("sender", "latent"))
    assert message.entries.span.tolist() == [0] * len(prompt) + [1] * 3
    assert message.num_bytes == 1024 * (len(prompt) + 3)
    assert message.provenance == {"agent": "sender", "latent_steps": 3}


def test_it_is_asked_as_a_sender_that_writes(actor):
    for view in ("task", "house", "problem"):
        writer = ReasoningAgent(actor.lm, actor.tokenizer, Sampling(), view)
        sender = KVSender(actor.lm, actor.tokenizer, view=view)
        assert sender.prompt_ids("Find it.", "A mug.") == writer.prompt_ids("Find it.", "A mug.")


def test_steps_are_twenty_unless_told_and_never_negative(actor):
    sender = KVSender(actor.lm, actor.tokenizer)
    assert sender.steps == LATENT_STEPS == 20
    with pytest.raises(InvalidSetting, match="at least 0 latent steps, got -1"):
        KVSender(actor.lm, actor.tokenizer, -1).think(_prompts(sender))


def test_a_plan_in_words_is_handed_over_as_if_it_had_been_read(actor):
    """Keys and values of prompt, plan and, where the plan ended, its end mark: those of one pass over these tokens."""
    sender, sampling = KVSender(actor.lm, actor.tokenizer), Sampling(max_new_tokens=6)
    prompts = _prompts(sender)
    writer = ReasoningAgent(actor.lm, actor.tokenizer, sampling)
    plans = writer.write(prompts)
    sender.end_id = writer.end_id = plans[0].ids[3]  # so that the first plan ends early
    plans = writer.write(prompts)
    written = sender.write(prompts, sampling)
    assert min(len(plan.ids) for plan in plans) < 6
    for prompt, plan, kv in zip(prompts, plans, written, strict=True):
        ended = [sender.end_id] * (len(plan.ids) < 6)
        assert (kv.text, kv.num_tokens) == (plan.text, len(plan.ids))
        assert kv.message.next_position == len(prompt) + len(plan.ids) + len(ended)
        assert [span.kind for span in kv.message.spans] == ["prompt", "text"]
        inputs = embedded(actor, [*prompt, *plan.ids, *ended, 7, 90])
        got = _read_behind(actor, kv.message, [7, 90])
        assert float((got - states_at_once(actor, inputs)[-2:]).abs().max()) < EXACT
