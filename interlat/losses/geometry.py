"""Whether a compressed message points where the full one does. Knows nothing of what the actor does with either."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from interlat.losses.precision import at_least_float32
from interlat.shapes import Scalar


def geometry_loss(
    compressed: Float[Tensor, "batch compressed dim"],
    full: Float[Tensor, "batch latents dim"],
    compressed_mask: Bool[Tensor, "batch compressed"],
    full_mask: Bool[Tensor, "batch latents"],
) -> Scalar:
    """1 − cos of the two messages' mean vectors, after the adapter.

    Source: L_geom of the Interlat paper, §4 and App. B. The paper resamples the full message to K vectors before it
    takes their mean; the mean needs no resampling, so all L vectors count here.

    Args:
        compressed: adapted vectors of the compressed messages.
        full: adapted vectors of the full messages.
        compressed_mask: True at real vectors of ``compressed``.
        full_mask: True at real vectors of ``full``.

    Returns:
        No unit, mean over the batch, in [0, 2]. A message without a real vector has no direction and counts 1;
        0 if the batch is empty.

    Gradient:
        Flows into ``compressed`` only; ``full`` is a constant.
    """
    cosine = functional.cosine_similarity(
        _masked_mean(compressed, compressed_mask), _masked_mean(full.detach(), full_mask)
    )
    return (1 - cosine).sum() / max(len(cosine), 1)


def _masked_mean(
    vectors: Float[Tensor, "batch items dim"], mask: Bool[Tensor, "batch items"]
) -> Float[Tensor, "batch dim"]:
    kept = at_least_float32(vectors).masked_fill(~mask[..., None], 0)
    return kept.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
