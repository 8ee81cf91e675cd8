"""From the cache of a batch to one message a row, and back; knows nothing of agents or of what messages mean."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor
from torch.nn.functional import pad

from interlat.errors import InvalidMessage
from interlat.messages import UNNAMED, Entries, KVMessage, Provenance, Span
from interlat.models.cache import KVState


def messages_of(state: KVState, provenance: Provenance | None = None) -> list[KVMessage]:
    """What each row of a batch has read, as a message without pads.

    Args:
        state: keys and values of the batch; not changed, and not shared with the messages.
        provenance: who made them and how.

    Raises:
        InvalidMessage: if a row has read nothing.

    Gradient:
        Flows into the state's keys and values.
    """
    messages = []
    for number, mask in enumerate(state.mask):
        held = torch.nonzero(mask).flatten()
        messages.append(
            KVMessage(
                tuple(keys[number][:, held] for keys, _ in state.layers),
                tuple(values[number][:, held] for _, values in state.layers),
                state.entries.row(number).gathered(held),
                int(state.next_position[number]),
                state.spans,
                None if state.layer_mask is None else state.layer_mask[number][:, held],
                dict(provenance or {}),
            )
        )
    return messages


def state_of(messages: Sequence[KVMessage]) -> KVState:
    """Messages of unequal length as the cache of one batch, padded on the left: what a receiver reads on from.

    Args:
        messages: of models of one shape, at least one.

    Raises:
        InvalidMessage: if there is none, or models differ in shape.

    Gradient:
        Flows into the messages' keys and values.
    """
    _check_shapes(messages)
    spans = tuple(dict.fromkeys(span for message in messages for span in message.spans))
    width = max(len(message.entries) for message in messages)
    layers = [
        (
            torch.stack([_left(message.keys[layer], width, dim=1) for message in messages]),
            torch.stack([_left(message.values[layer], width, dim=1) for message in messages]),
        )
        for layer in range(messages[0].num_layers)
    ]
    rows = [renumbered(message, spans) for message in messages]
    entries = Entries(
        *(torch.stack([_left(getattr(row, each.name), width, dim=0) for row in rows]) for each in fields(Entries))
    )
    device = entries.mask.device
    next_position = torch.tensor([message.next_position for message in messages], device=device)
    layer_mask = None
    if any(message.layer_mask is not None for message in messages):
        layer_mask = torch.stack([_left(message.held, width, dim=1) for message in messages])
    return KVState.of_layers(layers, entries, next_position, spans, layer_mask)


def renumbered(message: KVMessage, spans: Sequence[Span]) -> Entries:
    """The message's entries with their spans numbered as in this table, which must hold them all."""
    numbers = [*(list(spans).index(span) for span in message.spans), UNNAMED]  # the last one answers to -1
    entries = message.entries
    table = torch.tensor(numbers, device=entries.span.device)
    return Entries(entries.mask, entries.positions, table[entries.span], entries.place)


def _left(tensor: Tensor, width: int, dim: int) -> Tensor:
    """Padded with zeros on the left of a dimension."""
    behind = [0, 0] * (tensor.ndim - 1 - dim)
    return pad(tensor, [*behind, width - tensor.shape[dim], 0])


def _check_shapes(messages: Sequence[KVMessage]) -> None:
    shapes = {
        tuple(
            (keys.shape[0], keys.shape[2], values.shape[2]) for keys, values in zip(each.keys, each.values, strict=True)
        )
        for each in messages
    }
    if len(shapes) != 1:
        raise InvalidMessage(
            f"wanted KV messages of models of one shape, got {len(messages)} messages of {len(shapes)} shapes; "
            "relay between models of one kind, or rebuild the message with the receiver's model"
        )
