"""Latent messages on disk, by task id: sharded safetensors and an index; knows nothing of models.

    <folder>/index.json                provenance, and for every task id its shard, length and plan
    <folder>/shard-00000.safetensors   "<n>.latents" [L, D] and "<n>.plan_ids" [L] for each task

A shard is written whole, then the index; both appear by an atomic rename. A kill at any moment loses at most the shard
in the making, and collecting again goes on behind the last one. Nothing is ever held in memory but one shard in the making.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from interlat.errors import LatentStoreMismatch

FORMAT_VERSION = 1


@dataclass(frozen=True)
class StoredMessage:
    """One message as it lies in a store.

    Args:
        task_id: the game it belongs to.
        plan: the plan's text.
        plan_ids: its tokens in the sender's vocabulary, [L].
        latents: the states that predicted them, [L, D].
    """

    task_id: str
    plan: str
    plan_ids: Int[Tensor, " latents"]
    latents: Float[Tensor, "latents dim"]


@dataclass(frozen=True)
class Entry:
    """Where one message lies.

    Args:
        shard: file name.
        key: prefix of its tensors in that file.
        length: L.
        plan: the plan's text.
    """

    shard: str
    key: str
    length: int
    plan: str


class LatentStore:
    """Reads messages one at a time.

    Args:
        folder: of a store.
        verify: compare every shard with its checksum first; reads all bytes once.

    Raises:
        LatentStoreMismatch: if there is no store, its format is another, a shard is missing, or one is damaged.
    """

    def __init__(self, folder: Path | str, verify: bool = False) -> None:
        self.folder = Path(folder)
        index = read_index(self.folder)
        self.provenance: dict[str, Any] = index["provenance"]
        self.checksums: dict[str, str] = index["shards"]
        self.entries = {task_id: Entry(**entry) for task_id, entry in index["entries"].items()}
        for shard in self.checksums:
            path = self.folder / shard
            if not path.is_file() or (verify and checksum(path) != self.checksums[shard]):
                what = "is damaged (its checksum differs)" if path.is_file() else "is missing"
                raise LatentStoreMismatch(
                    f"latent store '{self.folder}' lists shard {shard}, which {what}; delete the folder and collect again"
                )

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self.entries

    def __getitem__(self, task_id: str) -> StoredMessage:
        if task_id not in self.entries:
            raise LatentStoreMismatch(
                f"latent store '{self.folder}' holds {len(self)} tasks, but not '{task_id}'; collect for this split with interlat-collect"
            )
        entry = self.entries[task_id]
        try:
            with safe_open(self.folder / entry.shard, framework="pt") as file:
                latents, ids = file.get_tensor(f"{entry.key}.latents"), file.get_tensor(f"{entry.key}.plan_ids")
        except (SafetensorError, OSError) as error:
            raise LatentStoreMismatch(
                f"shard {entry.shard} of latent store '{self.folder}' cannot be read ({error}); delete the folder and collect again"
            ) from error
        return StoredMessage(task_id, entry.plan, ids, latents)

    def __iter__(self) -> Iterator[StoredMessage]:
        return (self[task_id] for task_id in self.entries)

    @property
    def width(self) -> int:
        """D, the sender's width."""
        return int(self.provenance["width"])

    def require(self, **wanted: object) -> None:
        """Check that the store was made the way the caller needs.

        Raises:
            LatentStoreMismatch: naming each difference.
        """
        different = {
            key: self.provenance.get(key) for key, value in wanted.items() if self.provenance.get(key) != value
        }
        if different:
            asked = ", ".join(f"{key}={wanted[key]!r}" for key in different)
            found = ", ".join(f"{key}={value!r}" for key, value in different.items())
            raise LatentStoreMismatch(
                f"wanted a latent store with {asked}, but '{self.folder}' was made with {found}; "
                "collect again with interlat-collect, or point the recipe at the store of this sender"
            )


class LatentStoreWriter:
    """Appends messages to a store; opening an existing one goes on where it ended.

    Args:
        folder: of the store; made if absent.
        provenance: how the messages are made: sender, view, sampling, width … It must equal an existing store's.
        shard_size: messages a shard.

    Raises:
        LatentStoreMismatch: if the folder holds a store of other provenance. Nothing is changed then.
    """

    def __init__(self, folder: Path | str, provenance: dict[str, Any], shard_size: int = 256) -> None:
        self.folder = Path(folder)
        self.shard_size = shard_size
        self.index: dict[str, Any] = {"format": FORMAT_VERSION, "provenance": provenance, "shards": {}, "entries": {}}
        if (self.folder / "index.json").exists():
            LatentStore(self.folder).require(**provenance)
            self.index = read_index(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._pending: list[StoredMessage] = []

    def __contains__(self, task_id: object) -> bool:
        return task_id in self.index["entries"]

    def add(self, message: StoredMessage) -> None:
        """Append one message; a full shard goes to disk at once.

        Raises:
            LatentStoreMismatch: if its width is not the store's, its parts disagree, or a number is not finite.
        """
        length, width = message.latents.shape
        if width != self.index["provenance"]["width"] or length != len(message.plan_ids):
            raise LatentStoreMismatch(
                f"wanted latents [{len(message.plan_ids)}, {self.index['provenance']['width']}] for '{message.task_id}', "
                f"got [{length}, {width}]; the sender is not the one this store was opened for"
            )
        if not bool(torch.isfinite(message.latents).all()):
            raise LatentStoreMismatch(
                f"the latents of '{message.task_id}' hold NaN or infinity; use a wider dtype for the sender"
            )
        self._pending.append(message)
        if len(self._pending) >= self.shard_size:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one shard, then the index."""
        if not self._pending:
            return
        name = f"shard-{len(self.index['shards']):05d}.safetensors"
        tensors: dict[str, Tensor] = {}
        for number, message in enumerate(self._pending):
            tensors[f"{number}.latents"] = message.latents.contiguous().cpu()
            tensors[f"{number}.plan_ids"] = message.plan_ids.contiguous().cpu()
        partial = self.folder / f"{name}.partial"
        save_file(tensors, partial)
        os.replace(partial, self.folder / name)
        self.index["shards"][name] = checksum(self.folder / name)
        for number, message in enumerate(self._pending):
            entry = Entry(name, str(number), len(message.plan_ids), message.plan)
            self.index["entries"][message.task_id] = asdict(entry)
        self._pending = []
        partial = self.folder / "index.json.partial"
        partial.write_text(json.dumps(self.index), encoding="utf-8")
        os.replace(partial, self.folder / "index.json")


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a store.

    Raises:
        LatentStoreMismatch: if there is none, or it is not one of ours.
    """
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LatentStoreMismatch(
            f"wanted a latent store at '{folder}', but it has no index.json; make one with interlat-collect"
        ) from error
    except ValueError as error:
        raise LatentStoreMismatch(
            f"'{folder}/index.json' is not JSON ({error}); delete the folder and collect again"
        ) from error
    if not isinstance(index, dict) or index.get("format") != FORMAT_VERSION:
        raise LatentStoreMismatch(
            f"'{folder}/index.json' is not a latent store of format {FORMAT_VERSION}; collect again with this version"
        )
    return index


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
