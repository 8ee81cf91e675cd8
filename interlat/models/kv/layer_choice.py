"""Which layers of a KV message are worth sending, by where a receiver looks; knows nothing of agents or prompts.

Source: KVComm (arXiv 2510.03346): attention mass on a few calibration tasks, with a Gaussian prior around the middle layers.
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.messages import KVMessage
from interlat.models.backbone import causal_lm, decoder
from interlat.models.cache import extend
from interlat.models.kv.batching import state_of


@torch.no_grad()
def attention_mass(
    model: PreTrainedModel | PeftModel,
    messages: Sequence[KVMessage],
    embeddings: Float[Tensor, "batch tokens dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, " layers"]:
    """How much of its attention a receiver gives to the messages before it, in each layer.

    Args:
        model: the receiver.
        messages: one for each row.
        embeddings: what the receiver reads behind them.
        mask: True at real ones.

    Returns:
        For each layer, the attention that falls on the message, mean over heads and real queries of all rows, in [0, 1].
    """
    lm, state = causal_lm(model), state_of(messages)
    width = state.mask.shape[1]
    shares: list[Tensor] = []

    def note(_: Any, __: Any, output: Any) -> None:
        weights = output[1]  # [batch, heads, queries, entries]
        shares.append(weights[..., :width].sum(dim=-1).mean(dim=1)[mask].mean())

    # Only plain attention hands its weights out.
    before = lm.config._attn_implementation
    hooks = [layer.self_attn.register_forward_hook(note) for layer in cast(Any, decoder(model)).layers]
    try:
        lm.set_attn_implementation("eager")
        extend(model, state, embeddings, mask)
    finally:
        lm.set_attn_implementation(before)
        for hook in hooks:
            hook.remove()
    return torch.stack(shares)


def choose_layers(
    mass: Float[Tensor, " layers"],
    share: float,
    attention_weight: float = 1.0,
    centre: float = 0.5,
    width: float = 10.0,
) -> tuple[int, ...]:
    """The ⌈share · L⌉ layers of the highest score, in order.

    score = w · mass / max mass + (1 − w) · exp(−(l − μ)² / 2 σ²), μ = centre · (L − 1)

    Args:
        mass: what `attention_mass` gives, mean over calibration tasks.
        share: of the layers, within (0, 1]; the paper finds 0.3 to suffice on questions over documents.
        attention_weight: w in [0, 1]; the release takes 1 unless told, so that the prior plays no part.
        centre: of the prior, as a share of the depth.
        width: σ, in layers.

    Raises:
        InvalidSetting: if a share or weight is out of range.
    """
    if not 0 < share <= 1 or not 0 <= attention_weight <= 1 or width <= 0:
        raise InvalidSetting(
            "wanted a share within (0, 1], an attention weight within [0, 1] and a width above 0, "
            f"got {share}, {attention_weight} and {width}; correct the one that is out of range"
        )
    depth = torch.arange(len(mass), dtype=torch.float64)
    prior = torch.exp(-((depth - centre * (len(mass) - 1)) ** 2) / (2 * width**2))
    seen = mass.double().cpu()
    score = attention_weight * seen / seen.max().clamp(min=1e-12) + (1 - attention_weight) * prior
    best = score.argsort(descending=True, stable=True)[: math.ceil(share * len(mass) - 1e-9)]
    return tuple(sorted(best.tolist()))
