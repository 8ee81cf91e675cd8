"""How far the actor reading latents is from the same actor reading the plan's text. Knows nothing of splicing."""

from torch.nn import functional

from interlat.losses.divergence import kl_divergence
from interlat.losses.masking import masked_rows, mean_or_zero
from interlat.losses.precision import at_least_float32
from interlat.shapes import Logits, Scalar, TokenMask


def alignment_loss(
    latent_logits: Logits, plan_logits: Logits, mask: TokenMask, kl_weight: float, cosine_weight: float
) -> Scalar:
    """Keep predictions under latents near those under the plan's text.

    (1/|S|) Σ_{t∈S} [β KL(p_t‖p_t^plan) + α (1 − cos(z_t, z_t^plan))].
    Source: L_align of the Interlat paper, §3.2. Direction: KL of the latent distribution from the plan's
    (docs/decisions/0002-alignment-kl-direction.md). The cosine is between the two logit vectors of a position.

    Args:
        latent_logits: actor logits given the latent message.
        plan_logits: the same target tokens, scored by the same actor with the plan's text where the message goes.
        mask: True at supervised positions S.
        kl_weight: β, weight of the KL term; the authors' release uses 0.7.
        cosine_weight: α, weight of the cosine term; the authors' release uses 0.3. The cosine has no unit.

    Returns:
        Weighted sum (nats where only β counts), mean over S, at least 0; 0 if S is empty.

    Gradient:
        Flows into ``latent_logits`` only; ``plan_logits`` are a constant.
    """
    latent = at_least_float32(masked_rows(latent_logits, mask))
    plan = at_least_float32(masked_rows(plan_logits.detach(), mask))
    cosine = functional.cosine_similarity(latent, plan, dim=-1)
    return mean_or_zero(kl_weight * kl_divergence(latent, plan) + cosine_weight * (1 - cosine))
