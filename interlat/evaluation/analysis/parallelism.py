"""Parallelism of latent steps: how many tokens each latent holds at once, read through the LM head (Figures 5, 9, 10).

A latent that predicts one word has nearly all its mass on one token; one that keeps several continuations open spreads it. Little
mass on the top ten may also mean that the model is merely unsure, as a reviewer objected, so the entropy stands beside it.
Knows no files and no command line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.models.backbone import token_logits

TOP = 10  # tokens of S10
SHOWN = 6  # cumulative curves, top-1 to top-6
PERCENTILES = tuple(range(0, 101, 5))  # of tasks, %


@dataclass(frozen=True)
class TokenMass:
    """What latents say through an LM head, latent by latent.

    Args:
        cumulative: mass of the top 1..6 tokens over that of the top 10, [latents, 6], in (0, 1].
        s10: S10, mass of the top 10 tokens, [latents], in (0, 1].
        entropy: of the whole distribution, [latents], nats.
    """

    cumulative: Float[Tensor, "latents shown"]
    s10: Float[Tensor, " latents"]
    entropy: Float[Tensor, " latents"]


@dataclass(frozen=True)
class Step:
    """One latent step over all tasks that have it.

    Args:
        step: from 1.
        tasks: how many have it; plans differ in length.
        p50_s10: P50(S10), the median of S10 over tasks.
        p50_entropy: median entropy, nats.
        cumulative_percentiles: for the top 1..6, the cumulative normalised mass at each of ``PERCENTILES`` of tasks, tasks sorted by it.
    """

    step: int
    tasks: int
    p50_s10: float
    p50_entropy: float
    cumulative_percentiles: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SourceSteps:
    """All steps of one source of latents.

    Args:
        name: ``sender``, ``compressor K = 8``, ``… untrained`` or ``backbone``.
        vocab: tokens of its LM head.
        steps: in order.
    """

    name: str
    vocab: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Parallelism:
    """All sources.

    Args:
        percentiles: of tasks, %, for every ``cumulative_percentiles``.
        sources: one each.
    """

    percentiles: tuple[int, ...]
    sources: tuple[SourceSteps, ...]


def token_mass(logits: Float[Tensor, "latents vocab"]) -> TokenMass:
    """Cumulative mass of the top 1..6 tokens over the top-10 mass, S10 itself, and entropy.

    Args:
        logits: of an LM head, any floating type; a vocabulary of fewer than ten tokens is all in its top ten.
    """
    log_p = torch.log_softmax(logits.double(), dim=-1)
    top = log_p.topk(min(TOP, log_p.shape[-1]), dim=-1).values.exp()
    s10 = top.sum(dim=-1)
    p = log_p.exp()
    # A token of no mass adds nothing: 0·log 0 is 0 in the limit.
    entropy = -torch.where(p > 0, p * log_p, torch.zeros_like(p)).sum(dim=-1)
    return TokenMass(top[:, :SHOWN].cumsum(dim=-1) / s10[:, None], s10, entropy)


def steps_of(name: str, vocab: int, masses: Sequence[TokenMass], max_steps: int) -> SourceSteps:
    """Medians and percentiles over tasks, step by step.

    Args:
        name: of the source.
        vocab: of its LM head.
        masses: one a task, each of its own number of latents.
        max_steps: steps looked at; they end sooner where no task has more.
    """
    longest = max((len(of.s10) for of in masses), default=0)
    levels = torch.tensor(PERCENTILES, dtype=torch.float64) / 100
    steps = []
    for at in range(min(max_steps, longest)):
        there = [of for of in masses if len(of.s10) > at]
        s10 = torch.stack([of.s10[at] for of in there])
        entropy = torch.stack([of.entropy[at] for of in there])
        curves = torch.quantile(torch.stack([of.cumulative[at] for of in there]), levels, dim=0)  # [percentiles, shown]
        steps.append(
            Step(
                at + 1,
                len(there),
                float(torch.quantile(s10, 0.5)),
                float(torch.quantile(entropy, 0.5)),
                tuple(tuple(curve) for curve in curves.T.tolist()),
            )
        )
    return SourceSteps(name, vocab, tuple(steps))


@torch.no_grad()
def source_steps(
    name: str, lm: PreTrainedModel | PeftModel, messages: Iterable[Float[Tensor, "_ dim"]], max_steps: int
) -> SourceSteps:
    """Push the first latents of each message through the head of the model that made them.

    Args:
        name: of the source.
        lm: that model.
        messages: one a task.
        max_steps: latents looked at.
    """
    masses, vocab = [], 0
    for latents in messages:
        logits = token_logits(lm, latents[:max_steps].to(lm.device, lm.dtype)).cpu()
        vocab = logits.shape[-1]
        masses.append(token_mass(logits))
    return steps_of(name, vocab, masses, max_steps)
