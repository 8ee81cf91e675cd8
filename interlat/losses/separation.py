"""Whether the actor's predictions depend on which message it reads. Knows nothing of how negatives are drawn."""

from interlat.losses.divergence import js_divergence
from interlat.losses.masking import masked_rows, mean_or_zero
from interlat.shapes import Logits, Scalar, TokenMask


def separation_loss(
    matched_logits: Logits, mismatched_logits: Logits, mask: TokenMask, detach_mismatched: bool = True
) -> Scalar:
    """Reward predictions that change when the message is another task's: −(1/|S|) Σ_{t∈S} JS(p_t, p̃_t).

    Source: L_sep of the Interlat paper, "conditional thought separation", §3.2. Direction: JS is symmetric.

    Args:
        matched_logits: actor logits given its own task's message.
        mismatched_logits: the same target tokens, given another task's message of the same rate and length.
        mask: True at supervised positions S.
        detach_mismatched: whether the mismatched branch is a constant, which also spares its activations.

    Returns:
        Nats, mean over S, in [−ln 2, 0]; 0 if S is empty.

    Gradient:
        Flows into ``matched_logits``, and into ``mismatched_logits`` only with ``detach_mismatched=False``
        (the paper does not say; see docs/decisions/0001-separation-gradient.md).
    """
    if detach_mismatched:
        mismatched_logits = mismatched_logits.detach()
    return -mean_or_zero(js_divergence(masked_rows(matched_logits, mask), masked_rows(mismatched_logits, mask)))
