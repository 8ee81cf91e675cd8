"""Batched token-by-token decoding that keeps the state behind every token; knows nothing of prompts or agents.

Our own loop, because ``generate`` returns silently wrong tokens when embeddings follow a cached prefix, keeps every layer's states
of every step where only the last is wanted, and draws all rows from one stream, so that a sample depends on its batch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend
from interlat.models.certainty import Certainties, Certainty

# One that all rows draw from in order, or one a row: then what a row draws does not depend on its batch.
Generators: TypeAlias = torch.Generator | Sequence[torch.Generator]
# Tokens looked at first for top_p: they nearly always hold its mass, and sorting a whole vocabulary costs 30 times as much.
_LIKELIEST = 256


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Args:
        temperature: 0 takes the most likely token; above 0 samples.
        top_p: share of probability mass kept when sampling, within (0, 1].
        top_k: number of tokens kept when sampling; 0 keeps all.
        max_new_tokens: cut after this many tokens.

    Raises:
        InvalidSetting: if a value is out of range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.temperature >= 0 or not 0 < self.top_p <= 1 or min(self.top_k, self.max_new_tokens) < 0:
            raise InvalidSetting(
                f"sampling wants a temperature, top_k and max_new_tokens of at least 0 and top_p within (0, 1], got {self}; "
                "correct the one that is out of range"
            )


@dataclass(frozen=True)
class Decoded:
    """One decoded row: its token ids (stop token left out) and, for each, the state that predicted it.

    Args:
        ids: the L tokens.
        states: last-layer states after the final norm, [L, D]; ``states[l]`` predicted ``ids[l]``. Empty if not asked for.
        stopped: whether the stop token came before the cut.
        certainty: of the L tokens, and of the stop token where it came. Empty if not asked for.
    """

    ids: list[int]
    states: Float[Tensor, "latents dim"]
    stopped: bool
    certainty: Certainty = field(default_factory=Certainty)


@torch.no_grad()
def decode(  # noqa: PLR0913 - each argument is one tensor or one setting; a bundle would only rename them
    model: PreTrainedModel | PeftModel,
    state: KVState,
    first: Float[Tensor, "batch dim"],
    stop_id: int,
    sampling: Sampling,
    generator: Generators | None = None,
    *,
    keep_states: bool = False,
    reads_on: bool = True,
    measure: bool = False,
) -> list[Decoded]:
    """Decode every row until its stop token or the cut, starting from the state that predicts its first token.

    On return the cache holds every emitted token of every row, the stop token included where it came; a row that had
    stopped earlier holds masked entries instead. A row that was cut has its last token in the cache too.

    Args:
        model: the causal LM.
        state: the cache behind ``first``; updated in place.
        first: last-layer state at the last token read.
        stop_id: the token that ends a row.
        sampling: how tokens are chosen.
        generator: required when sampling. One that all rows draw from in order; or one a row, drawn from once for each token and no
            more once the row has ended, so that the row says the same alone and in any batch, also in its next turn.
        keep_states: keep the state behind each token.
        reads_on: whether the caller reads on from the cache. Where not, rows leave the batch as they end instead of being computed
            to its end, no stop token is read, and what is left of the cache is of no use.
        measure: keep how sure the model was of each token; the tokens are the same, and nothing is read twice.

    Raises:
        InvalidSetting: if tokens are to be sampled and there is no generator, or not one for each row; or a measure is not finite.
    """
    rows = len(first)
    ids: list[list[int]] = [[] for _ in range(rows)]
    kept: list[list[Tensor]] = [[] for _ in range(rows)]
    held, running = list(range(rows)), list(range(rows))  # rows in the batch, and those of them that have not ended
    certainties = Certainties(rows, measure)
    current = first
    for _ in range(sampling.max_new_tokens):
        states = current[[held.index(row) for row in running]]
        logits = token_logits(model, states)
        tokens = _chosen(logits, sampling, generator, running, rows)
        certainties.add(running, logits, tokens)
        said = dict(zip(running, tokens.tolist(), strict=True))
        running = [row for row in running if said[row] != stop_id]
        for row, behind in zip(said, states, strict=True):
            if row in running:
                ids[row].append(said[row])
                if keep_states:
                    kept[row].append(behind)
        if not reads_on and len(running) < len(held):
            if not running:
                break
            state.select([held.index(row) for row in running])
            held = running
        # A row's stop token is read too, so that the conversation in the cache is complete; what ended before reads a pad.
        fed = torch.tensor([[said.get(row, 0)] for row in held], device=first.device)
        real = torch.tensor([[row in said] for row in held], device=first.device)
        current = extend(model, state, embed_tokens(model, fed), real)[:, 0]
        if not running:
            break
    nothing = first.new_zeros(0, first.shape[1])
    return [
        Decoded(ids[row], torch.stack(kept[row]) if kept[row] else nothing, row not in running, certainties.of(row))
        for row in range(rows)
    ]


def choose(
    logits: Float[Tensor, "batch vocab"], sampling: Sampling, generator: Generators | None
) -> Int[Tensor, " batch"]:
    """Choose the next token of each row: the most likely one, or one drawn by a single uniform number u.

    The token is the first one, in the vocabulary's order, at which the sum of the weights so far exceeds u times their total. A token
    of weight w is taken by an interval of u of length w, so it is drawn with probability w / total: exactly, up to the rounding
    of sums in float64. Temperature comes first, then top_k, then top_p of what is left; tokens as likely as the last one kept are kept.

    One number a row and token, and the vocabulary's order in place of that of the probabilities, make a draw stable: logits that
    differ in their last digits, as those of one question in two batches do, change it with a probability of that size.

    Args:
        logits: of each row; -∞ leaves a token out.
        sampling: how.
        generator: one for all rows or one a row, on any device; on the CPU it draws the same numbers wherever the model is.

    Raises:
        InvalidSetting: if tokens are to be sampled and there is no generator, or not one for each row; or logits are not finite.
    """
    rows = list(range(len(logits)))
    return _chosen(logits, sampling, generator, rows, len(rows))


def keyed_generators(keys: Sequence[str]) -> list[torch.Generator]:
    """One generator a row, on the CPU, seeded by the hash of its key: equal keys draw equal numbers, on any machine and in any batch."""
    digests = (hashlib.sha256(key.encode()).digest() for key in keys)
    return [torch.Generator().manual_seed(int.from_bytes(digest[:7])) for digest in digests]


def _chosen(
    logits: Float[Tensor, "running vocab"],
    sampling: Sampling,
    generator: Generators | None,
    running: Sequence[int],
    rows: int,
) -> Int[Tensor, " running"]:
    """The next tokens of some rows of a batch."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    numbers = _numbers(generator, sampling, running, rows)
    # Where a device knows no float64, the sums are done beside it.
    device = torch.device("cpu") if logits.device.type == "mps" else logits.device
    weights = _weights(logits.to(device), sampling)
    sums = weights.cumsum(dim=-1)
    total = sums[:, -1:]
    if not bool(total.isfinite().all()):
        raise InvalidSetting("sampling wants finite logits, got NaN or infinity; load the model in a wider dtype")
    # Rounding may lift u · total to the total itself, which no sum exceeds.
    wanted = torch.minimum(numbers.to(device)[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(sums, wanted, right=True)[:, 0].to(logits.device)


def _weights(logits: Float[Tensor, "running vocab"], sampling: Sampling) -> Float[Tensor, "running vocab"]:
    """Probabilities of the tokens kept, 0 at the others; not made to sum to 1 again."""
    scaled = logits.double() / sampling.temperature
    if sampling.top_k:
        kth = scaled.topk(min(sampling.top_k, scaled.shape[-1])).values[..., -1:]
        scaled = scaled.masked_fill(scaled < kth, -torch.inf)
    weights = scaled.softmax(dim=-1)
    return weights if sampling.top_p == 1 else weights * _nucleus(weights, sampling.top_p)


def _nucleus(weights: Float[Tensor, "running vocab"], top_p: float) -> Bool[Tensor, "running vocab"]:
    """True at a token while the mass of those likelier is below top_p: at least the first always is."""
    width = _LIKELIEST
    while True:
        top = weights.topk(min(width, weights.shape[-1])).values
        sums = top.cumsum(dim=-1)
        if top.shape[-1] == weights.shape[-1] or bool((sums[:, -1] >= top_p).all()):
            break
        width *= 8
    kept = sums - top < top_p
    return weights >= top.masked_fill(~kept, torch.inf).amin(dim=-1, keepdim=True)


def _numbers(
    generator: Generators | None, sampling: Sampling, running: Sequence[int], rows: int
) -> Float[Tensor, " running"]:
    """One number within [0, 1) for each running row of a batch."""
    if isinstance(generator, torch.Generator):
        # All rows of the batch draw at every step, so that a row's numbers do not depend on when others end.
        return torch.rand(rows, generator=generator, device=generator.device, dtype=torch.float64)[list(running)]
    if generator is None or len(generator) != rows:
        raise InvalidSetting(
            f"to sample at temperature {sampling.temperature}, wanted a generator, or one for each of {rows} rows, got "
            f"{'none' if generator is None else len(generator)}; give torch.Generator().manual_seed(…), or take temperature 0"
        )
    given = [generator[row] for row in running]
    return torch.stack([torch.rand((), generator=each, device=each.device, dtype=torch.float64) for each in given])
