"""Tiny models and their tokenizers: any text comes back, names are one token, seeds decide, and nothing is lost on disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.models import BOP, EOP, TinyLM, build_tiny_lm, load_causal_lm, train_tokenizer
from interlat.models.tiny import PADDING, TURN_END, TURN_START

TEXTS = [
    "You open the cabinet 3. On the cabinet 3, you see a mug 12.",
    "take mug 12 from cabinet 3",
    "go to desk 1",
] * 4
SHAPE = TinyLM(hidden_size=32, num_layers=2, num_heads=4)
TOKENIZER = train_tokenizer(TEXTS, 400)
IDS = torch.tensor([[5, 60, 7, 99, 3, 200]])


@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_comes_back(text: str):
    ids = TOKENIZER(text)["input_ids"]
    assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize("text", ["a , b . c", "do n't 's", "  two  blanks ", "\n\nlines\n", "go to cabinet 27."])
def test_a_saved_tokenizer_writes_as_the_trained_one(tmp_path: Path, text: str):
    """Tidying blanks before punctuation, or one put before the first word, would change actions."""
    build_tiny_lm(SHAPE, TOKENIZER).save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    _, again = load_causal_lm(tmp_path)
    assert again(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    assert again.decode(again(text)["input_ids"]) == text
    assert again.chat_template == TOKENIZER.chat_template
    assert (again.pad_token_id, again.bos_token_id, again.eos_token_id) == (0, 1, 2)


def test_special_tokens_are_one_id_each_and_are_left_out_when_asked():
    marks = [PADDING, TURN_START, TURN_END, BOP, EOP]
    assert [TOKENIZER(mark)["input_ids"] for mark in marks] == [[0], [1], [2], [3], [4]]
    ids = TOKENIZER(f"{TURN_START}go{BOP} to{EOP}{TURN_END}")["input_ids"]
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "go to"


def test_the_pad_is_not_the_end():
    assert TOKENIZER.pad_token_id != TOKENIZER.eos_token_id


def test_a_known_name_with_its_number_is_one_token_and_other_digits_stand_alone():
    def pieces(text: str) -> list[str]:
        return [TOKENIZER.decode([token]) for token in TOKENIZER(text)["input_ids"]]

    assert pieces(" cabinet 3") == [" cabinet 3"]
    assert pieces(" mug 12") == [" mug 12"]
    assert pieces("1234") == ["1", "2", "3", "4"]


def test_a_name_has_the_same_token_wherever_it_stands():
    """Had "drawer 5" after "go to" other tokens than in an observation, copying it would be another task."""
    name = TOKENIZER(" cabinet 3")["input_ids"]
    for sentence in ("from cabinet 3", "You open the cabinet 3.", "On the cabinet 3, you see", "x cabinet 3\n"):
        assert name[0] in TOKENIZER(sentence)["input_ids"], sentence


def test_the_vocabulary_is_no_larger_than_asked_for():
    assert 256 + 5 < len(train_tokenizer(TEXTS, 280)) <= 280
    assert len(train_tokenizer(["a"], 5000)) < 300


def test_the_same_texts_give_the_same_vocabulary():
    assert train_tokenizer(TEXTS, 400).get_vocab() == TOKENIZER.get_vocab()


@pytest.mark.parametrize("initial", ["random", "lookup"])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_saved_model_computes_what_it_did(tmp_path: Path, family: Any, initial: Any):
    """Positions' rotation and biases are settings too: lost on disk, the weights would mean something else."""
    lm = build_tiny_lm(replace(SHAPE, family=family, initial=initial), TOKENIZER)
    with torch.no_grad():
        for parameter in lm.parameters():
            parameter.mul_(3)
    lm.save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    again, _ = load_causal_lm(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(IDS).logits, lm(IDS).logits)
        assert not torch.allclose(lm(IDS).logits, lm(IDS.flip(1)).logits.flip(1), atol=0.01)
    assert again.get_input_embeddings().weight is again.get_output_embeddings().weight


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_its_size_by_hand(family: Any):
    """Embeddings V x 32, tied; a layer: 4 attention matrices, 3 of the MLP at 3 x 32, 2 norms; one norm at the end."""
    lm = build_tiny_lm(replace(SHAPE, family=family), TOKENIZER)
    biases = 3 * 32 if family == "qwen2" else 0
    layer = 4 * 32 * 32 + 3 * 32 * 96 + 2 * 32 + biases
    assert sum(parameter.numel() for parameter in lm.parameters()) == len(TOKENIZER) * 32 + 2 * layer + 32
    assert lm.config.model_type == family
    assert lm.dtype == torch.float32
    assert not lm.training


def test_seeds_decide_and_the_global_generator_does_not():
    models = []
    for seed, noise in ((1, 5), (1, 6), (2, 5)):
        torch.manual_seed(noise)
        models.append(build_tiny_lm(replace(SHAPE, seed=seed), TOKENIZER).get_decoder().layers[0].mlp.up_proj.weight)
    assert torch.equal(models[0], models[1])
    assert not torch.equal(models[0], models[2])
