"""The cache's bookkeeping by hand: rows, holes and positions, and gradient through what was read before."""

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.messages import Entries, Span
from interlat.models.backbone import last_layer_states, token_logits
from interlat.models.cache import KVState, extend, last_states

F, T = False, True


@pytest.fixture(scope="module")
def lm() -> PreTrainedModel:
    return foreign_lm(foreign_tokenizer()).double().eval()


def _numbered(mask: list[list[bool]]) -> KVState:
    """One layer, one head of one dimension: the key of entry t of row r is 10 r + t, its value a hundred times that."""
    keep = torch.tensor(mask)
    keys = (10.0 * torch.arange(len(keep))[:, None] + torch.arange(keep.shape[1]))[:, None, :, None]
    return KVState(DynamicCache([(keys, 100 * keys)]), Entries.counted(keep), keep.sum(dim=1))


def _keys(state: KVState) -> list[list[float]]:
    ((keys, values),) = state.layers
    assert torch.equal(values, 100 * keys)
    return keys[:, 0, :, 0].tolist()


def _masked(state: KVState) -> list[list[float]]:
    """The keys that are real, row by row."""
    return [
        [k for k, real in zip(row, keep, strict=True) if real]
        for row, keep in zip(_keys(state), state.mask, strict=True)
    ]


def test_holes_are_squeezed_out_to_the_left_in_order():
    state = _numbered([[F, T, F, T, T], [T, T, F, F, T], [F, F, T, F, F]])
    state.compact()
    assert _masked(state) == [[1, 3, 4], [10, 11, 14], [22]]
    assert state.mask.tolist() == [[T, T, T], [T, T, T], [F, F, T]]
    assert state.next_position.tolist() == [3, 3, 1]


def test_without_a_hole_in_the_longest_row_nothing_moves():
    state = _numbered([[T, T, T], [T, F, T]])
    before = state.layers[0][0]
    state.compact()
    assert state.layers[0][0] is before
    assert state.mask.tolist() == [[T, T, T], [T, F, T]]


def test_what_is_known_of_entries_goes_where_they_go():
    """Positions, spans, places and layers follow their keys through squeezing and choosing rows; the next position stays."""
    state = _numbered([[T, F, T, F], [F, T, F, T]])
    positions = torch.tensor([[4, 0, 9, 0], [0, 2, 0, 3]])
    state.entries = Entries(state.mask, positions, torch.tensor([[0, -1, 1, -1], [-1, 1, -1, 0]]), positions + 10)
    state.next_position = torch.tensor([12, 7])
    state.layer_mask = torch.tensor([[[T, T, F, T]], [[T, F, T, T]]])
    state.compact()
    state.select([1, 0])
    assert _keys(state) == [[11, 13], [0, 2]]
    assert state.entries.positions.tolist() == [[2, 3], [4, 9]]
    assert state.entries.span.tolist() == [[1, 0], [0, 1]]
    assert state.entries.place.tolist() == [[12, 13], [14, 19]]
    assert state.layer_mask.tolist() == [[[F, T]], [[T, F]]]
    assert state.next_position.tolist() == [7, 12]


def test_rows_are_kept_in_the_order_asked_for():
    state = _numbered([[T, T], [F, T], [T, F]])
    state.select([2, 0])
    assert _keys(state) == [[20, 21], [0, 1]]
    assert state.mask.tolist() == [[T, F], [T, T]]


def test_the_next_position_counts_real_entries_only():
    assert _numbered([[F, F, T, T], [T, F, F, T], [T, T, T, T]]).next_position.tolist() == [2, 2, 4]
    assert KVState.empty(3, torch.device("cpu")).next_position.tolist() == [0, 0, 0]


def test_the_last_state_is_that_of_the_last_real_entry():
    states = torch.arange(8.0).reshape(2, 4, 1)
    mask = torch.tensor([[F, T, T, F], [T, F, F, T]])
    assert last_states(states, mask).tolist() == [[2], [7]]


def test_states_are_those_the_head_reads(lm: PreTrainedModel):
    """After the final norm: the head on the states before it gives other logits, and nobody complains."""
    ids = torch.tensor([[5, 6, 7, 8]])
    embeddings, mask = lm.get_input_embeddings()(ids), torch.ones(1, 4, dtype=torch.bool)
    logits = lm(input_ids=ids).logits
    for states in (last_layer_states(lm, embeddings, mask), extend(lm, KVState.empty(1, ids.device), embeddings, mask)):
        torch.testing.assert_close(token_logits(lm, states), logits)


