"""Batched token-by-token decoding that keeps the state behind every token; knows nothing of prompts or agents.

Our own loop, because ``generate`` returns silently wrong tokens when embeddings follow a cached prefix, and keeps every
layer's states of every step where only the last is wanted.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Args:
        temperature: 0 takes the most likely token; above 0 samples.
        top_p: share of probability mass kept when sampling, within (0, 1].
        top_k: number of tokens kept when sampling; 0 keeps all.
        max_new_tokens: cut after this many tokens.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 64


@dataclass(frozen=True)
class Decoded:
    """One decoded row: its token ids (stop token left out) and, for each, the state that predicted it.

    Args:
        ids: the L tokens.
        states: last-layer states after the final norm, [L, D]; ``states[l]`` predicted ``ids[l]``. Empty if not asked for.
        stopped: whether the stop token came before the cut.
    """

    ids: list[int]
    states: Float[Tensor, "latents dim"]
    stopped: bool


@torch.no_grad()
def decode(  # noqa: PLR0913 - each argument is one tensor or one setting; a bundle would only rename them
    model: PreTrainedModel | PeftModel,
    state: KVState,
    first: Float[Tensor, "batch dim"],
    stop_id: int,
    sampling: Sampling,
    generator: torch.Generator | None = None,
    *,
    keep_states: bool = False,
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
        generator: required when sampling; rows draw from it in order.
        keep_states: keep the state behind each token.
    """
    ids: list[list[int]] = [[] for _ in range(len(first))]
    kept: list[list[Tensor]] = [[] for _ in range(len(first))]
    running = torch.ones(len(first), dtype=torch.bool, device=first.device)
    current = first
    for _ in range(sampling.max_new_tokens):
        tokens = choose(token_logits(model, current), sampling, generator)
        now_running = running & (tokens != stop_id)
        for row in torch.nonzero(now_running).flatten().tolist():
            ids[row].append(int(tokens[row]))
            if keep_states:
                kept[row].append(current[row])
        # A row's stop token is read too, so that the conversation in the cache is complete.
        current = extend(model, state, embed_tokens(model, tokens[:, None]), running[:, None])[:, 0]
        running = now_running
        if not bool(running.any()):
            break
    width = first.shape[1]
    return [
        Decoded(row_ids, torch.stack(row_states) if row_states else first.new_zeros(0, width), not bool(still))
        for row_ids, row_states, still in zip(ids, kept, running, strict=True)
    ]


def choose(
    logits: Float[Tensor, "batch vocab"], sampling: Sampling, generator: torch.Generator | None
) -> Int[Tensor, " batch"]:
    """Choose the next token of each row."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.float() / sampling.temperature
    if sampling.top_k:
        kth = scaled.topk(min(sampling.top_k, scaled.shape[-1])).values[..., -1:]
        scaled = scaled.masked_fill(scaled < kth, -torch.inf)
    if sampling.top_p < 1:
        ordered, order = scaled.sort(dim=-1, descending=True)
        mass = ordered.softmax(dim=-1)
        # A token stays while the mass before it is below top_p: at least the first always does.
        drop = mass.cumsum(dim=-1) - mass >= sampling.top_p
        scaled = scaled.masked_fill(torch.zeros_like(drop).scatter(1, order, drop), -torch.inf)
    return torch.multinomial(scaled.softmax(dim=-1), 1, generator=generator)[:, 0]
