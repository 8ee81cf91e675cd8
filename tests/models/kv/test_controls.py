"""Controls of KV messages, and where a receiver looks: each does what it says and leaves alone what it should."""

import pytest
import torch
from exact_lm import VOCAB, by_hand, causal, exact_lm
from torch import Tensor

from interlat.errors import InvalidMessage, InvalidSetting
from interlat.messages import KVMessage, Span
from interlat.models import Lora, TinyLM, add_boundary_tokens, add_lora, build_tiny_lm, train_tokenizer
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend
from interlat.models.kv import attention_mass, messages_of, permuted, state_of, swapped, untrained_twin, zeroed

LM = exact_lm(tied=False)


@torch.no_grad()
def _messages(*lengths: int) -> list[KVMessage]:
    messages = []
    for seed, length in enumerate(lengths):
        ids = torch.randint(0, VOCAB, (1, length), generator=torch.Generator().manual_seed(seed))
        state = KVState.empty(1, LM.device)
        extend(LM, state, embed_tokens(LM, ids), torch.ones_like(ids, dtype=torch.bool), Span("a", "prompt"))
        messages += messages_of(state, {"agent": "a"})
    return messages


@torch.no_grad()
def _read(messages: list[KVMessage]) -> Tensor:
    ids = torch.tensor([[5, 6, 7]] * len(messages))
    state = state_of(messages)
    return token_logits(LM, extend(LM, state, embed_tokens(LM, ids), torch.ones_like(ids, dtype=torch.bool)))


def test_rows_of_a_batch_are_the_messages_they_came_from():
    messages = _messages(4, 2, 5)
    back = messages_of(state_of(messages), {"agent": "a"})
    for message, again in zip(messages, back, strict=True):
        assert all(map(torch.equal, message.keys, again.keys))
        assert all(map(torch.equal, message.values, again.values))
        assert torch.equal(message.positions, again.positions)
        assert (message.next_position, message.spans) == (again.next_position, again.spans)
        assert again.provenance == {"agent": "a"}
    with pytest.raises(InvalidMessage, match=r"got 0 messages of 0 shapes"):
        state_of([])
    with pytest.raises(InvalidMessage, match=r"at least one entry"):
        messages_of(
            KVState.of_layers(state_of(messages).layers, _masked_out(state_of(messages)), torch.zeros(3).long())
        )


def _masked_out(state: KVState):
    return type(state.entries).counted(torch.zeros_like(state.mask))


def test_reading_on_leaves_the_message_as_it_was():
    (message,) = _messages(4)
    before = [keys.clone() for keys in message.keys]
    first, again = _read([message]), _read([message])
    assert torch.equal(first, again)
    assert all(map(torch.equal, before, message.keys))


def test_zeroed_messages_all_say_the_same():
    """Of one length, whatever they said; and not what an empty cache says, because zeros take their share of the attention."""
    messages = _messages(4, 4)
    assert float((_read(messages)[0] - _read(messages)[1]).abs().max()) > 0.01
    zeros = _read([zeroed(message) for message in messages])
    torch.testing.assert_close(zeros[0], zeros[1])
    assert zeroed(messages[0]).num_bytes == messages[0].num_bytes


def test_swapped_messages_are_another_rows_whole():
    messages = _messages(4, 2, 5)
    assert swapped(messages) == [messages[1], messages[2], messages[0]]
    with pytest.raises(InvalidSetting, match=r"at least 2 tasks in a batch to swap messages, got 1"):
        swapped(messages[:1])


def test_storing_entries_in_another_order_says_the_same_and_permuting_them_does_not():
    (message,) = _messages(6)
    stored = message.take(torch.tensor([3, 0, 5, 1, 4, 2]))
    torch.testing.assert_close(_read([stored]), _read([message]))
    other = permuted(LM, message, torch.Generator().manual_seed(0))
    assert sorted(other.positions.tolist()) == list(range(6))
    assert other.positions.tolist() != list(range(6))
    assert other.entries.place.tolist() == list(range(6))
    assert float((_read([other]) - _read([message])).abs().max()) > 0.01
    again = permuted(LM, message, torch.Generator().manual_seed(0))
    assert all(map(torch.equal, other.keys, again.keys))


