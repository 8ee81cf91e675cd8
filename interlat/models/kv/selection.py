"""Which entries of a KV message are sent; what stays keeps its positions. Knows nothing of prompts or topologies."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import normalize
from transformers import PreTrainedModel

from interlat.errors import InvalidMessage, InvalidSetting
from interlat.messages import UNNAMED, KVMessage, SpanKind
from interlat.models.kv.positions import contiguous
from interlat.models.kv.rotation import turned

Nearness = Literal["nearest", "farthest", "random"]


@dataclass(frozen=True)
class Keep:
    """What of a message is sent on.

    Args:
        agents: ``all``, or the ``latest`` one's entries only.
        kinds: ``all``, or the ``latents`` only, without the prompts they grew from.
        layers: send these layers only, counted from 0 (KVComm; `choose_layers` picks them); None sends all.
        layer_sink: entries at the start that every layer sends all the same, for attention to rest on; the release has 1.
        share: of the entries, within (0, 1], kept by how near their keys are to the latest entries'; 1 keeps all.
        nearness: whether the ``nearest`` are kept, the ``farthest``, or a ``random`` draw, as a control.
        recent: latest entries that a share always keeps, and that the others are compared with.
        positions: ``tracked`` leaves entries where they were read; ``contiguous`` closes the gaps and turns the keys.

    Raises:
        InvalidSetting: if a value is out of range.
    """

    agents: Literal["all", "latest"] = "all"
    kinds: Literal["all", "latents"] = "all"
    layers: tuple[int, ...] | None = None
    layer_sink: int = 1
    share: float = 1.0
    nearness: Nearness = "nearest"
    recent: int = 5
    positions: Literal["tracked", "contiguous"] = "tracked"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidSetting(f"a share to keep must be within (0, 1], got {self.share}; 1 keeps all")
        if self.recent < 1 or self.layer_sink < 0:
            raise InvalidSetting(
                f"recent must be at least 1 and layer_sink at least 0, got {self.recent} and {self.layer_sink}"
            )
        if self.layers is not None and (not self.layers or len(set(self.layers)) < len(self.layers)):
            raise InvalidSetting(f"layers must be named once each, at least one, got {list(self.layers)}")


def kept(
    model: PreTrainedModel | PeftModel,
    message: KVMessage,
    keep: Keep,
    latest: str,
    generator: torch.Generator | None = None,
) -> KVMessage:
    """Cut a message as `Keep` says: agents and kinds first, then the share, then layers, then gaps.

    Args:
        model: whose keys they are.
        message: what to cut.
        keep: what stays.
        latest: the agent that spoke last.
        generator: draws where ``nearness`` is random.

    Raises:
        InvalidMessage: if nothing stays.
        InvalidSetting: if the model has no such layer, or keys must be turned and cannot be.
    """
    if keep.agents == "latest":
        message = keep_agents(message, [latest])
    if keep.kinds == "latents":
        message = keep_kinds(message, ["latent"])
    if keep.share < 1:
        message = keep_nearest(model, message, keep.share, keep.nearness, keep.recent, generator)
    if keep.layers is not None:
        message = keep_layers(message, keep.layers, keep.layer_sink)
    return contiguous(model, message) if keep.positions == "contiguous" else message


def keep_agents(message: KVMessage, agents: Collection[str]) -> KVMessage:
    """The entries that these agents left.

    Raises:
        InvalidMessage: if they left none.
    """
    return _keep(message, [span.agent in agents for span in message.spans], f"of {', '.join(agents)}")


def keep_kinds(message: KVMessage, kinds: Collection[SpanKind]) -> KVMessage:
    """The entries of these kinds.

    Raises:
        InvalidMessage: if there is none, as of latents after 0 latent steps.
    """
    return _keep(message, [span.kind in kinds for span in message.spans], f"of kind {', '.join(kinds)}")


def keep_layers(message: KVMessage, layers: Sequence[int], sink: int = 1) -> KVMessage:
    """The entries in these layers only; in the others the receiver sees none of them but the first ``sink``.

    Source: KVComm (arXiv 2510.03346); that other layers keep the first entry is its release's doing.

    Raises:
        InvalidSetting: if the message has no such layer.
    """
    wrong = [layer for layer in layers if not 0 <= layer < message.num_layers]
    if wrong:
        raise InvalidSetting(f"wanted layers from 0 to {message.num_layers - 1}, got {wrong}; correct the numbers")
    sent = torch.zeros(message.num_layers, 1, dtype=torch.bool, device=message.mask.device)
    sent[list(layers)] = True
    first = message.mask & (message.mask.long().cumsum(dim=0) <= sink)
    held = message.held & (sent | first)

    def emptied(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(tensor.masked_fill(~here[None, :, None], 0) for tensor, here in zip(tensors, held, strict=True))

    return replace(message, keys=emptied(message.keys), values=emptied(message.values), layer_mask=held)


def keep_nearest(
    model: PreTrainedModel | PeftModel,
    message: KVMessage,
    share: float,
    nearness: Nearness = "nearest",
    recent: int = 5,
    generator: torch.Generator | None = None,
) -> KVMessage:
    """Keep ⌈share · T⌉ entries: the latest ``recent`` and, of those before, the ones whose keys are nearest to theirs.

    Near means the cosine, in the middle layer and over all its heads, between an entry's key and the mean of the latest ones'
    keys, all turned to position 0 so that contents are compared and not distances. After kNN-LatentMAS, which compares keys
    that carry phases with the mean input embedding of the next prompt: two spaces.

    Args:
        model: whose keys they are.
        message: what to cut.
        share: within (0, 1].
        nearness: whether the nearest stay, the farthest, or a draw.
        recent: latest entries that always stay; at most all that may.
        generator: draws; required where ``nearness`` is ``random``.
    """
    real = torch.nonzero(message.mask).flatten()
    wanted = math.ceil(share * len(real) - 1e-9)
    always = min(recent, wanted)
    earlier, latest = real[: len(real) - always], real[len(real) - always :]
    if nearness == "random":
        if generator is None:
            raise InvalidSetting("wanted a generator to draw entries with, got none; give one with a seed")
        order = torch.randperm(len(earlier), generator=generator, device=generator.device).to(real.device)
    else:
        keys = _contents(model, message)
        cosines = normalize(keys[earlier], dim=-1) @ normalize(keys[latest].mean(dim=0), dim=-1)
        order = cosines.argsort(descending=nearness == "nearest", stable=True)
    chosen = earlier[order[: wanted - always]].sort().values
    return message.take(torch.cat([chosen, latest]))


def _contents(model: PreTrainedModel | PeftModel, message: KVMessage) -> Float[Tensor, "tokens width"]:
    """Keys of the middle layer without their phases, heads side by side."""
    middle = message.keys[message.num_layers // 2]
    (keys,) = turned(model, (middle,), message.positions, torch.zeros_like(message.positions))
    wide = torch.promote_types(keys.dtype, torch.float32)
    return keys.transpose(0, 1).flatten(start_dim=1).to(wide)


def _keep(message: KVMessage, wanted: Sequence[bool], what: str) -> KVMessage:
    assert UNNAMED == -1  # so that the last row of the table answers for entries without a name
    table = torch.tensor([*wanted, False], device=message.mask.device)
    chosen: Bool[Tensor, " tokens"] = message.mask & table[message.entries.span]
    if not bool(chosen.any()):
        there = ", ".join(f"{span.agent} ({span.kind})" for span in message.spans) or "none with a name"
        raise InvalidMessage(f"wanted entries {what}, got a message with {there}; keep something else or send Silence")
    return message.take(torch.nonzero(chosen).flatten())
