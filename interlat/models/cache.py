"""A key-value cache over a batch of unequal sequences, with its mask and positions kept explicitly.

The only file that touches transformers' cache classes. Knows nothing of tokens' meaning, agents or messages.

Rows are stored with holes: where a step brings rows of unequal length, the shorter ones are padded on the left, and the pads
stay in the cache, masked out. Positions count real entries only, so holes change nothing (tests/models/test_cache.py).

    mask       row 0   . . x x x | x x | . x        x real, . pad
               row 1   x x x x x | . x | x x
    positions  row 1   0 1 2 3 4 |   5 | 6 7
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from interlat.errors import InvalidSetting
from interlat.models.backbone import decoder


@dataclass
class KVState:
    """Keys and values of what a batch has read so far.

    Args:
        cache: transformers' cache, [batch, kv_heads, tokens, head_dim] a layer.
        mask: which cache entries are real, [batch, tokens], True = real.
    """

    cache: DynamicCache
    mask: Bool[Tensor, "batch tokens"]

    @classmethod
    def empty(cls, batch: int, device: torch.device) -> "KVState":
        """A state in which nothing has been read."""
        return cls(DynamicCache(), torch.zeros(batch, 0, dtype=torch.bool, device=device))

    @property
    def next_position(self) -> Int[Tensor, " batch"]:
        """Absolute position of the next real entry of each row."""
        return self.mask.sum(dim=1)

    def select(self, rows: list[int]) -> None:
        """Keep only these rows, in this order."""
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        self.cache.batch_select_indices(index)
        self.mask = self.mask[index]

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
            assert isinstance(layer, DynamicLayer)
            assert layer.keys is not None
            assert layer.values is not None
            index = order[:, None, :, None].expand(-1, layer.keys.shape[1], -1, layer.keys.shape[3])
            layer.keys = layer.keys.gather(2, index)
            layer.values = layer.values.gather(2, index)
        self.mask = self.mask.gather(1, order)


def extend(
    model: PreTrainedModel | PeftModel,
    state: KVState,
    embeddings: Float[Tensor, "batch tokens dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens dim"]:
    """Let the model read more embeddings and return its last-layer states (after the final norm) for them.

    Args:
        model: a causal LM, plain or wrapped by peft.
        state: what was read before; updated in place.
        embeddings: input embeddings of the new entries.
        mask: which of them are real; pads may stand anywhere.

    Raises:
        InvalidSetting: if the model remembers nothing, as under activation checkpointing.

    Gradient:
        Flows into ``embeddings`` and through the cached keys and values of earlier calls.
    """
    before = state.next_position[:, None]
    positions = before + mask.long().cumsum(dim=1) - 1
    state.mask = torch.cat([state.mask, mask], dim=1)
    output = decoder(model)(
        inputs_embeds=embeddings,
        attention_mask=state.mask.long(),
        position_ids=positions.clamp(min=0),
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
