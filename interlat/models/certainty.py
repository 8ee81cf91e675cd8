"""How sure a model was of each token that it chose: its negative log-likelihood, and the entropy it was chosen from.

Both at temperature 1 on the model's own logits, whatever temperature, top_k and top_p the token was drawn with. Knows no decoding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interlat.errors import InvalidSetting


@dataclass(frozen=True)
class Certainty:
    """Of every token of one row, in order; the stop token counts where it came.

    Args:
        nll: −log p(token), nats.
        entropies: −Σ p log p of the next-token distribution that the token was chosen from, nats, within [0, ln vocabulary].
    """

    nll: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()


class Certainties:
    """Collects certainties while rows are decoded; collects nothing, and computes nothing, where they are not wanted.

    Args:
        rows: of the batch.
        wanted: whether to collect.
    """

    def __init__(self, rows: int, wanted: bool) -> None:
        self._found: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
        self._wanted = wanted

    def add(self, rows: Sequence[int], logits: Float[Tensor, "running vocab"], tokens: Int[Tensor, " running"]) -> None:
        """Take in the next token of some rows.

        Args:
            rows: which of the batch.
            logits: that each token was chosen from.
            tokens: chosen.

        Raises:
            InvalidSetting: if a logit is NaN or infinite in a way that leaves no number.
        """
        if not self._wanted:
            return
        found = torch.stack(nll_and_entropy(logits, tokens), dim=1).tolist()  # one wait for the device, not two
        for row, (nll, entropy) in zip(rows, found, strict=True):
            if not math.isfinite(nll + entropy):
                raise InvalidSetting(
                    f"wanted finite logits to measure how sure an answer is, got a negative log-likelihood of {nll} and an entropy of "
                    f"{entropy}; load the model in a wider dtype"
                )
            self._found[row].append((nll, entropy))

    def of(self, row: int) -> Certainty:
        """What was collected of a row; empty where nothing was wanted."""
        return Certainty(tuple(nll for nll, _ in self._found[row]), tuple(entropy for _, entropy in self._found[row]))


def nll_and_entropy(
    logits: Float[Tensor, "batch vocab"], tokens: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """−log p(token) and −Σ p log p, with p = softmax(logits); in float32 at least.

    Args:
        logits: of the next token; −∞ leaves a token out.
        tokens: that came.

    Returns:
        Both in nats, a number a row.
    """
    log_p = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)
    weighed = log_p.exp() * log_p.clamp(
        min=torch.finfo(log_p.dtype).min
    )  # 0 · −∞ is nothing; torch's own entr takes logarithms again
    # From 0, and not by a minus: where a token is certain, 0 and not −0.
    return 0 - log_p.gather(-1, tokens[:, None])[:, 0], 0 - weighed.sum(dim=-1)
