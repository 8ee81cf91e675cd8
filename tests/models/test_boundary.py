"""<bop> and <eop> get rows of their own, whatever the model brings, and nothing else of the model changes."""

from pathlib import Path

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer, save_foreign
from torch.nn.functional import cosine_similarity
from transformers import AutoTokenizer

from interlat.errors import MissingBoundaryTokens
from interlat.models import BOP, EOP, TinyLM, add_boundary_tokens, boundary_ids, build_tiny_lm, load_causal_lm
from interlat.models.tiny import train_tokenizer
from interlat.models.vocabulary import fingerprint

SIZE = len(foreign_tokenizer())


def _tables(lm):
    return [lm.get_input_embeddings().weight, lm.get_output_embeddings().weight]


def test_they_come_behind_the_vocabulary_and_are_one_token_each():
    lm, tokenizer = foreign_lm(foreign_tokenizer()), foreign_tokenizer()
    assert add_boundary_tokens(lm, tokenizer) == boundary_ids(tokenizer) == (SIZE, SIZE + 1)
    assert tokenizer("go<bop> to<eop>", add_special_tokens=False)["input_ids"].count(SIZE) == 1
    assert tokenizer.encode(f"{BOP}{EOP}", add_special_tokens=False) == [SIZE, SIZE + 1]
    assert tokenizer.decode([SIZE, SIZE + 1], skip_special_tokens=True) == ""
    assert {len(table) for table in _tables(lm)} == {lm.config.vocab_size} == {SIZE + 2}


@pytest.mark.parametrize("tied", [True, False])
def test_their_rows_differ_and_are_as_large_as_others(tied: bool):
    """transformers' own start makes them one vector (cosine 1), or without it one of another length."""
    lm, tokenizer = foreign_lm(foreign_tokenizer(), tied), foreign_tokenizer()
    add_boundary_tokens(lm, tokenizer)
    for table in _tables(lm):
        old, new = table.detach()[:-2], table.detach()[-2:]
        assert cosine_similarity(new[0], new[1], dim=0) < 0.7
        norms = (new - old.mean(0)).norm(dim=1) / (old - old.mean(0)).norm(dim=1).mean()
        assert ((norms > 0.5) & (norms < 1.5)).all()


@pytest.mark.parametrize("tied", [True, False])
def test_other_rows_and_tying_stay(tied: bool):
    lm, tokenizer = foreign_lm(foreign_tokenizer(), tied), foreign_tokenizer()
    before = [table.detach().clone() for table in _tables(lm)]
    add_boundary_tokens(lm, tokenizer)
    for old, new in zip(before, _tables(lm), strict=True):
        assert torch.equal(new[:-2], old)
    assert (_tables(lm)[0] is _tables(lm)[1]) is tied
    assert lm.config.tie_word_embeddings is tied


@pytest.mark.parametrize("tied", [True, False])
def test_rows_survive_saving_and_stay_tied(tmp_path: Path, tied: bool):
    lm, tokenizer = load_causal_lm(save_foreign(tmp_path / "foreign", tied))
    ids = add_boundary_tokens(lm, tokenizer)
    lm.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    again, same = load_causal_lm(tmp_path / "saved")
    assert boundary_ids(same) == ids
    assert all(torch.equal(*pair) for pair in zip(_tables(again), _tables(lm), strict=True))
    assert (_tables(again)[0] is _tables(again)[1]) is tied
    before = _tables(again)[0].detach().clone()
    assert add_boundary_tokens(again, same) == ids
    assert torch.equal(_tables(again)[0], before)


def test_spare_rows_are_used_before_new_ones_are_made():
    """Qwen2's tables are longer than its vocabulary: the ids exist, but their rows were never meant for anything."""
    lm, tokenizer = foreign_lm(foreign_tokenizer(), spare_rows=5), foreign_tokenizer()
    before = _tables(lm)[0].detach().clone()
    assert add_boundary_tokens(lm, tokenizer) == (SIZE, SIZE + 1)
    after = _tables(lm)[0].detach()
    assert after.shape == before.shape
    changed = (after != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == [SIZE, SIZE + 1]


def test_input_and_output_rows_are_drawn_in_that_order():
    """One generator serves both tables: another order on another day would be another model from the same seed."""
    lm, tokenizer = foreign_lm(foreign_tokenizer(), tied=False), foreign_tokenizer()
    old = [table.detach().clone() for table in _tables(lm)]
    add_boundary_tokens(lm, tokenizer, seed=3)
    generator = torch.Generator().manual_seed(3)
    for table, rows in zip(_tables(lm), old, strict=True):
        wanted = rows.mean(0) + rows.std(0) * torch.randn(2, 32, generator=generator)
        torch.testing.assert_close(table.detach()[-2:], wanted)


def test_seeds_decide():
    rows = []
    for seed in (0, 0, 1):
        lm, tokenizer = foreign_lm(foreign_tokenizer()), foreign_tokenizer()
        add_boundary_tokens(lm, tokenizer, seed)
        rows.append(_tables(lm)[0].detach()[-2:])
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_a_model_that_has_them_is_left_alone():
    tokenizer = train_tokenizer(["go to drawer 2"], 300)
    lm = build_tiny_lm(TinyLM(hidden_size=16, num_layers=1, num_heads=2), tokenizer)
    before = _tables(lm)[0].detach().clone()
    assert add_boundary_tokens(lm, tokenizer) == boundary_ids(tokenizer)
    assert torch.equal(_tables(lm)[0], before)


def test_a_row_that_is_there_keeps_its_value_when_the_other_is_missing():
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens([BOP], special_tokens=True)
    lm = foreign_lm(tokenizer)
    before = _tables(lm)[0].detach().clone()
    assert add_boundary_tokens(lm, tokenizer) == (SIZE, SIZE + 1)
    assert torch.equal(_tables(lm)[0][:-1], before)
    assert _tables(lm)[0][-1].norm() > 0.5 * before.norm(dim=1).mean()


def test_a_tokenizer_that_has_them_gets_a_model_that_has_not(tmp_path: Path):
    """A run folder's tokenizer over the bare backbone: rows are made although no token is added."""
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens([BOP, EOP], special_tokens=True)
    tokenizer.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    lm = foreign_lm(foreign_tokenizer())
    assert add_boundary_tokens(lm, tokenizer) == (SIZE, SIZE + 1)
    assert len(_tables(lm)[0]) == SIZE + 2
    assert cosine_similarity(*_tables(lm)[0].detach()[-2:], dim=0) < 0.7


@pytest.mark.parametrize(("held", "missing"), [((), "<bop>, <eop>"), ((BOP,), "<eop>"), ((EOP,), "<bop>")])
def test_a_tokenizer_without_them_is_refused(held: tuple[str, ...], missing: str):
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens(list(held), special_tokens=True)
    with pytest.raises(MissingBoundaryTokens, match=f"lacks {missing}; call interlat.models.add_boundary_tokens"):
        boundary_ids(tokenizer)


def test_a_vocabulary_is_the_same_with_and_without_them():
    """An actor has them and its sender may not; any other token makes it another vocabulary."""
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens([BOP, EOP], special_tokens=True)
    assert fingerprint(tokenizer) == fingerprint(foreign_tokenizer())
    tokenizer.add_tokens(["<other>"])
    assert fingerprint(tokenizer) != fingerprint(foreign_tokenizer())
