"""What a trace is taught beyond its target: that it is used (L_sep), and that it leads where words would (L_align). Knows no Lightning.

    L = L_task + λ_S·L_sep + λ_A·L_align

    L_sep     the last agent's predictions of its target behind its own trace, against those behind another problem's
    L_align   the same, against those of the same agent when it hears the others' words and no trace

Source: the two terms are those of the Interlat paper, §3.2, whose messages are latents; that they are asked of a trace is ours
(docs/decisions/0012-trace-terms.md).
"""

from contextlib import nullcontext
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from interlat.agents.trace_agents import TraceAgents, TraceBatch
from interlat.errors import InvalidSetting
from interlat.losses import alignment_loss, js_divergence, separation_loss, task_loss
from interlat.models.kv import messages_of, state_of, swapped
from interlat.models.recomputation import Trace


@dataclass(frozen=True)
class TraceWeights:
    """Weights of a trace's terms; 0 leaves a term and its pass out.

    Args:
        separation: λ_S.
        alignment: λ_A.
        kl: β, weight of the KL term within L_align.
        cosine: α, weight of the cosine term within L_align.
        mismatched_gradient: whether gradient flows through the pass with another problem's trace, and into that trace.

    Raises:
        InvalidSetting: if a weight is negative.
    """

    separation: float = 0.0
    alignment: float = 0.0
    kl: float = 0.7
    cosine: float = 0.3
    mismatched_gradient: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0:
                raise InvalidSetting(f"{name}_weight must be at least 0, got {value}; 0 leaves the term out")


def trace_terms(agents: TraceAgents, batch: TraceBatch, heard: Trace, weights: TraceWeights) -> dict[str, Tensor]:
    """The terms of one batch, each unweighted: ``task``, and ``separation`` and ``alignment`` where they have a weight.

    Args:
        agents: the agents.
        batch: on the model's device; at least two problems for a separation, with words for an alignment.
        heard: what the last agent takes over.
        weights: of the terms.

    Returns:
        Nats a token of the targets, mean over the batch.

    Gradient:
        ``task`` and ``separation`` as the agents' settings say; another problem's trace and what words lead to are constants, unless
        the weights let gradient flow through the former.
    """
    # Where both passes of a separation drop the same numbers, they differ by the trace alone.
    noise = int(torch.randint(2**31, ())) if weights.separation else None
    logits, targets = _predictions(agents, batch, heard, noise)
    everywhere = torch.ones_like(targets[None], dtype=torch.bool)
    terms = {"task": cross_entropy(logits, targets)}
    if weights.separation:
        constant = not weights.mismatched_gradient
        with torch.no_grad() if constant else nullcontext():
            other, _ = _predictions(agents, batch, swapped_trace(heard), noise)
        terms["separation"] = separation_loss(logits[None], other[None], everywhere, constant)
    if weights.alignment:
        told, _ = agents.predictions_told(batch)
        terms["alignment"] = alignment_loss(logits[None], told[None], everywhere, weights.kl, weights.cosine)
    return terms


def weighted(terms: dict[str, Tensor], weights: TraceWeights) -> Tensor:
    """L of these terms, nats a token."""
    loss = terms["task"]
    for name, weight in (("separation", weights.separation), ("alignment", weights.alignment)):
        if weight:
            loss = loss + weight * terms[name]
    return loss


def held_out_terms(agents: TraceAgents, batch: TraceBatch, heard: Trace, swaps: bool) -> dict[str, Tensor]:
    """Cross-entropies of the target under other conditions than ``heard`` as well, nats a token.

    Args:
        agents: the agents.
        batch: on the model's device.
        heard: what the last agent takes over.
        swaps: whether to try another problem's trace, where the batch has another problem.

    Returns:
        ``loss``; ``loss_alone``, hearing no one, where there are several agents; ``loss_swapped``, behind another problem's trace, with
        ``separation``, the JS of predictions behind the two, nats in [0, ln 2]; ``loss_told``, hearing the batch's words.
    """
    ids = batch.targets[0]
    logits, targets = agents.predictions(batch, heard)
    values = {"loss": cross_entropy(logits, targets)}
    if len(agents.team.agents) > 1:
        values["loss_alone"] = cross_entropy(*agents.predictions(batch, Trace.empty(len(ids), ids.device)))
    if swaps and len(ids) > 1:
        other, _ = agents.predictions(batch, swapped_trace(heard))
        values["loss_swapped"] = cross_entropy(other, targets)
        values["separation"] = js_divergence(logits, other).mean()
    if batch.told is not None:
        values["loss_told"] = cross_entropy(*agents.predictions_told(batch))
    return values


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all targets of a batch, nats a token."""
    return task_loss(logits[None], targets[None], torch.ones_like(targets[None], dtype=torch.bool))


def swapped_trace(trace: Trace) -> Trace:
    """Each row gets the next row's trace, whole and in its own positions, behind which the row's own agent reads on.

    Raises:
        InvalidSetting: if there is only one row.

    Gradient:
        Flows into the trace.
    """
    return Trace.of_state(state_of(swapped(messages_of(trace.state()))))


def _predictions(agents: TraceAgents, batch: TraceBatch, heard: Trace, noise: int | None) -> tuple[Tensor, Tensor]:
    if noise is not None:
        torch.manual_seed(noise)
    return agents.predictions(batch, heard)