def test_a_first_layer_permuted_is_its_tokens_read_elsewhere():
    """In the first layer a key depends on its token and position alone, so it is the key of that token read there."""
    (message,) = _messages(6)
    other = permuted(LM, message, torch.Generator().manual_seed(0))
    ids = torch.randint(0, VOCAB, (1, 6), generator=torch.Generator().manual_seed(0))
    state = KVState.empty(1, LM.device)
    order = other.positions.argsort()
    real = torch.ones(1, 6, dtype=torch.bool)
    with torch.no_grad():
        extend(LM, state, embed_tokens(LM, ids[:, order]), real)
    torch.testing.assert_close(state.layers[0][0][0], other.keys[0][:, order], rtol=0, atol=1e-12)


def test_a_twin_has_the_shape_and_none_of_the_weights():
    tokenizer = train_tokenizer(["go to drawer 2"], 300)
    lm = build_tiny_lm(TinyLM(hidden_size=16, num_heads=2), tokenizer).double()
    add_boundary_tokens(lm, tokenizer)
    model = add_lora(lm, tokenizer, Lora(rank=2))
    torch.manual_seed(0)
    before = torch.rand(1)
    torch.manual_seed(0)
    twin = untrained_twin(model, seed=3)
    assert torch.equal(torch.rand(1), before)  # draws nothing from the run's own chance
    assert {parameter.dtype for parameter in twin.parameters()} == {torch.float64}
    assert twin.get_input_embeddings().weight.shape == (len(tokenizer), 16)
    assert not any("lora" in name for name, _ in twin.named_parameters())
    again, other = untrained_twin(model, seed=3), untrained_twin(model, seed=4)
    weight = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(twin.get_parameter(weight), again.get_parameter(weight))
    assert not torch.equal(twin.get_parameter(weight), other.get_parameter(weight))


@torch.no_grad()
def test_attention_mass_is_the_share_that_falls_on_the_message():
    """By hand for the first layer of one row; a batch is the mean over rows of unequal length; plain sdpa comes back."""
    messages = _messages(4, 2)
    rows = [torch.tensor([[5, 6, 7]]), torch.tensor([[8, 9, 10]])]
    real = torch.ones(1, 3, dtype=torch.bool)
    alone = [
        attention_mass(LM, [message], embed_tokens(LM, ids), real) for message, ids in zip(messages, rows, strict=True)
    ]
    together = attention_mass(LM, messages, embed_tokens(LM, torch.cat(rows)), real.expand(2, 3))
    torch.testing.assert_close(together, (alone[0] + alone[1]) / 2, rtol=1e-5, atol=0)
    assert LM.config._attn_implementation == "sdpa"
    ids = torch.cat([torch.randint(0, VOCAB, (1, 4), generator=torch.Generator().manual_seed(0)), rows[0]], dim=1)[0]
    assert alone[0][0] == pytest.approx(_first_layer_mass(ids), rel=1e-5)


def _first_layer_mass(ids: Tensor) -> float:
    """Mass that the last 3 of 7 tokens give the first 4, from a pass whose values are told apart: 1 for the message, 0 for the rest."""
    layer = LM.model.layers[0]
    width, kept = LM.model.config.hidden_size, {}

    def note(_, args):
        kept["mixed"] = args[0]

    values = torch.zeros(7, 16, dtype=torch.float64)
    values[:4] = 1
    hooks = [
        layer.self_attn.v_proj.register_forward_hook(lambda *_: values[None]),
        layer.self_attn.o_proj.register_forward_pre_hook(note),
    ]
    LM(input_ids=ids[None])
    for hook in hooks:
        hook.remove()
    assert kept["mixed"].shape == (1, 7, width)
    return float(kept["mixed"][0, 4:].mean())


@torch.no_grad()
def test_the_reference_by_hand_notices_what_is_seen():
    ids, sees = torch.arange(5), causal(5)
    whole = by_hand(LM, embed_tokens(LM, ids), torch.arange(5), sees)
    sees[4, 0] = False
    assert float((by_hand(LM, embed_tokens(LM, ids), torch.arange(5), sees) - whole)[4].abs().max()) > 1e-3
