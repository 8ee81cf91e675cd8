"""How well the actor predicts the supervised tokens. Knows nothing of messages."""

from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from interlat.losses.masking import masked_rows
from interlat.losses.precision import at_least_float32
from interlat.shapes import Logits, Scalar, TokenMask


def task_loss(logits: Logits, targets: Int[Tensor, "batch tokens"], mask: TokenMask) -> Scalar:
    """Mean cross-entropy of the targets: −(1/|S|) Σ_{t∈S} log p_t(y_t).

    Source: L_task of the Interlat paper, §3.2.

    Args:
        logits: at predicting positions: position t predicts ``targets[:, t]``.
        targets: token ids.
        mask: True at supervised positions S.

    Returns:
        Nats per supervised token over the whole batch (each token weighs the same), at least 0; 0 if S is empty.

    Gradient:
        Flows into ``logits``.
    """
    rows = at_least_float32(masked_rows(logits, mask))
    return functional.cross_entropy(rows, targets[mask], reduction="sum") / max(len(rows), 1)
