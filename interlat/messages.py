"""What one agent sends another for one task, and how it is kept on disk. Knows no model, no agent and no control."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from interlat.errors import InvalidMessage

FORMAT = "interlat-message"
VERSION = "1"

Provenance = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, eq=False)
class LatentMessage:
    """The sender's last-layer states h_1..h_L, or K compressed ones.

    Args:
        latents: one row a latent, [L, D_s], in any floating type.
        plan_ids: the plan's tokens in the sender's vocabulary; ``latents[l]`` is the state that predicted token l.
            Empty where there is no plan, as for a compressed message.
        plan: the plan's text.
        provenance: who made it and how: sender, seed, game and so on; anything JSON holds as one value.

    Raises:
        InvalidMessage: if ``latents`` is not a floating [L, D_s] with L of at least 1.
    """

    latents: Float[Tensor, "latents sender_dim"]
    plan_ids: tuple[int, ...] = ()
    plan: str = ""
    provenance: Provenance = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latents.ndim != 2 or len(self.latents) == 0 or not self.latents.is_floating_point():
            raise InvalidMessage(
                f"latents must be floating point of shape [L, D_s] with L at least 1, got {self.latents.dtype} of "
                f"shape {list(self.latents.shape)}; to send nothing, send Silence"
            )

    @property
    def num_latents(self) -> int:
        """L of a full message, K of a compressed one."""
        return self.latents.shape[0]

    @property
    def sender_dim(self) -> int:
        """Width D_s of a latent."""
        return self.latents.shape[1]


@dataclass(frozen=True, eq=False)
class KVMessage:
    """Keys and values an agent leaves for the next one to attend to.

    Keys carry the rotary phase of the position they were computed at, so the next position is stated and never counted
    from what is left of the cache.

    Args:
        keys: one [kv_heads, tokens, head_dim] a layer.
        values: the same for the values.
        mask: True at real entries.
        next_position: absolute position of the receiver's first token.
        provenance: who made it and how.

    Raises:
        InvalidMessage: if there is no layer, or layers disagree about the number of tokens.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Bool[Tensor, " tokens"]
    next_position: int
    provenance: Provenance = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.keys or len(self.keys) != len(self.values):
            raise InvalidMessage(
                f"a KV message holds keys and values of every layer, got {len(self.keys)} and {len(self.values)} "
                "layers; take both from the same cache"
            )
        for layer, entries in enumerate(zip(self.keys, self.values, strict=True)):
            for tensor in entries:
                if tensor.ndim != 3 or tensor.shape[1] != len(self.mask):
                    raise InvalidMessage(
                        f"layer {layer} must be [kv_heads, {len(self.mask)}, head_dim] as the mask says, "
                        f"got {list(tensor.shape)}; a KV message is one row of a batch"
                    )

    @property
    def num_layers(self) -> int:
        """Layers of the model it comes from."""
        return len(self.keys)


@dataclass(frozen=True)
class TextMessage:
    """Words, as the text baseline sends them.

    Args:
        text: what is said.
    """

    text: str


@dataclass(frozen=True)
class Silence:
    """No message at all: neither text nor boundary tokens."""


Message = LatentMessage | KVMessage | TextMessage | Silence


def save(message: Message, path: Path | str) -> None:
    """Write a message as one safetensors file; a reader sees the old file or the whole new one, never a part.

    Args:
        message: any message; tensors are kept in their own type.
        path: the file; its folder is made where it is missing.

    Raises:
        InvalidMessage: if a tensor holds NaN or infinity.
    """
    tensors, fields = _packed(message)
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise InvalidMessage(
                f"a message must be finite, got NaN or infinity in {name}; make it again in a wider type"
            )
    metadata = {"format": FORMAT, "version": VERSION, "fields": json.dumps(fields)}
    content = to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path | str) -> Message:
    """Read a message that `save` wrote, onto the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        InvalidMessage: if the file is damaged, holds no message, or one of a later version.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (safe_open is no mapping)
    except SafetensorError as error:
        raise InvalidMessage(
            f"{path} must be a safetensors file, got one that cannot be read ({error}); make it again"
        ) from error
    found = (metadata.get("format"), metadata.get("version"))
    if found != (FORMAT, VERSION):
        raise InvalidMessage(
            f"{path} must hold {FORMAT} version {VERSION}, got format {found[0]} version {found[1]}; "
            "save it with interlat.messages.save of this version"
        )
    try:
        return _unpacked(tensors, json.loads(metadata["fields"]))
    except (KeyError, json.JSONDecodeError) as error:
        raise InvalidMessage(f"{path} must hold a whole message, got one without {error}; make it again") from error


def _packed(message: Message) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Tensors of a message by name, and the rest of it as JSON holds it."""
    match message:
        case LatentMessage():
            tensors = {"latents": message.latents}
            return tensors, {
                "kind": "latent",
                "plan_ids": list(message.plan_ids),
                "plan": message.plan,
                "provenance": dict(message.provenance),
            }
        case KVMessage():
            tensors = {"mask": message.mask}
            tensors |= {f"keys.{layer}": keys for layer, keys in enumerate(message.keys)}
            tensors |= {f"values.{layer}": values for layer, values in enumerate(message.values)}
            return tensors, {
                "kind": "kv",
                "num_layers": message.num_layers,
                "next_position": message.next_position,
                "provenance": dict(message.provenance),
            }
        case TextMessage():
            return {}, {"kind": "text", "text": message.text}
        case Silence():
            return {}, {"kind": "silence"}


def _unpacked(tensors: dict[str, Tensor], fields: dict[str, Any]) -> Message:
    match fields["kind"]:
        case "latent":
            return LatentMessage(tensors["latents"], tuple(fields["plan_ids"]), fields["plan"], fields["provenance"])
        case "kv":
            layers = range(fields["num_layers"])
            keys = tuple(tensors[f"keys.{layer}"] for layer in layers)
            values = tuple(tensors[f"values.{layer}"] for layer in layers)
            return KVMessage(keys, values, tensors["mask"], fields["next_position"], fields["provenance"])
        case "text":
            return TextMessage(fields["text"])
        case "silence":
            return Silence()
        case kind:
            raise InvalidMessage(
                f"a message is latent, kv, text or silence, got {kind!r}; load it with the version that wrote it"
            )
