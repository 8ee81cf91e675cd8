"""Latent thoughts against their formulas: ridge, rescale, none; tied and untied; 0 steps, batches, gradients."""

import logging

import pytest
import torch
from exact_lm import VOCAB, exact_lm

from interlat.agents.latent_thoughts import aligner, aligner_between, has_tied_embeddings, think
from interlat.errors import InvalidSetting
from interlat.messages import Span
from interlat.models import Lora, TinyLM, add_boundary_tokens, add_lora, build_tiny_lm, train_tokenizer
from interlat.models.backbone import embed_tokens, last_layer_states
from interlat.models.cache import KVState, extend


def test_ridge_is_the_formula():
    """W_a written out with an explicit inverse; z has the mean length of an input embedding."""
    lm = exact_lm(tied=False)
    w_in, w_out = lm.get_input_embeddings().weight.detach(), lm.get_output_embeddings().weight.detach()
    expected = torch.linalg.inv(w_out.T @ w_out + 0.3 * torch.eye(32, dtype=torch.float64)) @ (w_out.T @ w_in)
    align = aligner(lm, "ridge", ridge_lambda=0.3)
    torch.testing.assert_close(align.matrix, expected, rtol=0, atol=1e-9)
    states = torch.randn(2, 5, 32, dtype=torch.float64)
    length = sum(float(row.norm()) for row in w_in) / len(w_in)
    mapped = align(states)
    torch.testing.assert_close(mapped.norm(dim=-1), torch.full((2, 5), length, dtype=torch.float64))
    direction = states @ expected
    torch.testing.assert_close(mapped, direction * length / direction.norm(dim=-1, keepdim=True), rtol=0, atol=1e-9)
    assert aligner(lm, "rescale").matrix is None
    torch.testing.assert_close(aligner(lm, "rescale")(states), states * length / states.norm(dim=-1, keepdim=True))
    assert torch.equal(aligner(lm, "none")(states), states)


def test_on_tied_embeddings_ridge_is_the_identity_and_says_so(caplog):
    """I − W_a = λ (G + λ I)⁻¹, whose norm is λ / (g + λ) for the smallest eigenvalue g of G; with λ / g below 1e-9 it is no more."""
    lm = exact_lm(tied=True)
    weight = lm.get_input_embeddings().weight
    smallest = float(torch.linalg.eigvalsh(weight.detach().T @ weight.detach())[0])
    with caplog.at_level(logging.WARNING):
        align = aligner(lm, "ridge")
    assert "does nothing" in caplog.text
    identity = torch.eye(32, dtype=torch.float64)
    distance = float(torch.linalg.matrix_norm(align.matrix - identity, ord=2))
    assert distance == pytest.approx(1e-5 / (smallest + 1e-5), rel=1e-6)
    with torch.no_grad():
        weight.mul_((1e5 / smallest) ** 0.5)  # the norm that follows takes the scale away, so the model is the same
    align, rescale = aligner(lm, "ridge"), aligner(lm, "rescale")
    assert float((align.matrix - identity).abs().max()) < 1e-9
    states = torch.randn(7, 32, dtype=torch.float64)
    assert float((align(states) - rescale(states)).abs().max() / rescale.length) < 1e-9
    with torch.no_grad():
        ids, real = torch.arange(6)[None], torch.ones(1, 6, dtype=torch.bool)
        thought = []
        for each in (align, rescale):
            state = KVState.empty(1, lm.device)
            latest = extend(lm, state, embed_tokens(lm, ids), real)[:, -1]
            thought.append(think(lm, state, latest, each, 5).latest)
    assert float((thought[0] - thought[1]).abs().max()) < 1e-9


def test_untied_embeddings_raise_no_warning(caplog):
    lm = exact_lm(tied=False)
    with caplog.at_level(logging.WARNING):
        align = aligner(lm, "ridge")
    assert not caplog.records
    assert not has_tied_embeddings(lm)
    assert float((align.matrix - torch.eye(32, dtype=torch.float64)).abs().max()) > 0.1


