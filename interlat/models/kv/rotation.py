"""Turns keys from the position they were computed at to another one; knows nothing of messages or agents.

Rotary embeddings turn the pair (x₁, x₂) of a key at position p by the angle p θ: (c x₁ − s x₂, c x₂ + s x₁) with c = a cos p θ,
s = a sin p θ, where a is a scale some models have. To turn a key from p to q is to undo that and do it again at q:

    (x₁, x₂) · (c_q, s_q) · conj(c_p, s_p) / (c_p² + s_p²)

The cosines are the model's own, so the result is what the model would have computed at q, to the last digits of its type; a turn
by (q − p) θ would differ by the rounding of the angles, 6e-5 at position 1000 in float32.
"""

from typing import Any, cast
from weakref import WeakSet

import torch
from jaxtyping import Float, Int
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.models.backbone import decoder, embed_tokens
from interlat.models.cache import KVState, extend

_WANTED = (
    "wanted a model whose keys carry the rotary phase of their position, as Llama's and Qwen's do, got {}; "
    "keep tracked positions, and send along a chain"
)
_PROBES = 4  # tokens whose keys are compared before a model is trusted
_AWAY = 37  # positions between them
_known: "WeakSet[nn.Module]" = WeakSet()


def turned(
    model: PreTrainedModel | PeftModel,
    keys: tuple[Float[Tensor, "heads tokens _"], ...],
    before: Int[Tensor, " tokens"],
    after: Int[Tensor, " tokens"],
) -> tuple[Float[Tensor, "heads tokens _"], ...]:
    """Keys as they would be had their entries stood elsewhere; values know no position.

    Args:
        model: whose keys they are.
        keys: one [kv_heads, tokens, head_dim] a layer.
        before: the position each was computed at.
        after: the position it is to have.

    Raises:
        InvalidSetting: if the model's keys do not turn with the position: checked once a model, on a few tokens in every layer.

    Gradient:
        Flows into ``keys``.
    """
    if torch.equal(before, after):
        return keys
    if decoder(model) not in _known:
        _check(model)
        _known.add(decoder(model))
    return _turned(model, keys, before, after)


def _turned(
    model: PreTrainedModel | PeftModel, keys: tuple[Tensor, ...], before: Tensor, after: Tensor
) -> tuple[Tensor, ...]:
    wide = torch.promote_types(keys[0].dtype, torch.float32)
    cos_before, sin_before = (phase.to(wide) for phase in _phases(model, before, keys[0].dtype))
    cos_after, sin_after = (phase.to(wide) for phase in _phases(model, after, keys[0].dtype))
    size = cos_before.pow(2) + sin_before.pow(2)
    cos = (cos_after * cos_before + sin_after * sin_before) / size
    sin = (sin_after * cos_before - cos_after * sin_before) / size
    return tuple(_turn(key, cos, sin) for key in keys)


def _turn(keys: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    width = 2 * cos.shape[-1]  # of models that turn a part of each head only, the rest stays
    first, second = keys[..., :width].to(cos).chunk(2, dim=-1)
    turned_part = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(keys.dtype)
    return torch.cat([turned_part, keys[..., width:]], dim=-1)


def _phases(model: PreTrainedModel | PeftModel, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the model's own, [tokens, half of what it turns of a head]."""
    rotary = getattr(decoder(model), "rotary_emb", None)
    rope = getattr(cast(Any, decoder(model).config), "rope_parameters", None) or {}
    kind = rope.get("rope_type", "several kinds")
    if rotary is None or kind in (
        "dynamic",
        "longrope",
        "several kinds",
    ):  # phases that change with the length of the text
        raise InvalidSetting(_WANTED.format("none" if rotary is None else f"rotary embeddings of type '{kind}'"))
    cos, sin = rotary(torch.empty(0, dtype=dtype, device=positions.device), positions[None])
    half = cos.shape[-1] // 2
    return cos[0, :, :half], sin[0, :, :half]


@torch.no_grad()
def _check(model: PreTrainedModel | PeftModel) -> None:
    """Keys of a token read alone at 0 and elsewhere must be each other, turned: alone it sees itself only, in every layer."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    embeddings = embed_tokens(model, torch.arange(_PROBES, device=device)[:, None])
    read = []
    for position in (0, _AWAY):
        state, where = KVState.empty(_PROBES, device), torch.full((_PROBES, 1), position, device=device)
        extend(model, state, embeddings, torch.ones_like(where, dtype=torch.bool), positions=where)
        # One sequence of the probes, so that all are turned at once.
        read.append(tuple(keys[:, :, 0].transpose(0, 1) for keys, _ in state.layers))
    model.train(was_training)
    start = torch.zeros(_PROBES, dtype=torch.long, device=device)
    expected = _turned(model, read[0], start, start + _AWAY)
    tolerance = max(1e-5, 10 * torch.finfo(read[0][0].dtype).eps)
    worst = max(
        float((got - want).abs().max() / want.abs().max().clamp(min=1e-6))
        for got, want in zip(read[1], expected, strict=True)
    )
    if worst > tolerance:
        raise InvalidSetting(_WANTED.format(f"keys that differ by {worst:.1e} of their size once turned"))
