"""The unrolled latents against a computation without cache, and the bridge by hand."""

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer
from torch import Tensor

from interlat.agents.compressor import Bridge, Compressor, CompressorSettings
from interlat.agents.sender import ReasoningAgent
from interlat.models import Lora, add_boundary_tokens, add_lora, boundary_ids
from interlat.models.backbone import embed_tokens, last_layer_states
from interlat.models.decoding import Sampling

PROMPT = [5, 60, 7, 99]


def _compressor(lora: bool) -> Compressor:
    lm, tokenizer = foreign_lm(foreign_tokenizer()), foreign_tokenizer()
    add_boundary_tokens(lm, tokenizer)
    model = add_lora(lm, tokenizer, Lora(rank=2)) if lora else lm
    for name, parameter in model.named_parameters():
        parameter.data.normal_() if "lora_B" in name else None
    return Compressor(model.double(), tokenizer, num_latents=4).double().eval()


@pytest.mark.parametrize("lora", [False, True])
def test_latents_by_whole_forwards(lora: bool):
    """z_1 is the state at the last prompt token, z_{k+1} the state at the bridged z_k behind all before."""
    compressor = _compressor(lora)
    sequence = embed_tokens(compressor.lm, torch.tensor([PROMPT]))
    wanted: list[Tensor] = []
    for _ in range(4):
        states = last_layer_states(compressor.lm, sequence, torch.ones(sequence.shape[:2], dtype=torch.bool))
        wanted.append(states[:, -1])
        sequence = torch.cat([sequence, compressor.bridge(wanted[-1])[:, None]], dim=1)
    got = compressor([PROMPT])
    torch.testing.assert_close(got, torch.stack(wanted, dim=1))
    assert (got[0, 1] - got[0, 0]).abs().max() > 0.01


def test_fewer_latents_are_the_first_of_more():
    compressor = _compressor(lora=False)
    assert compressor([PROMPT]).shape == (1, 4, 32)
    for count in (1, 2, 7):
        few, most = compressor([PROMPT], num_latents=count), compressor([PROMPT], num_latents=7)
        assert few.shape == (1, count, 32)
        torch.testing.assert_close(few, most[:, :count])


def test_the_bridge_by_hand():
    """[1, 3] less its mean 2, over its deviation 1, through [[1, 2], [3, 4]]; the size of a state does not matter."""
    bridge = Bridge(2)
    bridge.linear.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    state = torch.tensor([[1.0, 3.0], [100.0, 300.0], [3.0, 1.0]])
    torch.testing.assert_close(bridge(state), torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]]), rtol=0, atol=1e-4)


def test_gradient_reaches_the_prompts_embeddings_through_the_last_latent():
    """Nothing is cut on the way: not at the bridge, not in the cached keys and values."""
    compressor = _compressor(lora=False)
    table = compressor.lm.get_input_embeddings().weight
    compressor([PROMPT])[:, -1].pow(3).sum().backward()
    assert (table.grad[PROMPT].norm(dim=1) > 1e-6).all()
    others = torch.ones(len(table), dtype=torch.bool)
    others[PROMPT] = False
    assert not table.grad[others].any()


@pytest.mark.parametrize("steps", [2, 4])
def test_gradient_is_that_of_whole_forwards(steps: int):
    """Of the last latent, with respect to every weight: cut at the bridge, in the cache or at the prompt, some of it would lack."""
    compressor = _compressor(lora=False)
    parameters = dict(compressor.named_parameters())

    def whole() -> Tensor:
        sequence = embed_tokens(compressor.lm, torch.tensor([PROMPT]))
        for _ in range(steps - 1):
            states = last_layer_states(compressor.lm, sequence, torch.ones(sequence.shape[:2], dtype=torch.bool))
            sequence = torch.cat([sequence, compressor.bridge(states[:, -1])[:, None]], dim=1)
        return last_layer_states(compressor.lm, sequence, torch.ones(sequence.shape[:2], dtype=torch.bool))[:, -1]

    wanted, got = (
        torch.autograd.grad(last.pow(3).sum(), list(parameters.values()), allow_unused=True)
        for last in (whole(), compressor([PROMPT], num_latents=steps)[:, -1])
    )
    for name, expected, gradient in zip(parameters, wanted, got, strict=True):
        assert expected is not None, name
        assert gradient is not None, name
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)  # norms are computed in float32


def test_the_first_latent_is_the_first_state_of_a_sender_of_the_same_weights(foreign):
    compressor = Compressor.build(CompressorSettings(str(foreign), 3)).eval()
    sender = ReasoningAgent(compressor.lm, compressor.tokenizer, Sampling(max_new_tokens=3))
    (plan,) = sender.write([PROMPT])
    with torch.no_grad():
        torch.testing.assert_close(compressor([PROMPT])[0, 0], plan.latents[0])


def test_a_bridge_is_fitted_by_least_squares():
    """Where a linear map of the normed states exists it is found; noise that no map explains is what is left."""
    generator = torch.Generator().manual_seed(0)
    bridge = Bridge(8)
    states = torch.randn(500, 8, generator=generator)
    wanted = bridge.norm(states).detach() @ torch.randn(8, 8, generator=generator)
    assert bridge.fit(states, wanted) > 0.9999
    torch.testing.assert_close(bridge(states), wanted, rtol=0, atol=1e-3)
    noise = torch.randn(500, 8, generator=generator)
    explained = bridge.fit(states, wanted + noise * (wanted.var() ** 0.5))
    assert 0.4 < explained < 0.6


@pytest.mark.parametrize("lora", [None, Lora(rank=2)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_is_built_whole(foreign, lora: Lora | None, dtype: str):
    """In the dtype asked for, bridge included, and with the boundary tokens of its receiver."""
    compressor = Compressor.build(CompressorSettings(str(foreign), 3, lora=lora, dtype=dtype)).eval()
    assert boundary_ids(compressor.tokenizer) == (300, 301)
    with torch.no_grad():
        latents = compressor([compressor.prompt_ids("You are in a room."), PROMPT])
    assert latents.shape == (2, 3, 32)
    assert latents.dtype == compressor.bridge.linear.weight.dtype == getattr(torch, dtype)
    assert torch.isfinite(latents).all()
    assert (len([n for n, p in compressor.lm.named_parameters() if not p.requires_grad]) > 0) is (lora is not None)


def test_the_house_is_shown_where_there_is_one(foreign):
    compressor = Compressor.build(CompressorSettings(str(foreign), 3))
    text = [
        compressor.tokenizer.decode(compressor.prompt_ids("A room.", house)) for house in (None, "A mug is in desk 1.")
    ]
    assert text[1].endswith(
        "A room.\n\nThis is where things are:\nA mug is in desk 1.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert text[0].endswith("A room.<|im_end|>\n<|im_start|>assistant\n")
