"""What stays of a message, on entries one can count, and the layers and entries chosen by hand-made scores."""

import pytest
import torch
from exact_lm import exact_lm
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from interlat.errors import InvalidMessage, InvalidSetting
from interlat.messages import Entries, KVMessage, Span
from interlat.models.kv import (
    Keep,
    choose_layers,
    contiguous,
    keep_agents,
    keep_kinds,
    keep_layers,
    keep_nearest,
    kept,
    merged,
)

LM = exact_lm()
SPANS = (Span("a", "prompt"), Span("a", "latent"), Span("b", "prompt"), Span("b", "latent"))


def _message(start: int = 0) -> KVMessage:
    """Ten entries: 3 of a's prompt, 2 of its thoughts, 3 of b's prompt, 1 of its thoughts, 1 without a name; 3 layers."""
    span = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3, -1])
    place = torch.tensor([0, 1, 2, 0, 1, 0, 1, 2, 0, 0])
    positions = torch.arange(start, start + 10)
    values = tuple(100.0 * layer + torch.arange(10.0)[None, :, None].expand(2, 10, 8) for layer in range(3))
    entries = Entries(torch.ones(10, dtype=torch.bool), positions, span, place)
    return KVMessage(values, values, entries, start + 10, SPANS)


def test_agents_and_kinds_are_kept_by_name():
    message = _message()
    assert keep_agents(message, ["b"]).positions.tolist() == [5, 6, 7, 8]
    assert keep_kinds(message, ["latent"]).positions.tolist() == [3, 4, 8]
    assert keep_kinds(keep_agents(message, ["a"]), ["latent"]).entries.place.tolist() == [0, 1]
    assert keep_kinds(message, ["latent"]).next_position == 10
    with pytest.raises(InvalidMessage, match=r"of kind text, got a message with a \(prompt\), a \(latent\)"):
        keep_kinds(message, ["text"])


def test_layers_keep_their_entries_and_the_others_the_first():
    cut = keep_layers(_message(), [1], sink=2)
    assert cut.held.sum(dim=1).tolist() == [2, 10, 2]
    assert cut.keys[0][0, :, 0].tolist() == [0, 1] + 8 * [0]
    assert cut.keys[1][0, :, 0].tolist() == [100.0 + number for number in range(10)]
    assert cut.num_bytes == (2 + 10 + 2) * 2 * 2 * 8 * 4
    assert keep_layers(cut, [0], sink=0).held.sum(dim=1).tolist() == [2, 0, 0]  # what is gone does not come back
    with pytest.raises(InvalidSetting, match=r"layers from 0 to 2, got \[3\]"):
        keep_layers(_message(), [1, 3])


def test_gaps_close_in_order_and_shared_positions_stay_shared():
    cut = keep_kinds(_message(start=7), ["latent"])
    assert contiguous(LM, cut).positions.tolist() == [0, 1, 2]
    both = merged(LM, [cut, _renamed(cut, "c")], "overlap")
    closed = contiguous(LM, both, start=4)
    assert (closed.positions.tolist(), closed.next_position) == ([4, 5, 6, 4, 5, 6], 7)


def test_merged_messages_keep_their_gaps_and_follow_each_other():
    first, second = keep_kinds(_message(), ["latent"]), _renamed(keep_kinds(_message(), ["prompt"]), "c")
    tree = merged(LM, [first, keep_layers(second, [0], sink=0)])
    assert tree.positions.tolist() == [3, 4, 8, *(10 + position for position in (0, 1, 2, 5, 6, 7))]
    assert tree.next_position == 20
    assert [tree.spans[number] for number in tree.entries.span.tolist()][2:4] == [SPANS[3], Span("ca", "prompt")]
    assert tree.held.sum(dim=1).tolist() == [9, 3, 3]
    with pytest.raises(InvalidMessage, match=r"share no span, got Span\(agent='a'"):
        merged(LM, [first, first])
    with pytest.raises(InvalidMessage, match=r"at least one KV message"):
        merged(LM, [])


def _renamed(message: KVMessage, prefix: str) -> KVMessage:
    spans = tuple(Span(prefix + span.agent, span.kind) for span in message.spans)
    return KVMessage(message.keys, message.values, message.entries, message.next_position, spans, message.layer_mask)


def _pointing(directions: list[float], positions: list[int]) -> KVMessage:
    """Keys that point at these angles once the phase of their position is taken off, in all pairs of both heads."""
    place = torch.tensor(positions)
    angles = torch.tensor(directions, dtype=torch.float64)[:, None] + place[:, None] * 10000.0 ** -(torch.arange(4) / 4)
    key = torch.cat([angles.cos(), angles.sin()], dim=-1).expand(2, -1, -1)
    entries = Entries(torch.ones(len(place), dtype=torch.bool), place, torch.zeros_like(place), place)
    return KVMessage((key,) * 3, (key,) * 3, entries, 100, (Span("a", "prompt"),))


