"""Divergences between next-token distributions, per position, in nats. Knows nothing of masks, messages or stages."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.losses.precision import at_least_float32

MAX_JS = math.log(2)  # nats; reached by distributions that share no token


def kl_divergence(
    p_logits: Float[Tensor, "*positions vocab"], q_logits: Float[Tensor, "*positions vocab"]
) -> Float[Tensor, "*positions"]:
    """KL(p‖q) = Σ_v p_v (log p_v − log q_v): how badly q codes what p says.

    Direction: the first argument is the distribution the mean is taken over.

    Args:
        p_logits: logits of p; finite, any floating type.
        q_logits: logits of q.

    Returns:
        Nats per position, at least 0 up to rounding; no reduction. float32, or float64 where an input is.

    Gradient:
        Flows into both; detach the one that is a constant.
    """
    return _kl(_log_probabilities(p_logits), _log_probabilities(q_logits))


def js_divergence(
    p_logits: Float[Tensor, "*positions vocab"], q_logits: Float[Tensor, "*positions vocab"]
) -> Float[Tensor, "*positions"]:
    """JS(p, q) = ½ KL(p‖m) + ½ KL(q‖m), m = (p + q)/2: the standard Jensen-Shannon divergence.

    Direction: symmetric; both KL terms are taken over p and q, not over the mixture.

    Args:
        p_logits: logits of p; finite, any floating type.
        q_logits: logits of q.

    Returns:
        Nats per position, in [0, ln 2]; no reduction. float32, or float64 where an input is.

    Gradient:
        Flows into both; it vanishes where p = q.
    """
    log_p, log_q = _log_probabilities(p_logits), _log_probabilities(q_logits)
    log_m = torch.logaddexp(log_p, log_q) - MAX_JS
    divergence = (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2
    # Rounding can leave the value 1e-8 outside its range. Only the value is put back: a clamp would also cut the
    # gradient, and near p = q, where a young actor starts, that gradient is all there is to learn from.
    return divergence + (divergence.clamp(0, MAX_JS) - divergence).detach()


def _log_probabilities(logits: Float[Tensor, "*positions vocab"]) -> Float[Tensor, "*positions vocab"]:
    return torch.log_softmax(at_least_float32(logits), dim=-1)


def _kl(
    log_p: Float[Tensor, "*positions vocab"], log_q: Float[Tensor, "*positions vocab"]
) -> Float[Tensor, "*positions"]:
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1)