def test_pads_inside_a_sequence_change_nothing(lm: PreTrainedModel):
    """Positions skip them, and the mask goes along: without one, transformers takes such positions for packed sequences."""
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(1, 4, 32, generator=generator, dtype=torch.float64)
    rubbish = 50 * torch.randn(1, 7, 32, generator=generator, dtype=torch.float64)
    mask = torch.tensor([[F, T, F, T, T, F, T]])
    holed = rubbish.masked_scatter(mask[..., None], real)
    whole = last_layer_states(lm, real, torch.ones(1, 4, dtype=torch.bool))
    for states in (last_layer_states(lm, holed, mask), extend(lm, KVState.empty(1, real.device), holed, mask)):
        torch.testing.assert_close(states[mask][None], whole)


def test_every_read_is_remembered_and_leaves_no_trace_elsewhere(lm: PreTrainedModel):
    """The cache is updated in place: reading one state must not lengthen another."""
    embeddings, mask = torch.randn(2, 3, 32, dtype=torch.float64), torch.tensor([[F, T, T], [T, T, T]])
    state, other = KVState.empty(2, mask.device), KVState.empty(2, mask.device)
    extend(lm, state, embeddings, mask)
    extend(lm, state, embeddings[:, :1], mask[:, 1:2])
    assert state.cache.get_seq_length() == state.mask.shape[1] == 4
    assert state.next_position.tolist() == [3, 4]
    assert other.cache.get_seq_length() == other.mask.shape[1] == 0


def test_entries_are_named_placed_and_counted_as_they_are_read(lm: PreTrainedModel):
    """A span that goes on counts on; what nobody named can be named later; a gap moves what follows."""
    state, prompt = KVState.empty(2, lm.device), Span("planner", "prompt")
    tokens = torch.randn(2, 3, 32, dtype=torch.float64)
    extend(lm, state, tokens, torch.tensor([[F, T, T], [T, T, T]]), prompt)
    extend(lm, state, tokens[:, :1], torch.tensor([[T], [F]]), Span("planner", "latent"))
    extend(lm, state, tokens[:, :1], torch.tensor([[T], [T]]), prompt)
    extend(lm, state, tokens[:, :1], torch.tensor([[T], [T]]), positions=torch.tensor([[8], [5]]))
    extend(lm, state, tokens[:, :2], torch.tensor([[F, T], [F, F]]))
    assert state.spans == (prompt, Span("planner", "latent"))
    real = [
        list(zip(positions[keep].tolist(), spans[keep].tolist(), places[keep].tolist(), strict=True))
        for keep, positions, spans, places in zip(
            state.mask, state.entries.positions, state.entries.span, state.entries.place, strict=True
        )
    ]
    assert real[0] == [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 0, 2), (8, -1, 0), (9, -1, 0)]
    assert real[1] == [(0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3), (5, -1, 0)]
    assert state.next_position.tolist() == [10, 6]
    state.name(Span("planner", "text"))
    assert state.entries.span[state.mask].tolist() == [0, 0, 1, 0, 2, 2, 0, 0, 0, 0, 2]
    assert state.entries.place[state.entries.span == 2].tolist() == [0, 1, 0]
    with pytest.raises(InvalidSetting, match=r"wanted a new span, got Span\(agent='planner', kind='text'\)"):
        state.name(Span("planner", "text"))


@pytest.mark.filterwarnings("ignore")
def test_activation_checkpointing_is_refused():
    """transformers then drops the cache with no more than a log line: the second read would not know of the first."""
    lm = foreign_lm(foreign_tokenizer()).train()
    lm.gradient_checkpointing_enable()
    with pytest.raises(InvalidSetting, match=r"of 3 entries, got 0; turn gradient checkpointing off"):
        extend(lm, KVState.empty(1, lm.device), torch.randn(1, 3, 32), torch.ones(1, 3, dtype=torch.bool))


def test_gradient_flows_through_what_was_read_before(lm: PreTrainedModel):
    """Read in three pieces, squeezed in between, the first entry gets the gradient of reading all at once."""

    def pieces(embeddings: Tensor) -> Tensor:
        state, mask = KVState.empty(1, embeddings.device), torch.tensor([[F, T, T, T]])
        padded = torch.cat([torch.zeros_like(embeddings[:, :1]), embeddings[:, :3]], dim=1)
        extend(lm, state, padded, mask)
        state.compact()
        extend(lm, state, embeddings[:, 3:5], torch.ones(1, 2, dtype=torch.bool))
        return extend(lm, state, embeddings[:, 5:], torch.ones(1, 1, dtype=torch.bool))[:, -1]

    def at_once(embeddings: Tensor) -> Tensor:
        return last_layer_states(lm, embeddings, torch.ones(1, 6, dtype=torch.bool))[:, -1]

    start = torch.randn(1, 6, 32, dtype=torch.float64)
    gradients = []
    for read in (pieces, at_once):
        embeddings = start.clone().requires_grad_()
        read(embeddings).pow(3).sum().backward()
        gradients.append(embeddings.grad)
    torch.testing.assert_close(*gradients)
    assert gradients[0][0, 0].norm() > 1e-3
