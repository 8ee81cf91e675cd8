"""Layouts by hand, and properties of every layout: nothing moves, nothing is lost, and labels are never guessed from ids."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.errors import InvalidMessage
from interlat.splice import Layout, Segments, lay_out, splice

BOUNDARY, PAD = (90, 91), 2
F, T = False, True
ROWS = [Segments([5, 6], [7, 8], [F, T], 3), Segments([5], [6, 7, 8], [F, T, T], None)]

# Head, tail with labels, length of the message; made into segments within the test, for type checks draw random numbers.
parts = st.tuples(
    st.lists(st.integers(0, 9), max_size=4),
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=4),
    st.none() | st.integers(1, 4),
)
batches = st.tuples(st.lists(parts, min_size=1, max_size=4), st.sampled_from(["left", "right"]))


@pytest.mark.parametrize("padding", ["right", "left"])
def test_a_batch_by_hand(padding):
    layout = lay_out(ROWS, BOUNDARY, PAD, padding)
    assert layout.ids[0].tolist() == [5, 6, 90, 2, 2, 2, 91, 7, 8]
    assert layout.mask[0].tolist() == [T] * 9
    assert layout.message_mask[0].tolist() == [F, F, F, T, T, T, F, F, F]
    assert layout.supervised_mask[0].tolist() == [F] * 8 + [T]
    # A silent row: head and tail follow each other, then (or before) five pads.
    order = slice(0, 4) if padding == "right" else slice(5, 9)
    assert layout.ids[1].tolist() == ([5, 6, 7, 8, *[2] * 5] if padding == "right" else [*[2] * 5, 5, 6, 7, 8])
    assert layout.ids[1, order].tolist() == [5, 6, 7, 8]
    assert layout.mask[1].nonzero().flatten().tolist() == list(range(9))[order]
    assert layout.supervised_mask[1].nonzero().flatten().tolist() == list(range(9))[order][2:]
    assert not layout.message_mask[1].any()


def test_a_token_that_is_also_the_pad_stays_a_token():
    """SmolLM2's end mark is its pad: taken from ids, mask and labels would lose the end of every action."""
    layout = lay_out([Segments([PAD, 5], [PAD, 6, PAD], [T, F, T], 1)], BOUNDARY, PAD)
    assert layout.ids.tolist() == [[2, 5, 90, 2, 91, 2, 6, 2]]
    assert layout.mask.all()
    assert layout.supervised_mask[0].nonzero().flatten().tolist() == [5, 7]
    assert layout.message_mask[0].nonzero().flatten().tolist() == [3]


def _segments(drawn: list) -> list[Segments]:
    return [Segments(head, [t for t, _ in tail], [keep for _, keep in tail], length) for head, tail, length in drawn]


def _whole(row: Segments) -> list[int]:
    return [*row.head, *([] if row.num_latents is None else [90, *[PAD] * row.num_latents, 91]), *row.tail]


@given(drawn=batches)
def test_every_layout_keeps_its_rows(drawn):
    rows, padding = _segments(drawn[0]), drawn[1]
    layout = lay_out(rows, BOUNDARY, PAD, padding)
    assert layout.ids.shape[1] == max(len(_whole(row)) for row in rows)
    for number, row in enumerate(rows):
        mask = layout.mask[number]
        assert layout.ids[number][mask].tolist() == _whole(row)
        assert mask.tolist() == sorted(mask.tolist(), reverse=padding == "right")
        assert layout.supervised_mask[number][mask].tolist()[-len(row.tail) :] == list(row.supervised)
        assert int(layout.supervised_mask[number].sum()) == sum(row.supervised)
        assert int(layout.message_mask[number].sum()) == (row.num_latents or 0)
        assert not (layout.message_mask[number] & layout.supervised_mask[number]).any()
        assert not (layout.message_mask[number] & ~mask).any()


@given(drawn=batches)
def test_every_message_takes_its_places_in_order_and_nothing_else(drawn):
    """Token embeddings are -1, messages number their rows through the batch."""
    rows, padding = _segments(drawn[0]), drawn[1]
    layout = lay_out(rows, BOUNDARY, PAD, padding)
    lengths = [row.num_latents for row in rows if row.num_latents is not None]
    messages = list(torch.arange(float(sum(lengths)))[:, None].expand(-1, 2).split(lengths)) if lengths else []
    filled = splice(torch.full((*layout.ids.shape, 2), -1.0), layout.message_mask, messages)
    wanted = [number for number, row in enumerate(rows) for _ in range(row.num_latents or 0)]
    assert (filled[..., 0] == filled[..., 1]).all()
    assert filled[layout.message_mask][:, 0].tolist() == list(range(len(wanted)))
    assert layout.message_mask.nonzero()[:, 0].tolist() == wanted
    assert (filled[~layout.message_mask] == -1).all()


def test_gradient_reaches_messages_and_the_other_embeddings():
    layout = lay_out(ROWS, BOUNDARY, PAD)
    embeddings, message = torch.zeros(2, 9, 4, requires_grad=True), torch.zeros(3, 4, requires_grad=True)
    weight = torch.arange(1.0, 19).reshape(2, 9, 1)
    (splice(embeddings, layout.message_mask, [message]) * weight).sum().backward()
    # Message positions 3, 4, 5 of the first row weigh 4, 5, 6.
    assert message.grad[:, 0].tolist() == [4, 5, 6]
    assert torch.equal(embeddings.grad[..., 0], (weight[..., 0] * ~layout.message_mask))


def test_the_embeddings_given_are_left_as_they_are():
    layout, embeddings = lay_out(ROWS, BOUNDARY, PAD), torch.zeros(2, 9, 4)
    splice(embeddings, layout.message_mask, [torch.ones(3, 4)])
    assert not embeddings.any()


def test_messages_take_the_dtype_of_the_embeddings():
    layout = lay_out(ROWS, BOUNDARY, PAD)
    filled = splice(torch.zeros(2, 9, 4, dtype=torch.bfloat16), layout.message_mask, [torch.ones(3, 4)])
    assert filled.dtype == torch.bfloat16
    assert filled.sum() == 12


@pytest.mark.parametrize("lengths", [(2,), (4,), (3, 1), ()])
def test_messages_that_do_not_fill_their_places_are_refused(lengths):
    layout = lay_out(ROWS, BOUNDARY, PAD)
    messages = [torch.zeros(length, 4) for length in lengths]
    with pytest.raises(InvalidMessage, match=f"holds 3 message positions, but the messages bring {sum(lengths)} rows"):
        splice(torch.zeros(2, 9, 4), layout.message_mask, messages)


def test_a_layout_moves_as_a_whole():
    moved = lay_out(ROWS, BOUNDARY, PAD).to(torch.device("meta"))
    assert {tensor.device.type for tensor in vars(moved).values()} == {"meta"}
    assert isinstance(moved, Layout)