def test_a_map_between_models_takes_one_to_the_other():
    """Rows of A's head go to rows of B's embeddings where a linear map can do it; only rows that both have count."""
    sender, receiver = exact_lm(tied=False, vocab=VOCAB + 4), exact_lm("qwen2", tied=False, seed=1)
    wanted = torch.randn(32, 32, dtype=torch.float64)
    with torch.no_grad():
        receiver.get_input_embeddings().weight.copy_(sender.get_output_embeddings().weight[:VOCAB] @ wanted)
    torch.testing.assert_close(aligner_between(sender, receiver, 1e-12).matrix, wanted, rtol=0, atol=1e-6)
    with pytest.raises(InvalidSetting, match=r"lambda above 0, got 0.0"):
        aligner_between(sender, receiver, 0.0)


def test_each_step_feeds_the_last_state_back():
    """Written out: the state behind all inputs so far, aligned, is the next input."""
    lm = exact_lm(tied=False)
    align, ids = aligner(lm, "ridge"), torch.tensor([[3, 1, 4]])
    with torch.no_grad():
        inputs, states = embed_tokens(lm, ids), []
        for _ in range(4):
            read = last_layer_states(lm, inputs, torch.ones(inputs.shape[:2], dtype=torch.bool))
            states.append(read[:, -1])
            inputs = torch.cat([inputs, align(states[-1])[:, None]], dim=1)
        state = KVState.empty(1, lm.device)
        first = extend(lm, state, embed_tokens(lm, ids), torch.ones(1, 3, dtype=torch.bool), Span("a", "prompt"))[:, -1]
        thoughts = think(lm, state, first, align, 3, Span("a", "latent"))
    torch.testing.assert_close(thoughts.states, torch.stack(states[:3], dim=1), rtol=0, atol=1e-9)
    torch.testing.assert_close(thoughts.latest, states[3], rtol=0, atol=1e-9)
    assert state.entries.span.tolist() == [[0, 0, 0, 1, 1, 1]]
    assert state.entries.place.tolist() == [[0, 1, 2, 0, 1, 2]]


def test_no_steps_add_nothing():
    lm = exact_lm()
    state, latest = KVState.empty(2, lm.device), torch.randn(2, 32, dtype=torch.float64)
    with torch.no_grad():
        extend(lm, state, torch.randn(2, 3, 32, dtype=torch.float64), torch.ones(2, 3, dtype=torch.bool))
    thoughts = think(lm, state, latest, aligner(lm, "rescale"), 0)
    assert thoughts.states.shape == (2, 0, 32)
    assert thoughts.latest is latest
    assert state.next_position.tolist() == [3, 3]
    with pytest.raises(InvalidSetting, match=r"at least 0 latent steps, got -1; 0 sends the prompt alone"):
        think(lm, state, latest, aligner(lm, "rescale"), -1)


def test_gradient_flows_through_all_steps():
    """Checked by differences: the last state after two steps, as a function of the prompt's embeddings."""
    lm = exact_lm(tied=False, layers=1)
    align = aligner(lm, "rescale")

    def last(embeddings: torch.Tensor) -> torch.Tensor:
        state = KVState.empty(1, lm.device)
        latest = extend(lm, state, embeddings, torch.ones(1, 2, dtype=torch.bool))[:, -1]
        return think(lm, state, latest, align, 2).latest.sum(dim=-1)

    assert torch.autograd.gradcheck(last, torch.randn(1, 2, 32, dtype=torch.float64, requires_grad=True))


def test_a_model_with_lora_is_aligned_as_the_model_inside(caplog):
    """New rows of its embeddings, <bop> and <eop>, are trained apart from the rest and belong to the vocabulary all the same."""
    tokenizer = train_tokenizer(["go to drawer 2"], 300)
    lm = build_tiny_lm(TinyLM(hidden_size=16, num_heads=2), tokenizer).double()
    add_boundary_tokens(lm, tokenizer)
    plain, rescale = aligner(lm, "ridge"), aligner(lm, "rescale")
    model = add_lora(lm, tokenizer, Lora(rank=2))
    assert has_tied_embeddings(model)
    torch.testing.assert_close(aligner(model, "ridge").matrix, plain.matrix)
    assert aligner(model, "rescale").length == pytest.approx(rescale.length)
    assert caplog.text.count("does nothing") == 2


def test_a_narrow_type_is_aligned_in_a_wider_one():
    lm = exact_lm(tied=False)
    align, states = aligner(lm, "ridge"), torch.randn(3, 32)
    got = align(states.bfloat16())
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), align(states.bfloat16().float()), rtol=1e-2, atol=1e-2)
