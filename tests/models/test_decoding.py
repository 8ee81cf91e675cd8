"""Decoding by our own loop: greedy as one forward would, samples from exactly the tokens kept, and a cache to go on from."""

import math
from collections import Counter

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.models.backbone import decoder, embed_tokens, last_layer_states, token_logits
from interlat.models.cache import KVState, extend, last_states
from interlat.models.decoding import Decoded, Sampling, choose, decode, keyed_generators

PROMPTS = [[5, 60, 7, 99, 3, 200], [44, 81], [17, 230, 12, 9]]
NEVER = -1
PROBABILITIES = [0.05, 0.5, 0.15, 0.3]


@pytest.fixture(scope="module")
def lm() -> PreTrainedModel:
    return foreign_lm(foreign_tokenizer()).double().eval()


def _read(lm: PreTrainedModel) -> tuple[KVState, Tensor]:
    width = max(map(len, PROMPTS))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in PROMPTS])
    mask = torch.tensor([[False] * (width - len(prompt)) + [True] * len(prompt) for prompt in PROMPTS])
    state = KVState.empty(len(PROMPTS), ids.device)
    with torch.no_grad():
        return state, last_states(extend(lm, state, embed_tokens(lm, ids), mask), mask)


def _decoded(lm: PreTrainedModel, stop_id: int, num_tokens: int, **others: bool) -> list[Decoded]:
    state, first = _read(lm)
    return decode(lm, state, first, stop_id, Sampling(max_new_tokens=num_tokens), **others)


def _greedy(lm: PreTrainedModel, prompt: list[int], num_tokens: int) -> list[int]:
    """One whole forward without a cache for every token."""
    ids = list(prompt)
    for _ in range(num_tokens):
        with torch.no_grad():
            ids.append(int(lm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_a_batch_decodes_what_whole_forwards_do(lm: PreTrainedModel):
    """Settings for ``generate`` that lie in the model's folder have no say."""
    lm.generation_config.update(do_sample=True, temperature=5.0, max_new_tokens=2, repetition_penalty=9.0)
    rows = _decoded(lm, NEVER, 8)
    wanted = [_greedy(lm, prompt, 8) for prompt in PROMPTS]
    assert [row.ids for row in rows] == wanted
    assert not any(row.stopped for row in rows)
    assert len({tuple(ids) for ids in wanted}) == 3


def _stop_of(lm: PreTrainedModel) -> tuple[int, list[int]]:
    """A token that one row of the greedy plans says early and another never, and where each row says it (8: never)."""
    wanted = [_greedy(lm, prompt, 8) for prompt in PROMPTS]
    places = {
        stop: [ids.index(stop) if stop in ids else 8 for ids in wanted] for stop in {t for ids in wanted for t in ids}
    }
    return next((stop, at) for stop, at in sorted(places.items()) if max(at) == 8 and 1 <= min(at) <= 5)


def test_a_row_ends_at_its_stop_token_and_the_others_go_on(lm: PreTrainedModel):
    stop, places = _stop_of(lm)
    for row, prompt, place in zip(_decoded(lm, stop, 8), PROMPTS, places, strict=True):
        assert row.ids == _greedy(lm, prompt, 8)[:place]
        assert row.stopped is (place < 8)


def test_the_stop_token_may_come_first(lm: PreTrainedModel):
    stop = _greedy(lm, PROMPTS[1], 1)[0]
    row = _decoded(lm, stop, 4, keep_states=True)[1]
    assert (row.ids, row.stopped, row.states.shape) == ([], True, (0, 32))


def test_decoding_ends_when_all_have_stopped(lm: PreTrainedModel):
    """Or the cache would grow by masked entries up to the cut."""
    state, first = _read(lm)
    stop = _greedy(lm, PROMPTS[0], 1)[0]
    state.select([0])
    row = decode(lm, state, first[:1], stop, Sampling(max_new_tokens=50))[0]
    assert row.ids == []
    assert state.mask.shape[1] == len(PROMPTS[0]) + 1


def test_the_cache_can_be_gone_on_from(lm: PreTrainedModel):
    """It holds prompt and plan of each row and its stop token where it came, but nothing behind that."""
    stop, _ = _stop_of(lm)
    state, first = _read(lm)
    with torch.no_grad():
        rows = decode(lm, state, first, stop, Sampling(max_new_tokens=8))
        after = embed_tokens(lm, torch.tensor([[33, 44]] * 3))
        states = extend(lm, state, after, torch.ones(3, 2, dtype=torch.bool))
    for row, prompt, got in zip(rows, PROMPTS, states[:, -1], strict=True):
        whole = torch.tensor([[*prompt, *row.ids, *([stop] if row.stopped else []), 33, 44]])
        with torch.no_grad():
            wanted = last_layer_states(lm, embed_tokens(lm, whole), torch.ones_like(whole, dtype=torch.bool))[0, -1]
        torch.testing.assert_close(got, wanted)
    assert {row.stopped for row in rows} == {True, False}


def test_states_are_kept_where_asked_for(lm: PreTrainedModel):
    stop, _ = _stop_of(lm)
    for row in _decoded(lm, stop, 8, keep_states=True):
        assert row.states.shape == (len(row.ids), 32)
        assert token_logits(lm, row.states).argmax(-1).tolist() == row.ids
    assert all(row.states.shape == (0, 32) for row in _decoded(lm, stop, 8))


def _draws(sampling: Sampling, count: int = 4000) -> Counter[int]:
    logits = torch.tensor(PROBABILITIES).log().expand(count, -1)
    return Counter(choose(logits, sampling, torch.Generator().manual_seed(0)).tolist())


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=0.0), [0, 1, 0, 0]),
        (Sampling(temperature=1.0), PROBABILITIES),
        (Sampling(temperature=1.0, top_k=3), [0, 10 / 19, 3 / 19, 6 / 19]),
        (Sampling(temperature=1.0, top_k=1), [0, 1, 0, 0]),
        (Sampling(temperature=1.0, top_k=9), PROBABILITIES),
        # The token that takes the mass over top_p stays.
        (Sampling(temperature=1.0, top_p=0.79), [0, 5 / 8, 0, 3 / 8]),
        (Sampling(temperature=1.0, top_p=0.81), [0, 10 / 19, 3 / 19, 6 / 19]),
        (Sampling(temperature=1.0, top_p=0.01), [0, 1, 0, 0]),
        # Squares of the probabilities, over their sum.
        (Sampling(temperature=0.5), [25 / 3650, 2500 / 3650, 225 / 3650, 900 / 3650]),
        # Temperature first, then top_k, then top_p of what is left: 9/10 of 25 : 9 reaches into the second token.
        (Sampling(temperature=0.5, top_k=2, top_p=0.9), [0, 25 / 34, 0, 9 / 34]),
        (Sampling(temperature=0.5, top_k=2, top_p=0.7), [0, 1, 0, 0]),
    ],
)
def test_tokens_are_drawn_as_often_as_they_should_be(sampling: Sampling, expected: list[float]):
    """4000 draws; five standard errors."""
    drawn = _draws(sampling)
    for token, share in enumerate(expected):
        assert abs(drawn[token] / 4000 - share) <= 5 * math.sqrt(share * (1 - share) / 4000), token


