"""States of whole sequences: the same whatever side is padded, whatever rows share a batch, and however rows are grouped."""

import itertools

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from hypothesis import given
from hypothesis import strategies as st

from interlat.models.backbone import embed_tokens, groups_by_length, last_layer_states

LENGTHS = [3, 40, 4, 41, 12, 1]


@pytest.fixture(scope="module")
def lm():
    return foreign_lm(foreign_tokenizer()).double().eval()


def padded(rows, side):
    width = max(map(len, rows))
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.bool)
    for number, row in enumerate(rows):
        span = slice(0, len(row)) if side == "right" else slice(width - len(row), width)
        ids[number, span], mask[number, span] = row, True
    return ids, mask


@pytest.mark.parametrize("side", ["right", "left"])
def test_every_row_is_what_it_is_alone(lm, side):
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randint(0, 200, (length,), generator=generator) for length in LENGTHS]
    ids, mask = padded(rows, side)
    with torch.no_grad():
        states = last_layer_states(lm, embed_tokens(lm, ids), mask)
        for number, row in enumerate(rows):
            alone = last_layer_states(lm, embed_tokens(lm, row[None]), torch.ones(1, len(row), dtype=torch.bool))
            torch.testing.assert_close(states[number][mask[number]], alone[0], rtol=0, atol=1e-6)


def test_what_stands_at_padding_changes_nothing_and_gets_no_gradient(lm):
    rows = [torch.arange(5, 5 + length) for length in LENGTHS]
    ids, mask = padded(rows, "right")
    embeddings = embed_tokens(lm, ids).detach().requires_grad_()
    states = last_layer_states(lm, embeddings, mask)
    states[mask].pow(3).sum().backward()
    assert not embeddings.grad[~mask].any()
    assert (embeddings.grad[mask].norm(dim=-1) > 0).all()
    other = embeddings.detach().masked_fill(~mask[..., None], 7.0)
    torch.testing.assert_close(last_layer_states(lm, other, mask)[mask], states[mask], rtol=0, atol=0)


def test_rows_are_grouped_where_it_saves_more_than_a_call_costs():
    assert groups_by_length([400, 401, 800, 399], call_cost=200) == [[2], [3, 0, 1]]
    assert groups_by_length([400, 401, 420, 399], call_cost=200) == [[3, 0, 1, 2]]
    assert groups_by_length([7], call_cost=200) == [[0]]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=7), st.integers(0, 60))
def test_no_other_split_of_the_sorted_rows_costs_less(lengths, call_cost):
    groups = groups_by_length(lengths, call_cost)
    assert sorted(row for group in groups for row in group) == list(range(len(lengths)))
    cost = sum(call_cost + len(group) * max(lengths[row] for row in group) for group in groups)
    ordered = sorted(lengths)
    for cuts in range(2 ** (len(ordered) - 1)):
        edges = [0, *(i + 1 for i in range(len(ordered) - 1) if cuts >> i & 1), len(ordered)]
        parts = [ordered[start:end] for start, end in itertools.pairwise(edges)]
        assert cost <= sum(call_cost + len(part) * part[-1] for part in parts)
