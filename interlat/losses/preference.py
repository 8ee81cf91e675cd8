"""Whether a compressed message leads the actor where the full one did, where that one helped. Knows no model."""

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.errors import InvalidSetting
from interlat.losses.divergence import kl_divergence
from interlat.losses.precision import at_least_float32
from interlat.shapes import Scalar


def preference_loss(
    compressed_logits: Float[Tensor, "positions vocab"],
    full_logits: Float[Tensor, "positions vocab"],
    silent_logits: Float[Tensor, "positions vocab"],
    temperature: float,
    clip_quantile: float | None = None,
) -> Scalar:
    """T² Σ_t w_t KL(p_t^full‖p_t^compressed) / Σ_t w_t, with w_t = max(0, H(p_t^silent) − H(p_t^full)).

    Source: L_pref of the Interlat paper, §4 and App. B. All distributions and both entropies are at temperature T.
    Direction: KL of the full message's distribution from the compressed one's. T² undoes the 1/T² that the temperature
    puts on the gradient.

    Args:
        compressed_logits: frozen-actor logits at the N supervised positions, given the compressed message.
        full_logits: the same, given the full message.
        silent_logits: the same, given no message.
        temperature: T > 0; the paper asks for T ≥ 1, the authors' release uses 4.
        clip_quantile: within (0, 1]; weights are clipped at this quantile of the positive ones, so that a few
            very uncertain positions do not drown the rest. None clips nothing; the authors' release uses 0.95.

    Returns:
        Nats, weighted mean over the positions with weight, at least 0; 0 where no position has weight.

    Raises:
        InvalidSetting: if ``temperature`` or ``clip_quantile`` is out of range.

    Gradient:
        Flows into ``compressed_logits`` only; the other two, and so the weights, are constants.
    """
    if temperature <= 0:
        raise InvalidSetting(f"temperature must be above 0, got {temperature}; the paper uses values of 1 and more")
    if clip_quantile is not None and not 0 < clip_quantile <= 1:
        raise InvalidSetting(f"clip_quantile must be within (0, 1], got {clip_quantile}; leave it out to clip nothing")
    compressed, full, silent = (
        at_least_float32(logits) / temperature
        for logits in (compressed_logits, full_logits.detach(), silent_logits.detach())
    )
    weights = (_entropy(silent) - _entropy(full)).clamp(min=0)
    positive = weights[weights > 0]
    if positive.numel() == 0:
        return compressed.sum() * 0
    if clip_quantile is not None:
        weights = weights.clamp(max=torch.quantile(positive, clip_quantile))
    return temperature**2 * (weights * kl_divergence(full, compressed)).sum() / weights.sum()


def _entropy(logits: Float[Tensor, "positions vocab"]) -> Float[Tensor, " positions"]:
    log_p = torch.log_softmax(logits, dim=-1)
    return -(log_p.exp() * log_p).sum(dim=-1)
