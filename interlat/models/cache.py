"""A key-value cache over a batch of unequal sequences, with mask, positions and spans of its entries kept explicitly.

The only file that touches transformers' cache classes. Knows nothing of tokens' meaning, agents or topologies.

Rows are stored with holes: where a step brings rows of unequal length, the shorter ones are padded on the left, and the pads
stay in the cache, masked out. A row's next position is kept, not counted from what is left of the cache: holes and entries
taken out change nothing (tests/models/test_cache.py, tests/invariants/test_kv_exactness.py).

    mask       row 0   . . x x x | x x | . x        x real, . pad
               row 1   x x x x x | . x | x x
    positions  row 1   0 1 2 3 4 |   5 | 6 7
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from interlat.errors import InvalidSetting
from interlat.messages import UNNAMED, Entries, Span
from interlat.models.backbone import decoder
from interlat.models.layer_visibility import visible_by_layer

Layers = Sequence[tuple[Tensor, Tensor]]


@dataclass
class KVState:
    """Keys and values of what a batch has read so far.

    Args:
        cache: transformers' cache, [batch, kv_heads, tokens, head_dim] a layer.
        entries: mask, position and origin of each cache entry, [batch, tokens].
        next_position: absolute position of the next real entry of each row.
        spans: the table that ``entries.span`` points into.
        layer_mask: True where a layer holds an entry; None where every layer holds all.
    """

    cache: DynamicCache
    entries: Entries
    next_position: Int[Tensor, " batch"]
    spans: tuple[Span, ...] = ()
    layer_mask: Bool[Tensor, "batch layers tokens"] | None = None

    @classmethod
    def empty(cls, batch: int, device: torch.device) -> "KVState":
        """A state in which nothing has been read."""
        entries = Entries.counted(torch.zeros(batch, 0, dtype=torch.bool, device=device))
        return cls(DynamicCache(), entries, torch.zeros(batch, dtype=torch.long, device=device))

    @classmethod
    def of_layers(
        cls,
        layers: Layers,
        entries: Entries,
        next_position: Int[Tensor, " batch"],
        spans: tuple[Span, ...] = (),
        layer_mask: Bool[Tensor, "batch layers tokens"] | None = None,
    ) -> "KVState":
        """A state of keys and values at hand, each [batch, kv_heads, tokens, head_dim]; the tensors are not written to."""
        return cls(DynamicCache(list(layers)), entries, next_position, spans, layer_mask)

    @property
    def layers(self) -> list[tuple[Float[Tensor, "batch heads tokens dim"], Float[Tensor, "batch heads tokens dim"]]]:
        """Keys and values of each layer."""
        return [_tensors(layer) for layer in self.cache.layers]

    @property
    def mask(self) -> Bool[Tensor, "batch tokens"]:
        """True at real entries."""
        return self.entries.mask

    def select(self, rows: list[int]) -> None:
        """Keep only these rows, in this order."""
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        self.cache.batch_select_indices(index)
        self.entries, self.next_position = self.entries.rows(index), self.next_position[index]
        self.layer_mask = None if self.layer_mask is None else self.layer_mask[index]

    def compact(self) -> None:
        """Squeeze out the holes: every row keeps its real entries, in order, at the right end.

        Costs one copy of the cache; saves attention over pads in long, uneven conversations.
        """
        width = int(self.mask.sum(dim=1).max())
        if width == self.mask.shape[1]:
            return
        # A stable sort by the mask moves each row's real entries to the right end and keeps their order.
        order = torch.argsort(self.mask.long(), dim=1, stable=True)[:, -width:]
        for layer in self.cache.layers:
            keys, values = _tensors(layer)
            index = order[:, None, :, None].expand(-1, keys.shape[1], -1, keys.shape[3])
            layer.keys, layer.values = keys.gather(2, index), values.gather(2, index)  # type: ignore[union-attr]  # _tensors saw
        self.entries = self.entries.gathered(order)
        if self.layer_mask is not None:
            self.layer_mask = self.layer_mask.gather(2, order[:, None].expand(-1, self.layer_mask.shape[1], -1))

    def name(self, span: Span) -> None:
        """Give every entry that has no name yet to this span: what a decoder wrote, say.

        Raises:
            InvalidSetting: if the span is there already.
        """
        if span in self.spans:
            raise InvalidSetting(f"wanted a new span, got {span}, which is there already; name what is new otherwise")
        unnamed = self.mask & (self.entries.span == UNNAMED)
        named = torch.where(unnamed, len(self.spans), self.entries.span)
        places = torch.where(unnamed, unnamed.long().cumsum(dim=1) - 1, self.entries.place)
        self.entries = Entries(self.mask, self.entries.positions, named, places)
        self.spans = (*self.spans, span)


def extend(
    model: PreTrainedModel | PeftModel,
    state: KVState,
    embeddings: Float[Tensor, "batch tokens dim"],
    mask: Bool[Tensor, "batch tokens"],
    span: Span | None = None,
    positions: Int[Tensor, "batch tokens"] | None = None,
) -> Float[Tensor, "batch tokens dim"]:
    """Let the model read more embeddings and return its last-layer states (after the final norm) for them.

    Args:
        model: a causal LM, plain or wrapped by peft.
        state: what was read before; updated in place.
        embeddings: input embeddings of the new entries.
        mask: which of them are real; pads may stand anywhere.
        span: whose entries they are; a span that is there already goes on.
        positions: where they stand; None lets them follow each row's next position. Ignored at pads.

    Raises:
        InvalidSetting: if the model remembers nothing, as under activation checkpointing, or some layers hold less than
            others and the model does not attend to everything before.

    Gradient:
        Flows into ``embeddings`` and through the cached keys and values of earlier calls.
    """
    new = _new_entries(state, mask, span, positions)
    state.entries = state.entries.followed_by(new)
    # Behind the last real one; a row that brings none stays where it is.
    behind = torch.where(mask, new.positions + 1, 0).amax(dim=1)
    state.next_position = torch.maximum(state.next_position, behind)
    attention_mask: Tensor = state.mask.long()
    layers = decoder(model)
    if state.layer_mask is not None:
        added = state.layer_mask.new_ones(*state.layer_mask.shape[:2], mask.shape[1])
        state.layer_mask = torch.cat([state.layer_mask, added], dim=2)
    with visible_by_layer(layers, state.mask, state.layer_mask, embeddings) as whole:
        output = layers(
            inputs_embeds=embeddings,
            attention_mask=attention_mask if whole is None else whole,
            position_ids=new.positions,
            past_key_values=state.cache,
            use_cache=True,
        )
    if state.cache.get_seq_length() != state.mask.shape[1]:
        # transformers leaves the cache empty then, and what follows would be computed without all that was read.
        raise InvalidSetting(
            f"wanted a model that keeps keys and values of {state.mask.shape[1]} entries, got {state.cache.get_seq_length()}; "
            "turn gradient checkpointing off (model.gradient_checkpointing_disable()): the two exclude each other"
        )
    return cast(Tensor, output.last_hidden_state)


def last_states(
    states: Float[Tensor, "batch tokens dim"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch dim"]:
    """The state at the last real entry of each row."""
    columns = torch.arange(mask.shape[1], device=mask.device)
    last = (columns * mask).amax(dim=1)
    return states[torch.arange(len(states), device=states.device), last]


def _new_entries(state: KVState, mask: Tensor, span: Span | None, positions: Tensor | None) -> Entries:
    counted = mask.long().cumsum(dim=1) - 1
    if positions is None:
        positions = state.next_position[:, None] + counted
    # transformers looks up phases of pads too; they are attended to by no one.
    positions = torch.where(mask, positions, 0)
    if span is None:
        return Entries(mask, positions, torch.full_like(counted, UNNAMED), counted.clamp(min=0))
    if span not in state.spans:
        state.spans = (*state.spans, span)
    number = state.spans.index(span)
    before = (state.mask & (state.entries.span == number)).sum(dim=1, keepdim=True)
    return Entries(mask, positions, torch.full_like(counted, number), (before + counted).clamp(min=0))


def _tensors(layer: object) -> tuple[Tensor, Tensor]:
    assert isinstance(layer, DynamicLayer)
    assert layer.keys is not None
    assert layer.values is not None
    return layer.keys, layer.values
