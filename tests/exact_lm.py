"""Language models that are exact to the last digits of float64, and what they compute, written out by hand.

transformers computes rotary phases and root mean squares in float32 whatever the type of the weights, so two ways to the same number
that turn a key by different angles agree to 1e-7 only. Here both are done in float64. Knows no agent.
"""

import math

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

VOCAB = 60


class _ExactPhases(torch.nn.Module):
    """Cosines and sines of p θ^(−2i/d), in float64."""

    def __init__(self, theta: float, head_dim: int) -> None:
        super().__init__()
        self.register_buffer(
            "inverse", theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim), persistent=False
        )

    def forward(self, like: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        angles = position_ids[..., None].double() * self.inverse
        both = torch.cat([angles, angles], dim=-1)
        return both.cos().to(like.dtype), both.sin().to(like.dtype)


class _ExactNorm(torch.nn.Module):
    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = torch.nn.Parameter(weight.detach()), eps

    def forward(self, states: Tensor) -> Tensor:
        return self.weight * states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.eps)


def exact_lm(
    family: str = "llama", tied: bool = True, seed: int = 0, vocab: int = VOCAB, layers: int = 3
) -> PreTrainedModel:
    """Three layers, four heads over two key heads, in float64 throughout; weights so large that a wrong position shows."""
    config = (Qwen2Config if family == "qwen2" else LlamaConfig)(
        vocab_size=vocab,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = (Qwen2ForCausalLM if family == "qwen2" else LlamaForCausalLM)(config)
        for parameter in model.parameters():
            parameter.mul_(8 if parameter.ndim == 2 else 1)
    model = model.double().eval()
    for name, module in list(model.named_modules()):
        if type(module).__name__.endswith("RMSNorm"):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _ExactNorm(module.weight, module.variance_epsilon))
    model.model.rotary_emb = _ExactPhases(config.rope_parameters["rope_theta"], 8)
    return model


def by_hand(lm: PreTrainedModel, embeddings: Tensor, positions: Tensor, sees: Tensor) -> Tensor:
    """Last-layer states of one sequence: each entry attends to what it sees and to nothing else, at the positions given.

    Args:
        lm: one of `exact_lm`.
        embeddings: [tokens, dim].
        positions: [tokens].
        sees: [tokens, tokens] or, where layers differ, [layers, tokens, tokens]; row = who looks.
    """
    states, heads, groups = embeddings, 4, 2
    for number, layer in enumerate(lm.model.layers):
        attention, normed = layer.self_attn, layer.input_layernorm(states)
        query, key, value = (
            projection(normed).unflatten(-1, (-1, 8)).transpose(0, 1)
            for projection in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        query, key = _turned(query, positions, lm), _turned(key, positions, lm)
        mixed = []
        for head in range(heads):
            scores = query[head] @ key[head // groups].T / math.sqrt(8)
            visible = sees if sees.ndim == 2 else sees[number]
            weights = scores.masked_fill(~visible, -math.inf).softmax(dim=-1)
            mixed.append(weights @ value[head // groups])
        states = states + attention.o_proj(torch.cat(mixed, dim=-1))
        normed = layer.post_attention_layernorm(states)
        mlp = layer.mlp
        states = states + mlp.down_proj(torch.nn.functional.silu(mlp.gate_proj(normed)) * mlp.up_proj(normed))
    return lm.model.norm(states)


def _turned(vectors: Tensor, positions: Tensor, lm: PreTrainedModel) -> Tensor:
    """Each pair (i, i + 4) of a head as a complex number, times e^(i p θ^(−i/4))."""
    theta = lm.config.rope_parameters["rope_theta"]
    angles = positions[:, None] * theta ** -(torch.arange(4, dtype=torch.float64) / 4)
    pairs = torch.complex(vectors[..., :4], vectors[..., 4:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([pairs.real, pairs.imag], dim=-1)


def causal(length: int) -> Tensor:
    """Every entry sees itself and all before it."""
    return torch.ones(length, length, dtype=torch.bool).tril()
