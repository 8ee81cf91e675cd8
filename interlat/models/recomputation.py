"""An append-only trace of keys and values that gradients flow through, with activations kept or computed again in the backward pass.

The trace is kept in pieces: what a reading added is stored once and put together with all before it inside the next reading. With
recomputation the pieces are all that the forward pass keeps, and memory grows with the trace instead of with the activations of
every position.

    kept            all agents' activations, and for each latent step a copy of the whole trace in every layer
    by agent        the pieces; in the backward pass, the activations of one agent's prompt and steps at a time
    by reading      the pieces; in the backward pass, the activations of one prompt or one step at a time

transformers' own gradient checkpointing drops the cache, so that agents would hear no one; `refuse_dropped_cache` refuses it.
Knows nothing of agents, prompts, losses or adapters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Int
from peft import PeftModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.messages import Entries, Span
from interlat.models.cache import KVState, Layers

Recomputation = Literal["none", "agent", "reading"]
Reading = Callable[[KVState, Tensor | None], Tensor]
"""Reads behind a cache, which it extends: from the state [batch, dim] of the reading before, if any, to that of its last entry."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Keys and values of what a batch has read so far, in the pieces in which they were added.

    Args:
        pieces: each holds keys and values of every layer, [batch, kv_heads, entries, head_dim].
        entries: mask, position and origin of all entries, [batch, tokens].
        next_position: absolute position of the next real entry of each row.
        spans: the table that ``entries.span`` points into.
    """

    pieces: tuple[Layers, ...]
    entries: Entries
    next_position: Int[Tensor, " batch"]
    spans: tuple[Span, ...] = ()

    @classmethod
    def empty(cls, batch: int, device: torch.device) -> "Trace":
        """Nothing has been read."""
        return cls.of_state(KVState.empty(batch, device))

    @classmethod
    def of_state(cls, state: KVState) -> "Trace":
        """What a cache holds, as one piece. Layers must hold all entries."""
        pieces = (tuple(state.layers),) if len(state.entries) else ()
        return cls(pieces, state.entries, state.next_position, state.spans)

    def state(self) -> KVState:
        """A cache to read on from; reading on leaves the trace as it is.

        Gradient:
            Flows into the pieces.
        """
        return self._state_of([tensor for piece in self.pieces for layer in piece for tensor in layer])

    def _state_of(self, tensors: Sequence[Tensor]) -> KVState:
        """The same of tensors that stand for those of the pieces, in their order."""
        if not tensors:
            return KVState(
                KVState.empty(0, self.next_position.device).cache, self.entries, self.next_position, self.spans
            )
        width = len(tensors) // len(self.pieces)
        columns = [_joined(tensors[place::width]) for place in range(width)]
        layers = list(zip(columns[::2], columns[1::2], strict=True))
        return KVState.of_layers(layers, self.entries, self.next_position, self.spans)


def grown(trace: Trace, readings: Sequence[Reading], recomputation: Recomputation) -> tuple[Trace, Tensor]:
    """Let readings follow each other behind a trace.

    Loss and gradients are the same for every recomputation: random numbers, such as dropout's, are drawn anew as they were. Where no
    gradient is wanted nothing is kept, whatever the recomputation.

    Args:
        trace: what was read before.
        readings: at least one; they may use any trained weights, and may run twice.
        recomputation: what is computed again in the backward pass: ``none``; ``agent``, all readings together; ``reading``, each
            by itself, which needs least memory and costs the same time.

    Returns:
        The longer trace, and the state behind its last entry, [batch, dim].

    Gradient:
        Flows into the trace's pieces and all that the readings use.
    """
    groups = [[reading] for reading in readings] if recomputation == "reading" else [readings]
    latest: Tensor | None = None
    for group in groups:
        trace, latest = _grown(trace, group, latest, recomputation != "none")
    assert latest is not None, "no reading"
    return trace, latest


def _grown(trace: Trace, readings: Sequence[Reading], latest: Tensor | None, again: bool) -> tuple[Trace, Tensor]:
    left: list[KVState] = []

    def run(latest: Tensor | None, _: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        state = trace._state_of(tensors)
        for reading in readings:
            latest = reading(state, latest)
        assert latest is not None
        # Copies: a slice would keep the whole of what it was cut from.
        new = [tensor[:, :, len(trace.entries) :].clone() for layer in state.layers for tensor in layer]
        if not left:
            left.append(KVState(KVState.empty(0, latest.device).cache, state.entries, state.next_position, state.spans))
        return latest, *new

    tensors = [tensor for piece in trace.pieces for layer in piece for tensor in layer]
    # Positions come along so that there is always a tensor that tells the device, whose random state is kept.
    if again:
        out = cast(tuple[Tensor, ...], checkpoint(run, latest, trace.next_position, *tensors, use_reentrant=False))
    else:
        out = run(latest, trace.next_position, *tensors)
    latest, *new = out
    piece = tuple(zip(new[::2], new[1::2], strict=True))
    described = left[0]
    return Trace((*trace.pieces, piece), described.entries, described.next_position, described.spans), latest


def refuse_dropped_cache(model: PreTrainedModel | PeftModel) -> None:
    """Refuse a model that would drop its cache while it trains.

    Raises:
        InvalidSetting: if transformers' gradient checkpointing is on.
    """
    on = [name for name, module in cast(nn.Module, model).named_modules() if _checkpoints(module)]
    if on:
        raise InvalidSetting(
            f"wanted a model that keeps keys and values while it trains, got transformers' gradient checkpointing in {on[0]}, which drops "
            "them, so that no agent would hear another; turn it off (model.gradient_checkpointing_disable()) and set "
            "recomputation: reading, which saves as much and keeps the trace"
        )


def _checkpoints(module: Any) -> bool:
    return bool(getattr(module, "gradient_checkpointing", False))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors), dim=2)
