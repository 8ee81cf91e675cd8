"""Initial weights that can already look things up: the first layer recalls earlier tokens, the others match and copy.

A small model learns last, and from nothing only after very many examples, to answer "what followed these words before?"
(the induction head of Olsson et al. 2022, arXiv:2209.11895; multi-query recall of Arora et al. 2023, arXiv:2312.04927). The
answer needs two layers to agree on a code before either is of use. Setting that code at the start and leaving every weight free
follows mimetic initialisation (Trockman & Kolter 2023, arXiv:2305.09828). ``docs/log.md`` has the measurement: sixteen pairs are
answered after a minute of training, instead of not at all after two hours.
"""

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

_RECALL_SHARPNESS = 20.0  # logit of the wanted distance; others fall off
_EMBEDDING_STD = 0.05
_WRITE_GAIN = (
    0.05  # attention reads normalised states of length sqrt(D); this brings what it writes back to an embedding's size
)
_MATCH_GAIN = 2.0  # puts the logit of a match near 10, of anything else near 0
_FAST, _SLOW = 0.05, 2e-3  # radians a token: faster ones tell distances apart, slower ones keep contents comparable


@torch.no_grad()
def start_with_lookup(model: PreTrainedModel, seed: int = 0) -> None:
    """Overwrite attention and embeddings of a Llama or Qwen2 so that it begins with look-up heads.

    Head h of the first layer attends h + 1 tokens back, by its biases alone, and writes a projection of the token there into
    a subspace of its own. Head h of each later layer compares what stood h tokens before the current token (0: the token
    itself) with what stood h + 1 tokens before each earlier one, and copies the token where they agree: for h = 0 the token that
    followed the same token before, for h = 1 the token after next.

    Args:
        model: with at least two layers, biases on its query and key projections and as many key as query heads.
        seed: of the random subspaces.

    Raises:
        ValueError: the model lacks one of these.
    """
    layers = cast(Any, model).get_decoder().layers
    config = model.config
    heads, width = config.num_attention_heads, config.hidden_size
    first = layers[0].self_attn
    if len(layers) < 2 or first.q_proj.bias is None or config.num_key_value_heads != heads:
        raise ValueError(
            "wanted two layers or more, query and key biases and as many key heads as heads, got "
            f"{len(layers)} layers, {'no ' if first.q_proj.bias is None else ''}biases, {config.num_key_value_heads} of {heads} "
            "key heads; use initial='random' for this shape"
        )
    generator = torch.Generator().manual_seed(seed)
    size = width // heads
    speed = _rotation_speeds(config, size)
    cast(nn.Embedding, model.get_input_embeddings()).weight.normal_(0.0, _EMBEDDING_STD, generator=generator)
    token_code = _orthogonal(width, generator)[:size]  # (size, D): what the first layer reads of a token
    # One (D, size) for each head of the first layer to write into.
    subspaces = torch.split(_orthogonal(width, generator), size, dim=1)
    for head, subspace in enumerate(subspaces):
        rows = slice(head * size, (head + 1) * size)
        first.q_proj.bias[rows], first.k_proj.bias[rows] = _recall_biases(head + 1, speed)
        first.q_proj.weight[rows], first.k_proj.weight[rows] = 0.0, 0.0
        first.v_proj.weight[rows] = token_code
        first.o_proj.weight[:, rows] = _WRITE_GAIN * subspace
    codes = [token_code, *(subspace.T for subspace in subspaces)]  # codes[d] reads the token d back
    steady = torch.nonzero(speed < _SLOW).flatten()
    steady = torch.cat([steady, steady + size // 2])
    for layer in layers[1:]:
        attention = layer.self_attn
        for head in range(heads):
            rows = slice(head * size, (head + 1) * size)
            compared = _orthogonal(size, generator)[: len(steady)]
            attention.q_proj.weight[rows][steady] += _MATCH_GAIN * compared @ codes[head]
            attention.k_proj.weight[rows][steady] += _MATCH_GAIN * compared @ codes[head + 1]
            copied = _orthogonal(width, generator)[:size]
            attention.v_proj.weight[rows] = copied
            attention.o_proj.weight[:, rows] = _WRITE_GAIN * copied.T


def _rotation_speeds(config: Any, size: int) -> Tensor:
    """(size / 2,) radians a token by which RoPE turns each pair of a head's dimensions."""
    theta = float(config.rope_parameters["rope_theta"])
    return torch.tensor(theta).pow(-torch.arange(size // 2) / (size // 2))


def _recall_biases(distance: int, speed: Tensor) -> tuple[Tensor, Tensor]:
    """Query and key biases (size,) whose product after RoPE is largest ``distance`` tokens back."""
    fast = speed > _FAST
    weight = fast * (_RECALL_SHARPNESS / fast.sum())
    length = (weight * math.sqrt(2 * len(speed))).sqrt()
    query = torch.cat([length, torch.zeros_like(length)])
    key = torch.cat([length * torch.cos(distance * speed), length * torch.sin(distance * speed)])
    return query, key


def _orthogonal(size: int, generator: torch.Generator) -> Tensor:
    return cast(Tensor, torch.linalg.qr(torch.randn(size, size, generator=generator)).Q)
