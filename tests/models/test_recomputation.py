"""A trace in pieces: what it holds, what is kept of it for the backward pass, and what it refuses."""

from typing import Any

import pytest
import torch
from exact_lm import exact_lm
from torch import Tensor

from interlat.errors import InvalidSetting
from interlat.messages import Span
from interlat.models.cache import KVState, extend, last_states
from interlat.models.recomputation import Reading, Recomputation, Trace, grown, refuse_dropped_cache

CPU = torch.device("cpu")
KINDS: list[Recomputation] = ["none", "agent", "reading"]
MASK = torch.tensor([[False, True, True, True], [True, True, True, True]])


def _readings(lm: Any, embeddings: Tensor, steps: int = 2) -> list[Reading]:
    """Read a prompt of unequal rows, then feed the last state back."""

    def prompt(state: KVState, _: Tensor | None) -> Tensor:
        return last_states(extend(lm, state, embeddings, MASK, Span("a", "prompt")), MASK)

    def step(state: KVState, latest: Tensor | None) -> Tensor:
        assert latest is not None
        return extend(lm, state, latest[:, None], torch.ones(2, 1, dtype=torch.bool), Span("a", "latent"))[:, 0]

    return [prompt, *[step] * steps]


@pytest.fixture
def embeddings() -> Tensor:
    return torch.randn(2, 4, 32, dtype=torch.float64)


@pytest.mark.parametrize("recomputation", KINDS)
def test_a_trace_is_the_cache_in_pieces(embeddings: Tensor, recomputation: Recomputation):
    """Keys, values, positions, spans and states are those of one cache that is read into."""
    lm, state, latest = exact_lm(), KVState.empty(2, CPU), None
    for reading in _readings(lm, embeddings):
        latest = reading(state, latest)
    trace, found = grown(Trace.empty(2, CPU), _readings(lm, embeddings), recomputation)
    assert len(trace.pieces) == (3 if recomputation == "reading" else 1)
    assert torch.allclose(found, latest, rtol=0, atol=1e-12)
    read = trace.state()
    for layer, wanted in zip(read.layers, state.layers, strict=True):
        assert all(torch.allclose(one, other, rtol=0, atol=1e-12) for one, other in zip(layer, wanted, strict=True))
    assert read.entries.positions.tolist() == state.entries.positions.tolist()
    assert read.entries.span.tolist() == state.entries.span.tolist()
    assert (read.next_position.tolist(), read.spans) == (state.next_position.tolist(), state.spans)


@pytest.mark.parametrize("recomputation", KINDS)
def test_reading_on_leaves_a_trace_as_it_is(embeddings: Tensor, recomputation: Recomputation):
    lm = exact_lm()
    trace, _ = grown(Trace.empty(2, CPU), _readings(lm, embeddings), recomputation)
    before = [keys.clone() for keys, _ in trace.state().layers]
    longer, _ = grown(trace, _readings(lm, embeddings), recomputation)
    assert len(trace.entries) == 6
    assert len(longer.entries) == 12
    assert all(torch.equal(keys, old) for (keys, _), old in zip(trace.state().layers, before, strict=True))
    assert longer.pieces[: len(trace.pieces)] == trace.pieces, "the same tensors, not copies"
    again = Trace.of_state(longer.state())
    assert len(again.pieces) == 1
    assert torch.equal(again.state().layers[0][0], longer.state().layers[0][0])


def _kept(lm: Any, embeddings: Tensor, recomputation: Recomputation, steps: int) -> int:
    """Bytes held for the backward pass, each storage once, the model's weights left out."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in lm.parameters()}
    held: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    alive = []
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive.append(grown(Trace.empty(2, CPU), _readings(lm, embeddings, steps), recomputation))
    return sum(held.values())


def test_what_is_kept_grows_with_the_trace_and_not_with_its_square(embeddings: Tensor):
    """A step adds one entry: 3 layers, keys and values of 2 heads of 8 numbers of 8 bytes, 2 rows, 1,536 bytes, and a state of 512.

    By reading, ten more steps add what ten more entries and states hold; kept whole, each of them holds the trace so far besides.
    """
    lm = exact_lm()
    sizes = {kind: [_kept(lm, embeddings, kind, steps) for steps in (10, 20, 30)] for kind in KINDS}
    entry = 3 * 2 * 2 * 8 * 8 * 2 + 32 * 8 * 2
    by_reading = sizes["reading"]
    assert by_reading[1] - by_reading[0] == by_reading[2] - by_reading[1]
    assert 10 * entry <= by_reading[1] - by_reading[0] < 11 * entry
    whole = sizes["none"]
    assert whole[2] - whole[1] > whole[1] - whole[0] > 10 * (by_reading[1] - by_reading[0])
    assert sizes["agent"][2] < by_reading[2] < whole[0] / 2


def test_a_cache_that_would_be_dropped_is_refused():
    lm = exact_lm()
    refuse_dropped_cache(lm)
    lm.activation_checkpointing_enable()
    with pytest.raises(InvalidSetting, match="wanted a model that keeps keys and values"):
        refuse_dropped_cache(lm)


@pytest.mark.gpu
@pytest.mark.parametrize("recomputation", ["agent", "reading"])
def test_dropout_is_drawn_again_as_it_was_on_an_accelerator(recomputation: Recomputation):
    """Also in the first reading, which takes over no tensor of the trace."""
    lm = exact_lm().cuda()
    given = torch.randn(2, 4, 32, dtype=torch.float64, device="cuda")
    mask, weight = MASK.cuda(), torch.ones(32, dtype=torch.float64, device="cuda", requires_grad=True)

    def prompt(state: KVState, _: Tensor | None) -> Tensor:
        dropped = torch.nn.functional.dropout(given * weight, 0.5)
        return last_states(extend(lm, state, dropped, mask), mask)

    found = []
    for kind in ("none", recomputation):
        torch.manual_seed(3)
        _, latest = grown(Trace.empty(2, given.device), [prompt], kind)
        found.append(torch.autograd.grad(latest.square().sum(), weight)[0])
    assert torch.allclose(found[0], found[1], rtol=1e-9, atol=0)
