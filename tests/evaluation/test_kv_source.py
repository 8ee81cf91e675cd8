"""Keys and values as messages: their controls, which are the same in every batch, and what making them cost."""

import pytest
import torch
from tiny_kv import VIEWS, plain_actor

from interlat.agents.actor import Actor
from interlat.agents.kv_sender import KVSender
from interlat.evaluation.kv_source import KVSource
from interlat.messages import KVMessage
from interlat.models.decoding import Sampling


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return plain_actor(tmp_path_factory.mktemp("kv_source"))


@pytest.fixture(scope="module")
def sender(actor: Actor) -> KVSender:
    return KVSender(actor.lm, actor.tokenizer, 2, "house")


def _differs(one: KVMessage, other: KVMessage) -> float:
    pairs = zip([*one.keys, *one.values], [*other.keys, *other.values], strict=True)
    return max(float((each - its).abs().max()) for each, its in pairs)


def test_a_game_is_told_what_its_sender_holds(sender):
    made = KVSource(sender).make(VIEWS)
    expected = sender.think([sender.prompt_ids(view.opening, view.house) for view in VIEWS])
    assert max(_differs(one, other) for one, other in zip(made.messages, expected, strict=True)) == 0
    with_house, without = (KVSource(sender).make([view]).messages[0] for view in (VIEWS[0], VIEWS[2]))
    assert len(with_house.entries) > len(without.entries)


def test_zero_keeps_the_form_and_nothing_else(sender):
    whole, zero = (KVSource(sender, control).make(VIEWS).messages for control in (None, "zero"))
    for message, empty in zip(whole, zero, strict=True):
        assert not any(tensor.any() for tensor in (*empty.keys, *empty.values))
        assert torch.equal(empty.positions, message.positions)
        assert (empty.next_position, empty.num_bytes) == (message.next_position, message.num_bytes)


def test_permuting_depends_on_game_and_seed_and_on_nothing_else(sender):
    """The same alone, in any batch, and after any other; two games with houses of one length are shuffled each in its own way."""
    source = KVSource(sender, "permute", seed=3)
    first, again = source.make(VIEWS).messages, source.make(VIEWS[::-1]).messages[::-1]
    alone = [KVSource(sender, "permute", seed=3).make([view]).messages[0] for view in VIEWS]
    whole = KVSource(sender).make(VIEWS).messages
    for message, other, single, as_made in zip(first, again, alone, whole, strict=True):
        assert torch.equal(message.positions, other.positions)
        assert torch.equal(message.positions, single.positions)
        assert max(_differs(message, other), _differs(message, single)) < 1e-9
        assert not torch.equal(message.positions, as_made.positions)
        assert sorted(message.positions.tolist()) == as_made.positions.tolist()
    reseeded = KVSource(sender, "permute", seed=4).make(VIEWS).messages
    assert not torch.equal(first[0].positions, reseeded[0].positions)


def test_reading_and_thinking_are_counted(sender):
    made = KVSource(sender, "zero").make(VIEWS)
    lengths = [len(sender.prompt_ids(view.opening, view.house)) for view in VIEWS]
    assert [account.prefill_positions for account in made.accounts] == lengths
    assert {(of.agent, of.latent_steps, of.output_tokens, of.kv_bytes) for of in made.accounts} == {("sender", 2, 0, 0)}
    assert made.seconds == made.accounts[0].seconds > 0


def test_a_plan_may_be_written_in_the_place_of_thoughts(sender):
    made = KVSource(sender, plans=Sampling(max_new_tokens=5)).make(VIEWS)
    for message, account in zip(made.messages, made.accounts, strict=True):
        assert [span.kind for span in message.spans] == ["prompt", "text"]
        assert account.latent_steps == 0
        assert 0 < account.output_tokens <= 5
        assert len(message.entries) >= account.prefill_positions + account.output_tokens


def test_a_drawn_plan_depends_on_game_and_seed_and_on_nothing_else(sender):
    hot = Sampling(temperature=1.5, max_new_tokens=5)
    first, again = (KVSource(sender, seed=1, plans=hot).make(views).messages for views in (VIEWS, VIEWS[::-1]))
    assert max(_differs(one, other) for one, other in zip(first, again[::-1], strict=True)) < 1e-9
    reseeded = KVSource(sender, seed=2, plans=hot).make(VIEWS).messages
    changed = [
        _differs(one, other) > 1e-3 if len(one.entries) == len(other.entries) else True
        for one, other in zip(first, reseeded, strict=True)
    ]
    assert all(changed)
