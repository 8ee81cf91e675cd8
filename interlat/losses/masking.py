"""Which position predicts which token, and means over a mask. Knows no loss and no model."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

from interlat.shapes import Scalar


class TokenPairs(NamedTuple):
    """Predicting positions beside the tokens they predict.

    Args:
        predicting: logits (or states) at the positions 0 .. T-2.
        targets: the tokens at the positions 1 .. T-1.
        mask: True where the target is supervised.
    """

    predicting: Float[Tensor, "batch pairs width"]
    targets: Int[Tensor, "batch pairs"]
    mask: Bool[Tensor, "batch pairs"]


class Supervised(NamedTuple):
    """The supervised positions of a whole batch in one row each, in batch order.

    Args:
        logits: logits (or states) that predict each supervised token.
        targets: the supervised tokens.
    """

    logits: Float[Tensor, "positions width"]
    targets: Int[Tensor, " positions"]


def next_token_pairs(
    predictions: Float[Tensor, "batch tokens width"],
    tokens: Int[Tensor, "batch tokens"],
    supervised_mask: Bool[Tensor, "batch tokens"],
) -> TokenPairs:
    """Put each token beside the position that predicts it; the one place in the library that shifts.

    ```
    position      0     1     2     3
    token         a     b     c     d
    supervised    -     -     y     y
    pairs         0->b  1->c  2->d
    mask          -     y     y
    ```

    All three results are views: nothing is copied.

    Args:
        predictions: logits, or the states they come from, at every position.
        tokens: token ids at every position.
        supervised_mask: True at the tokens the loss asks for. The token at position 0 has nothing before it
            and is never asked for.

    Returns:
        Pairs for the positions 0 .. T-2.

    Gradient:
        Flows into ``predictions``.
    """
    return TokenPairs(predictions[:, :-1], tokens[:, 1:], supervised_mask[:, 1:])


def supervised_logits(
    predictions: Float[Tensor, "batch tokens width"],
    tokens: Int[Tensor, "batch tokens"],
    supervised_mask: Bool[Tensor, "batch tokens"],
) -> Supervised:
    """Gather only the positions that predict a supervised token.

    Sequences that carry different messages have different lengths but the same supervised tokens in the same order,
    so their rows line up. Given last-layer states in place of logits, only N rows ever meet the vocabulary.

    Args:
        predictions: logits, or the states they come from, at every position.
        tokens: token ids at every position.
        supervised_mask: True at the tokens the loss asks for.

    Returns:
        [N, width] rows and their N targets. A loss takes them as ``logits[None]`` with a mask of ones.

    Gradient:
        Flows into ``predictions`` at the gathered positions.
    """
    pairs = next_token_pairs(predictions, tokens, supervised_mask)
    return Supervised(pairs.predicting[pairs.mask], pairs.targets[pairs.mask])


def masked_rows(
    values: Float[Tensor, "batch tokens width"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "positions width"]:
    """Rows where ``mask`` is True; a view where that is all of them.

    Selecting before computing keeps whatever stands at padding, be it NaN, out of values and gradients.
    """
    if bool(mask.all()):
        return values.flatten(0, 1)
    return values[mask]


def mean_or_zero(values: Float[Tensor, " positions"]) -> Scalar:
    """Mean, or 0 (with a gradient of 0) where there is nothing to average."""
    return values.sum() / max(values.numel(), 1)
