"""What is measured while decoding is what a whole forward over the same tokens gives, whatever they were drawn with."""

import pytest
import torch
from exact_lm import VOCAB, exact_lm
from torch import Tensor
from transformers import PreTrainedModel

from interlat.models.backbone import decoder, embed_tokens
from interlat.models.cache import KVState, extend, last_states
from interlat.models.certainty import Certainty
from interlat.models.decoding import Decoded, Sampling, decode, keyed_generators

PROMPTS = [[5, 50, 7, 49, 3, 20], [44, 31], [17, 23, 12, 9]]
SAMPLINGS = [Sampling(max_new_tokens=7), Sampling(0.6, 0.95, max_new_tokens=7), Sampling(1.7, 0.5, 9, 7)]


@pytest.fixture(scope="module")
def lm() -> PreTrainedModel:
    """Sharpened by large weights; softened again, so that several tokens are likely."""
    model = exact_lm(tied=False)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(0.1)
    return model


def _read(lm: PreTrainedModel, prompts: list[list[int]]) -> tuple[KVState, Tensor]:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[False] * (width - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    state = KVState.empty(len(prompts), ids.device)
    with torch.no_grad():
        return state, last_states(extend(lm, state, embed_tokens(lm, ids), mask), mask)


def _decoded(lm: PreTrainedModel, rows: list[int], sampling: Sampling, stop: int = -1, **others: bool) -> list[Decoded]:
    state, first = _read(lm, [PROMPTS[row] for row in rows])
    return decode(lm, state, first, stop, sampling, keyed_generators([str(row) for row in rows]), **others)


def _stop(lm: PreTrainedModel, sampling: Sampling) -> int:
    """A token that one row says, though not first, and another row never."""
    said = [row.ids for row in _decoded(lm, [0, 1, 2], sampling)]
    return next(token for ids in said for token in ids[1:] if token != ids[0] and any(token not in o for o in said))


def _forced(lm: PreTrainedModel, prompt: list[int], said: list[int]) -> tuple[Tensor, Tensor]:
    """−log p and entropies of ``said`` behind ``prompt``, by one forward without a cache, written out."""
    with torch.no_grad():
        logits = lm(input_ids=torch.tensor([[*prompt, *said]])).logits[0, len(prompt) - 1 : -1]
    p = logits.exp() / logits.exp().sum(dim=-1, keepdim=True)
    return -p[torch.arange(len(said)), said].log(), -(p * p.log()).sum(dim=-1)


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=["greedy", "as published", "hot"])
@pytest.mark.parametrize("reads_on", [True, False])
def test_what_is_measured_is_what_a_whole_forward_gives(lm: PreTrainedModel, sampling: Sampling, reads_on: bool):
    """In a batch of unequal rows, one of which ends early; the stop token counts, and temperature and top_p do not."""
    stop = _stop(lm, sampling)
    rows = _decoded(lm, [0, 1, 2], sampling, stop, measure=True, reads_on=reads_on)
    assert {row.stopped for row in rows} == {True, False}
    for prompt, row in zip(PROMPTS, rows, strict=True):
        said = [*row.ids, *([stop] if row.stopped else [])]
        nll, entropies = _forced(lm, prompt, said)
        torch.testing.assert_close(torch.tensor(row.certainty.nll, dtype=torch.float64), nll, rtol=0, atol=1e-9)
        torch.testing.assert_close(
            torch.tensor(row.certainty.entropies, dtype=torch.float64), entropies, rtol=0, atol=1e-9
        )
    assert max(max(row.certainty.entropies) for row in rows) > 0.5, "a model that is never in doubt would show nothing"


def test_a_batch_is_measured_as_each_row_alone(lm: PreTrainedModel):
    together = _decoded(lm, [0, 1, 2], SAMPLINGS[1], measure=True)
    for number, row in enumerate(together):
        (alone,) = _decoded(lm, [number], SAMPLINGS[1], measure=True)
        assert alone.ids == row.ids
        assert alone.certainty.nll == pytest.approx(row.certainty.nll, abs=1e-9)
        assert alone.certainty.entropies == pytest.approx(row.certainty.entropies, abs=1e-9)


def test_measuring_changes_no_token_and_reads_nothing_twice(lm: PreTrainedModel):
    calls: list[str] = []
    parts = {"decoder": decoder(lm), "head": lm.get_output_embeddings()}
    hooks = [part.register_forward_hook(lambda *_, name=name: calls.append(name)) for name, part in parts.items()]
    try:
        measured = _decoded(lm, [0, 1, 2], SAMPLINGS[1], measure=True)
        with_measures, calls[:] = list(calls), []
        plain = _decoded(lm, [0, 1, 2], SAMPLINGS[1])
    finally:
        for hook in hooks:
            hook.remove()
    assert with_measures == calls
    assert [row.ids for row in measured] == [row.ids for row in plain]
    assert all(row.certainty == Certainty() for row in plain)


def test_a_model_that_knows_nothing_is_measured_as_ln_v(lm: PreTrainedModel):
    """A head of zeros: every next token has probability 1/V, so that the answer's perplexity is V."""
    blank = exact_lm(tied=False)
    with torch.no_grad():
        blank.get_output_embeddings().weight.zero_()
    for row in _decoded(blank, [0, 1], SAMPLINGS[1], measure=True):
        assert len(row.certainty.nll) == 7
        for found in (row.certainty.nll, row.certainty.entropies):
            assert torch.tensor(found, dtype=torch.float64).exp().tolist() == pytest.approx([VOCAB] * 7, abs=1e-9)
