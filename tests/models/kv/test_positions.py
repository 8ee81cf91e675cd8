"""Where a receiver begins behind several experts, whichever of them said most."""

from itertools import permutations

import pytest
import torch
from exact_lm import VOCAB, exact_lm

from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens
from interlat.models.cache import KVState, extend
from interlat.models.kv import merged, messages_of

LM = exact_lm(tied=False)
LENGTHS = {"a": 3, "b": 6, "c": 4}


@torch.no_grad()
def _said(agent: str) -> KVMessage:
    ids = torch.randint(0, VOCAB, (1, LENGTHS[agent]), generator=torch.Generator().manual_seed(LENGTHS[agent]))
    state = KVState.empty(1, LM.device)
    extend(LM, state, embed_tokens(LM, ids), torch.ones_like(ids, dtype=torch.bool), Span(agent, "prompt"))
    (message,) = messages_of(state)
    return message


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("abc")])
def test_a_receiver_begins_behind_all_experts_however_they_are_ordered(order: str):
    """Laid out to overlap, behind the longest; one after another, behind their sum. Entries stay in the order of the experts."""
    overlapping, following = (merged(LM, [_said(agent) for agent in order], layout) for layout in ("overlap", "follow"))
    assert (overlapping.next_position, following.next_position) == (6, 13)
    for tree in (overlapping, following):
        named = [tree.spans[number].agent for number in tree.entries.span.tolist()]
        assert named == [agent for agent in order for _ in range(LENGTHS[agent])]
    assert overlapping.positions.tolist() == [place for agent in order for place in range(LENGTHS[agent])]
    assert following.positions.tolist() == list(range(13))
