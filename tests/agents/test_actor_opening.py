"""Each kind of message at its place before the actor's first answer, by one pass written out; mixtures are refused."""

import pytest
import torch
from tiny_kv import RECORDS, VIEWS, embedded, plain_actor, states_at_once, thoughts_by_hand, trained_actor

from interlat.agents.actor import Actor
from interlat.agents.actor_opening import read_opening
from interlat.agents.kv_sender import KVSender
from interlat.errors import InvalidMessage, InvalidSetting
from interlat.messages import LatentMessage, Message, Silence, TextMessage
from interlat.models.chat import encode

EXACT = 1e-9  # float64
OBSERVATIONS = [record.opening + " Look." * number for number, record in enumerate(RECORDS)]  # of unequal length


@pytest.fixture(scope="module", params=[plain_actor, trained_actor], ids=["plain", "trained"])
def actor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return request.param(tmp_path_factory.mktemp("opening"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return trained_actor(tmp_path_factory.mktemp("opening-trained"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Actor:
    return plain_actor(tmp_path_factory.mktemp("opening-plain"))


def _own(actor: Actor, observation: str) -> list[int]:
    """Task and end of turn, with nothing between them."""
    return [*actor.conversation.head(observation), *actor.conversation.ask()]


@pytest.mark.parametrize("steps", [0, 2])
def test_an_actor_reads_on_behind_the_senders_prompt_and_thoughts(actor, steps):
    """One long sequence: the sender's prompt, its thoughts, the actor's prompt, and nothing where a message would be spliced."""
    sender = KVSender(actor.lm, actor.tokenizer, steps)
    prompts = [sender.prompt_ids(view.opening, view.house) for view in VIEWS]
    state, latest, counts = read_opening(actor, OBSERVATIONS, sender.think(prompts))
    for row, (prompt, observation) in enumerate(zip(prompts, OBSERVATIONS, strict=True)):
        own = _own(actor, observation)
        inputs = torch.cat([thoughts_by_hand(actor, prompt, steps), embedded(actor, own)])
        assert float((latest[row] - states_at_once(actor, inputs)[-1]).abs().max()) < EXACT
        assert state.next_position[row] == len(inputs)
        assert counts[row] == len(own)
    assert len(set(counts)) > 1


def test_another_message_leads_to_other_states(actor):
    sender = KVSender(actor.lm, actor.tokenizer, 2)
    messages = sender.think([sender.prompt_ids(view.opening, view.house) for view in VIEWS])
    one, other = (read_opening(actor, OBSERVATIONS[:1], [message])[1] for message in messages[:2])
    assert float((one - other).abs().max()) > 1e-3


def test_messages_of_other_kinds_share_a_batch(trained):
    """Latents through the adapter, text as embeddings, both between boundary tokens; an empty text is silence."""
    latents = torch.randn(3, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    said: list[Message] = [LatentMessage(latents), TextMessage("go to desk"), Silence(), TextMessage("")]
    _, latest, counts = read_opening(trained, OBSERVATIONS, said)
    bop, eop = (embedded(trained, [each]) for each in trained.boundary)
    spliced = [trained.adapt([latents])[0], embedded(trained, encode(trained.tokenizer, "go to desk"))]
    for row, observation in enumerate(OBSERVATIONS):
        head, ask = trained.conversation.head(observation), trained.conversation.ask()
        middle = [bop, spliced[row], eop] if row < 2 else []
        inputs = torch.cat([embedded(trained, head), *middle, embedded(trained, ask)])
        assert float((latest[row] - states_at_once(trained, inputs.detach())[-1]).abs().max()) < EXACT
        assert counts[row] == len(inputs)


def test_words_stand_by_themselves_before_a_plain_model(plain):
    """In its user turn, without tokens it has never seen."""
    _, latest, counts = read_opening(plain, OBSERVATIONS[:2], [TextMessage("go to desk"), Silence()])
    head, ask = plain.conversation.head(OBSERVATIONS[0]), plain.conversation.ask()
    words = [*head, *encode(plain.tokenizer, "go to desk"), *ask]
    for row, ids in enumerate((words, _own(plain, OBSERVATIONS[1]))):
        assert float((latest[row] - states_at_once(plain, embedded(plain, ids))[-1]).abs().max()) < EXACT
        assert counts[row] == len(ids)


def test_a_plain_model_refuses_latents(plain):
    with pytest.raises(InvalidMessage, match=r"for a model without an adapter, got latents; train it .*stage1\.yaml"):
        read_opening(plain, OBSERVATIONS[:1], [LatentMessage(torch.zeros(2, 32, dtype=torch.float64))])


def test_keys_and_values_share_no_batch_with_others(plain):
    sender = KVSender(plain.lm, plain.tokenizer, 0)
    (message,) = sender.think([sender.prompt_ids("Find it.")])
    with pytest.raises(InvalidMessage, match="for every game of a batch or for none, got 1 among 2"):
        read_opening(plain, OBSERVATIONS[:2], [message, Silence()])


def test_what_is_longer_than_the_models_contexts_is_refused(plain, monkeypatch):
    """Room for all of it but one position."""
    sender = KVSender(plain.lm, plain.tokenizer, 2)
    prompt, own = sender.prompt_ids("Find it."), _own(plain, OBSERVATIONS[0])
    messages, needed = sender.think([prompt]), len(prompt) + 2 + len(own)
    monkeypatch.setattr(plain.lm.config, "max_position_embeddings", needed)
    read_opening(plain, OBSERVATIONS[:1], messages)
    monkeypatch.setattr(plain.lm.config, "max_position_embeddings", needed - 1)
    with pytest.raises(
        InvalidSetting, match=f"up to position {needed} before its first answer, .* knows {needed - 1};"
    ):
        read_opening(plain, OBSERVATIONS[:1], messages)
