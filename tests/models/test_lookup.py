"""A model that starts with look-up attends where its construction says, and learns recall where a random start does not."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from interlat.models import TinyLM, build_tiny_lm, train_tokenizer
from interlat.models.lookup import start_with_lookup

SHAPE = TinyLM(hidden_size=64, num_layers=2, num_heads=2, vocab_size=300, initial="lookup")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["There is a mug 2 in cabinet 3."], 300)


def attentions(model, ids):
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return model(ids, output_attentions=True).attentions


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_heads_of_the_first_layer_look_one_two_and_more_tokens_back(tokenizer, family):
    model = build_tiny_lm(replace(SHAPE, family=family, num_heads=4, hidden_size=128), tokenizer)
    ids = torch.randint(0, 200, (2, 60), generator=torch.Generator().manual_seed(0))
    first = attentions(model, ids)[0]
    for head in range(4):
        looked_at = first[:, head].argmax(-1)[:, 10:]
        assert (looked_at == torch.arange(10, 60) - (head + 1)).all(), head


def test_a_later_head_finds_what_followed_the_same_token_before(tokenizer):
    model = build_tiny_lm(replace(SHAPE, num_heads=4, hidden_size=128), tokenizer)
    once = torch.randperm(200, generator=torch.Generator().manual_seed(1))[:40]
    ids = torch.cat([once, once])[None]
    looked_at = attentions(model, ids)[1][0, 0].argmax(-1)[42:]
    right = (looked_at == torch.arange(42, 80) - 39).float().mean()
    assert right > 0.4, (
        right
    )  # by chance 0.02: random codes of 16 dimensions tell 40 tokens apart this well before any training


def recall_after(model, steps):
    """Accuracy on 8 pairs told once and asked in another order, after this many steps of 16 sequences."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    accuracy = 0.0
    for _ in range(steps):
        rows = []
        for _ in range(16):
            keys = torch.randperm(100, generator=generator)[:8]
            values = 100 + torch.randint(0, 100, (8,), generator=generator)
            order = torch.randperm(8, generator=generator)
            told = torch.stack([keys, values], 1).flatten()
            rows.append(torch.cat([told, torch.stack([keys[order], values[order]], 1).flatten()]))
        ids = torch.stack(rows)
        logits, answers = model(ids).logits[:, 16:-1:2], ids[:, 17::2]
        loss = cross_entropy(logits.flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracy = float((logits.argmax(-1) == answers).float().mean())
    return accuracy


def test_recall_is_learnt_in_a_hundred_steps_and_from_random_weights_is_not(tokenizer):
    assert recall_after(build_tiny_lm(SHAPE, tokenizer).train(), 100) > 0.9
    assert recall_after(build_tiny_lm(replace(SHAPE, initial="random"), tokenizer).train(), 100) < 0.5


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tokenizer):
    weights = [build_tiny_lm(replace(SHAPE, seed=seed), tokenizer).get_input_embeddings().weight for seed in (3, 3, 4)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("change", [{"num_layers": 1}, {"initial": "random"}])
def test_a_shape_that_cannot_hold_the_heads_is_refused_with_what_it_lacks(tokenizer, change):
    if change == {"initial": "random"}:  # a Llama without biases
        with pytest.raises(ValueError, match="no biases"):
            start_with_lookup(build_tiny_lm(replace(SHAPE, **change), tokenizer))
    else:
        with pytest.raises(ValueError, match="got 1 layers"):
            build_tiny_lm(replace(SHAPE, **change), tokenizer)
