"""Whether the actor finds its targets likelier under its own task's message. Knows nothing of how negatives are drawn."""

from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from interlat.losses.masking import masked_rows, mean_or_zero
from interlat.losses.precision import at_least_float32
from interlat.shapes import Logits, Scalar, TokenMask


def margin_loss(
    matched_logits: Logits,
    mismatched_logits: Logits,
    targets: Int[Tensor, "batch tokens"],
    mask: TokenMask,
    margin: float,
    detach_mismatched: bool = True,
) -> Scalar:
    """Ask that a target is likelier than under another task's message: (1/|S|) Σ_{t∈S} max(0, m − log p_t(y_t) + log p̃_t(y_t)).

    A start for L_sep, whose gradient vanishes where both predictions are equal; this one's is largest there, and nothing is left
    of it where the margin is met. Not in the Interlat paper (docs/decisions/0010-schedules.md).

    Args:
        matched_logits: actor logits given its own task's message.
        mismatched_logits: the same target tokens, given another task's message of the same rate and length.
        targets: token ids; position t predicts ``targets[:, t]``.
        mask: True at supervised positions S.
        margin: m in nats, above 0.
        detach_mismatched: whether the mismatched branch is a constant.

    Returns:
        Nats, mean over S, at least 0; 0 if S is empty.

    Raises:
        ValueError: if the margin is not above 0.

    Gradient:
        Flows into ``matched_logits`` at positions short of the margin, and into ``mismatched_logits`` only with
        ``detach_mismatched=False``.
    """
    if not margin > 0:
        raise ValueError(f"the margin must be above 0 nats, got {margin}; leave the term out with weight 0")
    if detach_mismatched:
        mismatched_logits = mismatched_logits.detach()
    right = targets[mask]
    matched, mismatched = (
        -functional.cross_entropy(at_least_float32(masked_rows(logits, mask)), right, reduction="none")
        for logits in (matched_logits, mismatched_logits)
    )
    return mean_or_zero((margin - matched + mismatched).clamp(min=0))
