"""Keys and values as a message, with what is known of each entry; knows no model, no agent and no control."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from interlat.errors import InvalidMessage

Provenance = Mapping[str, str | int | float | bool | None]
SpanKind = Literal["prompt", "latent", "text"]
UNNAMED = -1  # the span of an entry that nobody named


@dataclass(frozen=True)
class Span:
    """A run of entries that one agent left.

    Args:
        agent: who left it.
        kind: ``prompt`` was read, ``latent`` thought, ``text`` written.
    """

    agent: str
    kind: SpanKind


@dataclass(frozen=True, eq=False)
class Entries:
    """What is known of each entry of a cache beside its keys and values; the same for one row and for a batch.

    Args:
        mask: True at real entries.
        positions: absolute position whose rotary phase the entry's keys carry.
        span: number of the entry's span in a table of spans; `UNNAMED` for none.
        place: which entry of its span it is, counted from 0; it stays what it is however a message is cut.
    """

    mask: Bool[Tensor, "*batch tokens"]
    positions: Int[Tensor, "*batch tokens"]
    span: Int[Tensor, "*batch tokens"]
    place: Int[Tensor, "*batch tokens"]

    @classmethod
    def counted(cls, mask: Bool[Tensor, "*batch tokens"]) -> "Entries":
        """Unnamed entries at positions 0, 1, 2 … of the real ones."""
        positions = (mask.long().cumsum(dim=-1) - 1).clamp(min=0)
        return cls(mask, positions, torch.full_like(positions, UNNAMED), positions.clone())

    def __len__(self) -> int:
        return self.mask.shape[-1]

    def gathered(self, order: Int[Tensor, "*batch kept"]) -> "Entries":
        """The entries at these columns, in this order, row by row."""
        return self._each(lambda tensor: tensor.gather(-1, order))

    def rows(self, index: Int[Tensor, " rows"]) -> "Entries":
        """These rows of a batch."""
        return self._each(lambda tensor: tensor[index])

    def row(self, number: int) -> "Entries":
        """One row of a batch."""
        return self._each(lambda tensor: tensor[number])

    def followed_by(self, others: "Entries") -> "Entries":
        """These entries and behind them the others'."""
        pairs = ((getattr(self, each.name), getattr(others, each.name)) for each in fields(self))
        return Entries(*(torch.cat(pair, dim=-1) for pair in pairs))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Entries":
        return Entries(*(change(getattr(self, each.name)) for each in fields(self)))


@dataclass(frozen=True, eq=False)
class KVMessage:
    """Keys and values an agent leaves for the next one to attend to: one row of a batch, without padding of its own.

    Keys carry the rotary phase of the position they were computed at. Where a message is cut, the entries that stay keep
    their positions and the receiver still begins at ``next_position``, so every distance stays what it was; to close the gaps
    instead, see ``interlat.models.kv.positions``.

    Args:
        keys: one [kv_heads, tokens, head_dim] a layer.
        values: the same for the values.
        entries: mask, position and origin of each of the T entries.
        next_position: absolute position of the receiver's first token.
        spans: the table that ``entries.span`` points into.
        layer_mask: True where a layer holds an entry; None where every layer holds all. Keys and values not held are zeros,
            are not attended to, not counted and not saved.
        provenance: who made it and how.

    Raises:
        InvalidMessage: if there is no layer or no entry, or layers, entries, spans and positions disagree.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    entries: Entries
    next_position: int
    spans: tuple[Span, ...] = ()
    layer_mask: Bool[Tensor, "layers tokens"] | None = None
    provenance: Provenance = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.keys or len(self.keys) != len(self.values):
            raise InvalidMessage(
                f"a KV message holds keys and values of every layer, got {len(self.keys)} and {len(self.values)} "
                "layers; take both from the same cache"
            )
        if not bool(self.entries.mask.any()):
            raise InvalidMessage("a KV message must hold at least one entry, got none; to send nothing, send Silence")
        self._check_shapes()
        if int(self.entries.span.max()) >= len(self.spans):
            raise InvalidMessage(
                f"entries belong to {len(self.spans)} spans, got number {int(self.entries.span.max())}; name it in spans"
            )
        last = int(self.positions[self.mask].max())
        if last >= self.next_position:
            raise InvalidMessage(
                f"the receiver must begin behind the last entry, at {last}, got next position {self.next_position}; "
                "keep it when you cut a message"
            )

    def _check_shapes(self) -> None:
        width = len(self.entries)
        for layer, tensors in enumerate(zip(self.keys, self.values, strict=True)):
            for tensor in tensors:
                if tensor.ndim != 3 or tensor.shape[1] != width:
                    raise InvalidMessage(
                        f"layer {layer} must be [kv_heads, {width}, head_dim] as the mask says, "
                        f"got {list(tensor.shape)}; a KV message is one row of a batch"
                    )
        if self.layer_mask is not None and self.layer_mask.shape != (self.num_layers, width):
            raise InvalidMessage(
                f"a layer mask must be [{self.num_layers}, {width}], got {list(self.layer_mask.shape)}; "
                "give it one row a layer"
            )

    @property
    def mask(self) -> Bool[Tensor, " tokens"]:
        """True at real entries."""
        return self.entries.mask

    @property
    def positions(self) -> Int[Tensor, " tokens"]:
        """Absolute position of each entry."""
        return self.entries.positions

    @property
    def num_layers(self) -> int:
        """Layers of the model it comes from."""
        return len(self.keys)

    @property
    def held(self) -> Bool[Tensor, "layers tokens"]:
        """True where a layer holds a real entry."""
        everywhere = self.mask.expand(self.num_layers, -1)
        return everywhere if self.layer_mask is None else everywhere & self.layer_mask

    @property
    def num_bytes(self) -> int:
        """Bytes of the keys and values held: what has to be moved for a receiver elsewhere."""
        counts = self.held.sum(dim=1).tolist()
        return sum(
            count * sum(tensor.shape[0] * tensor.shape[2] * tensor.element_size() for tensor in tensors)
            for count, tensors in zip(counts, zip(self.keys, self.values, strict=True), strict=True)
        )

    def take(self, index: Int[Tensor, " kept"]) -> "KVMessage":
        """The entries at these columns, in this order; positions and the next position stay.

        Raises:
            InvalidMessage: if nothing is left.
        """
        return replace(
            self,
            keys=tuple(tensor[:, index] for tensor in self.keys),
            values=tuple(tensor[:, index] for tensor in self.values),
            entries=self.entries.gathered(index),
            layer_mask=None if self.layer_mask is None else self.layer_mask[:, index],
        )