def test_near_is_what_points_where_the_latest_point_wherever_it_stands():
    """The two latest point at 0; the others at 3, 0.2, 2, 0.1 and 1, at positions whose phases would mislead."""
    message = _pointing([3.0, 0.2, 2.0, 0.1, 1.0, 0.0, 0.0], [0, 7, 19, 31, 44, 60, 83])
    nearest = keep_nearest(LM, message, share=4 / 7, recent=2)
    assert nearest.positions.tolist() == [7, 31, 60, 83]
    farthest = keep_nearest(LM, message, share=4 / 7, nearness="farthest", recent=2)
    assert farthest.positions.tolist() == [0, 19, 60, 83]
    drawn = keep_nearest(LM, message, 4 / 7, "random", 2, torch.Generator().manual_seed(1))
    assert drawn.positions.tolist()[2:] == [60, 83]
    with pytest.raises(InvalidSetting, match=r"wanted a generator"):
        keep_nearest(LM, message, 0.5, "random")


@settings(max_examples=40)
@given(share=st.floats(0.01, 1.0), recent=st.integers(1, 12))
def test_a_share_is_rounded_up_and_keeps_the_latest(share: float, recent: int):
    message = _pointing([0.3 * number for number in range(10)], list(range(10)))
    left = keep_nearest(LM, message, share, recent=recent).positions.tolist()
    assert left == sorted(left)
    assert 10 * share - 1e-6 <= len(left) < 10 * share + 1
    assert left[-min(recent, len(left)) :] == list(range(10 - min(recent, len(left)), 10))


def test_rules_apply_in_their_order():
    """Latest agent, its latents, contiguous; a share of 1 and all layers change nothing."""
    cut = kept(LM, _message(), Keep(agents="latest", kinds="latents", positions="contiguous"), "b")
    assert (cut.positions.tolist(), cut.next_position) == ([0], 1)
    whole = _message()
    assert kept(LM, whole, Keep(), "b") is whole


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"share": 0.0}, r"within \(0, 1\], got 0.0"),
        ({"share": 1.1}, "got 1.1"),
        ({"recent": 0}, "recent must be at least 1"),
        ({"layers": ()}, r"at least one, got \[\]"),
        ({"layers": (1, 1)}, r"once each, at least one, got \[1, 1\]"),
    ],
)
def test_what_cannot_be_kept_is_refused(settings, text):
    with pytest.raises(InvalidSetting, match=text):
        Keep(**settings)


def test_layers_are_chosen_by_mass_and_prior():
    """By hand: masses over their largest are 0.5, 1, 0.25, 0; a prior at layer 1.5 with σ = 1 gives e^(-9/8), e^(-1/8), the same back."""
    mass = torch.tensor([0.2, 0.4, 0.1, 0.0])
    assert choose_layers(mass, 0.5) == (0, 1)
    assert choose_layers(mass, 0.3) == (0, 1)  # ⌈1.2⌉
    assert choose_layers(mass, 0.25) == (1,)
    assert choose_layers(mass, 0.5, attention_weight=0.0, width=1.0) == (1, 2)
    # w = 0.5: layer 0 has 0.25 + 0.162, layer 2 has 0.125 + 0.441.
    assert choose_layers(mass, 0.5, attention_weight=0.5, width=1.0) == (1, 2)
    with pytest.raises(InvalidSetting, match=r"got 0.0, 1.0 and 10.0"):
        choose_layers(mass, 0.0)


def test_keys_that_do_not_turn_are_refused():
    """A model without rotary embeddings, one whose phases change with the length of the text, one that turns pairs side by side."""
    message = keep_kinds(_message(), ["latent"])

    class Interleaved(torch.nn.Module):
        def forward(self, like, position_ids):
            angles = position_ids[..., None].to(like) * torch.tensor([1.0, 0.1, 0.01, 0.001]).to(like)
            both = angles.repeat_interleave(2, dim=-1)
            return both.cos(), both.sin()

    def small(**rope: object) -> PreTrainedModel:
        sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
        return LlamaForCausalLM(LlamaConfig(vocab_size=20, num_key_value_heads=2, **sizes, **rope)).eval()

    other = small()
    other.model.rotary_emb = Interleaved()
    with pytest.raises(InvalidSetting, match=r"keys that differ by .* of their size once turned"):
        contiguous(other, message)
    dynamic = small(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4})
    with pytest.raises(InvalidSetting, match=r"rotary embeddings of type 'dynamic'"):
        contiguous(dynamic, message)
    yarn = small(rope_parameters={"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4})  # scales what it turns
    assert contiguous(yarn, message).positions.tolist() == [0, 1, 2]
    half = small().to(torch.bfloat16)
    assert contiguous(half, message).positions.tolist() == [0, 1, 2]
