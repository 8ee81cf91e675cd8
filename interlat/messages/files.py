"""How a message is kept on disk: one safetensors file each. Knows no model, no agent and no control."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from interlat.errors import InvalidMessage
from interlat.messages.kv import Entries, KVMessage, Span
from interlat.messages.message import LatentMessage, Message, Silence, TextMessage

FORMAT = "interlat-message"
VERSION = "1"


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
            return _packed_kv(message)
        case TextMessage():
            return {}, {"kind": "text", "text": message.text}
        case Silence():
            return {}, {"kind": "silence"}


def _unpacked(tensors: dict[str, Tensor], fields: dict[str, Any]) -> Message:
    match fields["kind"]:
        case "latent":
            return LatentMessage(tensors["latents"], tuple(fields["plan_ids"]), fields["plan"], fields["provenance"])
        case "kv":
            return _unpacked_kv(tensors, fields)
        case "text":
            return TextMessage(fields["text"])
        case "silence":
            return Silence()
        case kind:
            raise InvalidMessage(
                f"a message is latent, kv, text or silence, got {kind!r}; load it with the version that wrote it"
            )


def _packed_kv(message: KVMessage) -> tuple[dict[str, Tensor], dict[str, object]]:
    entries = message.entries
    tensors = {"mask": entries.mask, "positions": entries.positions, "span": entries.span, "place": entries.place}
    if message.layer_mask is not None:
        tensors["layer_mask"] = message.layer_mask
    for layer, held in enumerate(message.held):
        tensors[f"keys.{layer}"] = message.keys[layer][:, held]
        tensors[f"values.{layer}"] = message.values[layer][:, held]
    return tensors, {
        "kind": "kv",
        "num_layers": message.num_layers,
        "next_position": message.next_position,
        "spans": [[span.agent, span.kind] for span in message.spans],
        "provenance": dict(message.provenance),
    }


def _unpacked_kv(tensors: dict[str, Tensor], fields: dict[str, Any]) -> KVMessage:
    entries = Entries(tensors["mask"], tensors["positions"], tensors["span"], tensors["place"])
    layer_mask = tensors.get("layer_mask")
    layers = range(fields["num_layers"])
    held = entries.mask.expand(len(layers), -1) if layer_mask is None else entries.mask & layer_mask
    keys = tuple(_spread(tensors[f"keys.{layer}"], held[layer]) for layer in layers)
    values = tuple(_spread(tensors[f"values.{layer}"], held[layer]) for layer in layers)
    spans = tuple(Span(agent, kind) for agent, kind in fields["spans"])
    return KVMessage(keys, values, entries, fields["next_position"], spans, layer_mask, fields["provenance"])


def _spread(kept: Tensor, held: Tensor) -> Tensor:
    """Put entries back where they stood, zeros between them."""
    whole = kept.new_zeros(kept.shape[0], len(held), kept.shape[2])
    whole[:, held] = kept
    return whole