def test_samples_depend_on_the_generator_alone(lm: PreTrainedModel):
    hot, plans = Sampling(temperature=2.0, max_new_tokens=6), []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        state, first = _read(lm)
        rows = decode(lm, state, first, NEVER, hot, torch.Generator().manual_seed(seed))
        plans.append([row.ids for row in rows])
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


def test_nothing_is_decoded_where_nothing_may_be(lm: PreTrainedModel):
    assert [(row.ids, row.stopped) for row in _decoded(lm, NEVER, 0)] == [([], False)] * 3


HOT = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=8)


def _sampled(
    lm: PreTrainedModel, rows: list[int], stop: int, turns: int = 1, **others: bool
) -> list[list[tuple[list[int], bool]]]:
    """What these prompts say in each turn, drawn by the prompt's own generator; turns follow each other in one cache."""
    state, first = _read(lm)
    state.select(rows)
    generators, said = keyed_generators([str(PROMPTS[row]) for row in rows]), [[] for _ in rows]
    latest = first[rows]
    for _ in range(turns):
        for row, decoded in enumerate(decode(lm, state, latest, stop, HOT, generators, **others)):
            said[row].append((decoded.ids, decoded.stopped))
        if turns > 1:
            with torch.no_grad():
                asked = embed_tokens(lm, torch.tensor([[33, 44]] * len(rows)))
                latest = extend(lm, state, asked, torch.ones(len(rows), 2, dtype=torch.bool))[:, -1]
    return said


def _early_stop(lm: PreTrainedModel) -> int:
    """A token that one row draws before its last and another never."""
    drawn = [turns[0][0] for turns in _sampled(lm, [0, 1, 2], NEVER)]
    return next(token for ids in drawn for token in ids[1:6] if sum(token in other for other in drawn) == 1)


@pytest.mark.parametrize("turns", [1, 3])
def test_a_row_is_sampled_alone_as_in_any_batch(lm: PreTrainedModel, turns: int):
    """Also in its next turn: a row that has ended draws no more while others go on."""
    stop = _early_stop(lm)
    together = _sampled(lm, [0, 1, 2], stop, turns)
    assert {said[0][1] for said in together} == {True, False}
    assert _sampled(lm, [2, 0], stop, turns) == [together[2], together[0]]
    assert [_sampled(lm, [row], stop, turns)[0] for row in range(3)] == together


def test_rows_that_end_leave_the_batch_where_nobody_reads_on(lm: PreTrainedModel):
    """The same is said, with the same states; each token passes the model once, and no stop token does."""
    stop, widths = _early_stop(lm), []
    hook = decoder(lm).register_forward_pre_hook(
        lambda _, args, kwargs: widths.append(len(kwargs["inputs_embeds"])), with_kwargs=True
    )
    try:
        left = _sampled(lm, [0, 1, 2], stop, reads_on=False)
        leaving, widths[:] = widths[1:], []  # the first reads the prompts
        assert left == _sampled(lm, [0, 1, 2], stop)
        staying = widths[1:]
    finally:
        hook.remove()
    assert sum(leaving) == sum(len(ids) for ((ids, _),) in left) < sum(staying)
    assert leaving == sorted(leaving, reverse=True)
    assert set(staying) == {3}
    states = []
    for reads_on in (True, False):
        state, first = _read(lm)
        states.append(decode(lm, state, first, stop, HOT, keyed_generators("abc"), keep_states=True, reads_on=reads_on))
    for one, other in zip(*states, strict=True):
        assert (one.ids, one.stopped) == (other.ids, other.stopped)
        torch.testing.assert_close(one.states, other.states, rtol=0, atol=1e-9)


def test_sampling_without_a_generator_is_refused(lm: PreTrainedModel):
    """And does not fall back on the global state."""
    state, first = _read(lm)
    with pytest.raises(InvalidSetting, match=r"one for each of 3 rows, got none"):
        decode(lm, state, first, NEVER, HOT)
