"""What is done to keys and values as messages: batching, positions, selection, controls. Knows nothing of agents or prompts."""

from interlat.models.kv.batching import messages_of, state_of
from interlat.models.kv.controls import KV_CONTROLS, permuted, swapped, untrained_twin, zeroed
from interlat.models.kv.layer_choice import attention_mass, choose_layers
from interlat.models.kv.positions import Layout, contiguous, merged, placed
from interlat.models.kv.selection import Keep, keep_agents, keep_kinds, keep_layers, keep_nearest, kept

__all__ = [
    "KV_CONTROLS",
    "Keep",
    "Layout",
    "attention_mass",
    "choose_layers",
    "contiguous",
    "keep_agents",
    "keep_kinds",
    "keep_layers",
    "keep_nearest",
    "kept",
    "merged",
    "messages_of",
    "permuted",
    "placed",
    "state_of",
    "swapped",
    "untrained_twin",
    "zeroed",
]
