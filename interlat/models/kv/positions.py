"""Where the entries of messages stand: keys turned to other positions, and messages put together; knows nothing of agents.

A tree of experts, each of whom has read and thought from position 0 on its own, is merged for one receiver:

    follow     expert 1  0 1 2 3      expert 2      4 5 6      receiver 7 8 …     as if read one after another
    overlap    expert 1  0 1 2 3      expert 2  0 1 2          receiver 4 5 …     no expert stands before another

In both, no expert has seen another, each expert's own distances stay, and the receiver stands behind all of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Int
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.errors import InvalidMessage
from interlat.messages import Entries, KVMessage
from interlat.models.kv.batching import renumbered
from interlat.models.kv.rotation import turned

Layout = Literal["follow", "overlap"]


def placed(
    model: PreTrainedModel | PeftModel, message: KVMessage, positions: Int[Tensor, " tokens"], next_position: int
) -> KVMessage:
    """The message with its entries at other positions, its keys turned to them.

    Args:
        model: whose keys they are.
        message: what to move.
        positions: where each entry is to stand.
        next_position: where the receiver is to begin.

    Raises:
        InvalidSetting: if the model's keys do not turn with the position.
    """
    entries = message.entries
    return replace(
        message,
        keys=turned(model, message.keys, entries.positions, positions),
        entries=Entries(entries.mask, positions, entries.span, entries.place),
        next_position=next_position,
    )


def contiguous(model: PreTrainedModel | PeftModel, message: KVMessage, start: int = 0) -> KVMessage:
    """Close the gaps that taken-out entries have left: positions become ``start``, ``start + 1`` … in the order they had.

    Distances between entries shrink by what stood between them, which is what the released code of LatentMAS means to do and, for
    want of turning keys, does not. Entries that share a position, as experts laid out to overlap do, go on sharing one.

    Args:
        model: whose keys they are.
        message: what to move.
        start: position of the first entry.
    """
    real = message.positions[message.mask]
    ranks = torch.searchsorted(torch.unique(real), message.positions)
    ranks = torch.where(message.mask, ranks, 0)
    return placed(model, message, ranks + start, int(ranks.max()) + start + 1)


def merged(model: PreTrainedModel | PeftModel, messages: Sequence[KVMessage], layout: Layout = "follow") -> KVMessage:
    """Several senders' messages about one task as one.

    Args:
        model: whose keys they are.
        messages: of one row each, in the order in which they are to stand.
        layout: ``follow`` moves each behind the whole extent of those before it, gaps included; ``overlap`` moves none.

    Returns:
        All entries; the receiver begins behind the last. Provenance is that of the first.

    Raises:
        InvalidMessage: if there is no message, or a span is in two of them.
        InvalidSetting: if the model's keys do not turn with the position, under ``follow``.
    """
    if not messages:
        raise InvalidMessage("wanted at least one KV message to merge, got none; to send nothing, send Silence")
    spans = tuple(span for message in messages for span in message.spans)
    twice = {span for span in spans if spans.count(span) > 1}
    if twice:
        raise InvalidMessage(
            f"wanted messages that share no span, got {', '.join(map(str, sorted(twice, key=str)))} more than once; "
            "merge senders that worked on their own, under names of their own"
        )
    moved, offset = [], 0
    for message in messages:
        moved.append(placed(model, message, message.positions + offset, message.next_position + offset))
        offset += message.next_position if layout == "follow" else 0
    entries = renumbered(moved[0], spans)
    for message in moved[1:]:
        entries = entries.followed_by(renumbered(message, spans))
    has_layers = any(message.layer_mask is not None for message in moved)
    return KVMessage(
        tuple(torch.cat(layer, dim=1) for layer in zip(*(message.keys for message in moved), strict=True)),
        tuple(torch.cat(layer, dim=1) for layer in zip(*(message.values for message in moved), strict=True)),
        entries,
        max(message.next_position for message in moved),
        spans,
        torch.cat([message.held for message in moved], dim=1) if has_layers else None,
        messages[0].provenance,
    )
