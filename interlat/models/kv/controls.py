"""What is done to KV messages on their way, to ask what of them a receiver uses. Knows nothing of agents or prompts.

The names are those of the command line; `interlat.controls` has the controls of latent messages.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.messages import Entries, KVMessage
from interlat.models.backbone import causal_lm
from interlat.models.kv.rotation import turned

KV_CONTROLS = ("zero", "swap", "permute", "untrained")


def zeroed(message: KVMessage) -> KVMessage:
    """Keys and values all 0: the receiver finds as many entries as before, gives each the same weight, and learns nothing."""
    return replace(
        message,
        keys=tuple(torch.zeros_like(keys) for keys in message.keys),
        values=tuple(torch.zeros_like(values) for values in message.values),
    )


def swapped(messages: Sequence[KVMessage]) -> list[KVMessage]:
    """Each row gets the next row's message, whole and in its own positions; the last gets the first's.

    Raises:
        InvalidSetting: if there is no other row to take a message from.
    """
    if len(messages) < 2:
        raise InvalidSetting("wanted at least 2 tasks in a batch to swap messages, got 1; raise the batch size")
    return [*messages[1:], messages[0]]


def permuted(model: PreTrainedModel | PeftModel, message: KVMessage, generator: torch.Generator) -> KVMessage:
    """The same contents at each other's positions: every key is turned to the position that the draw gives its entry.

    Attention does not see the order in which a cache is stored, so shuffling entries together with their positions would change
    nothing. Entries keep their span and place, which say where they came from.

    Args:
        model: whose keys they are.
        message: what to permute.
        generator: draws the order.
    """
    real = torch.nonzero(message.mask).flatten()
    order = torch.randperm(len(real), generator=generator, device=generator.device).to(real.device)
    positions = message.positions.clone()
    positions[real] = message.positions[real[order]]
    entries = message.entries
    return replace(
        message,
        keys=turned(model, message.keys, message.positions, positions),
        entries=Entries(entries.mask, positions, entries.span, entries.place),
    )


def untrained_twin(model: PreTrainedModel | PeftModel, seed: int) -> PreTrainedModel:
    """A model of the same shape, type and place with fresh weights: what it sends has the form of a message and no content."""
    lm = causal_lm(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        twin = AutoModelForCausalLM.from_config(copy.deepcopy(lm.config))
    return cast(PreTrainedModel, twin.to(lm.device, lm.dtype).eval())
