"""Latent stores: nothing is lost by a kill, nothing is overwritten, and every mismatch says what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.data.latent_store import LatentStore, LatentStoreWriter, StoredMessage
from interlat.errors import LatentStoreMismatch

PROVENANCE = {"sender": "tiny", "view": "house", "width": 3}


def _message(number: int, width: int = 3) -> StoredMessage:
    length = 1 + number % 4
    latents = torch.arange(length * width, dtype=torch.float32).reshape(length, width) + 100 * number
    return StoredMessage(f"task-{number}", f"plan {number}", torch.arange(length) + number, latents)


def _fill(folder: Path, numbers: range, shard_size: int = 2, flush: bool = True) -> LatentStoreWriter:
    writer = LatentStoreWriter(folder, dict(PROVENANCE), shard_size)
    for number in numbers:
        if f"task-{number}" not in writer:
            writer.add(_message(number))
    if flush:
        writer.flush()
    return writer


def _content(folder: Path) -> dict[str, tuple[str, list[int], list[list[float]]]]:
    return {m.task_id: (m.plan, m.plan_ids.tolist(), m.latents.tolist()) for m in LatentStore(folder, verify=True)}


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_stored_is_read_back(tmp_path: Path):
    _fill(tmp_path / "store", range(5))
    store = LatentStore(tmp_path / "store", verify=True)
    assert len(store) == 5
    assert store.width == 3
    assert store.provenance == PROVENANCE
    assert [len(store.entries[f"task-{n}"].plan) for n in range(5)] == [6] * 5
    assert [store.entries[f"task-{n}"].length for n in range(5)] == [1, 2, 3, 4, 1]
    for number in range(5):
        wanted, got = _message(number), store[f"task-{number}"]
        assert torch.equal(got.latents, wanted.latents)
        assert torch.equal(got.plan_ids, wanted.plan_ids)
        assert got.plan == wanted.plan
    assert sorted(path.name for path in (tmp_path / "store").glob("shard-*")) == [
        f"shard-0000{n}.safetensors" for n in range(3)
    ]


@given(cut=st.integers(0, 7), shard_size=st.integers(1, 4))
def test_a_killed_writer_resumes_to_the_same_content(tmp_path_factory: Any, cut: int, shard_size: int):
    tmp_path = tmp_path_factory.mktemp("store")
    _fill(tmp_path / "whole", range(7), shard_size)
    _fill(tmp_path / "killed", range(cut), shard_size, flush=False)  # what is pending dies with it
    _fill(tmp_path / "killed", range(7), shard_size)
    assert _content(tmp_path / "killed") == _content(tmp_path / "whole")
    assert len(_content(tmp_path / "whole")) == 7


def test_a_kill_between_shard_and_index_loses_one_shard_only(tmp_path: Path):
    folder = tmp_path / "store"
    _fill(folder, range(2))
    index = (folder / "index.json").read_bytes()
    _fill(folder, range(4))
    (folder / "index.json").write_bytes(index)  # shard 1 is there, the index does not know it
    (folder / "shard-00002.safetensors.partial").write_bytes(b"half a shard")
    assert set(_content(folder)) == {"task-0", "task-1"}
    _fill(folder, range(7))
    _fill(tmp_path / "whole", range(7))
    assert _content(folder) == _content(tmp_path / "whole")


def test_a_kill_before_the_first_index_starts_over(tmp_path: Path):
    folder = tmp_path / "store"
    _fill(folder, range(2))
    (folder / "index.json").unlink()
    _fill(folder, range(3))
    _fill(tmp_path / "whole", range(3))
    assert _content(folder) == _content(tmp_path / "whole")


def test_a_store_of_another_sender_is_refused_and_left_as_it_is(tmp_path: Path):
    folder = tmp_path / "store"
    _fill(folder, range(3))
    before = _bytes(folder)
    with pytest.raises(LatentStoreMismatch, match=r"sender='other', width=5, .* sender='tiny', width=3.*collect again"):
        LatentStoreWriter(folder, {**PROVENANCE, "sender": "other", "width": 5})
    assert _bytes(folder) == before


def test_a_store_that_knows_less_is_refused(tmp_path: Path):
    _fill(tmp_path / "store", range(3))
    with pytest.raises(LatentStoreMismatch, match=r"plans='sampled'.* made with plans=None"):
        LatentStore(tmp_path / "store").require(plans="sampled")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (_message(1, width=4), r"wanted latents \[2, 3\] for 'task-1', got \[2, 4\]; the sender is not the one"),
        (
            StoredMessage("task-1", "p", torch.arange(1), torch.tensor([[0.0, float("nan"), 0.0]])),
            r"'task-1' hold NaN or infinity; use a wider dtype",
        ),
        (
            StoredMessage("task-1", "p", torch.arange(1), torch.tensor([[0.0, float("-inf"), 0.0]])),
            r"'task-1' hold NaN or infinity",
        ),
    ],
)
def test_a_message_that_does_not_fit_is_refused(tmp_path: Path, message: StoredMessage, text: str):
    writer = _fill(tmp_path / "store", range(1))
    before = _bytes(tmp_path / "store")
    with pytest.raises(LatentStoreMismatch, match=text):
        writer.add(message)
    writer.flush()
    assert _bytes(tmp_path / "store") == before


def test_a_damaged_shard_is_named(tmp_path: Path):
    _fill(tmp_path / "store", range(4))
    shard = tmp_path / "store" / "shard-00001.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1  # one flipped bit: the file still reads, its numbers are wrong
    shard.write_bytes(bytes(content))
    with pytest.raises(LatentStoreMismatch, match=r"shard-00001\.safetensors, which is damaged.*collect again"):
        LatentStore(tmp_path / "store", verify=True)


def test_a_cut_shard_is_named_when_it_is_read(tmp_path: Path):
    _fill(tmp_path / "store", range(4))
    shard = tmp_path / "store" / "shard-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:40])
    store = LatentStore(tmp_path / "store")
    assert store["task-0"].plan == "plan 0"
    with pytest.raises(LatentStoreMismatch, match=r"shard-00001\.safetensors.*cannot be read.*collect again"):
        store["task-3"]


def test_a_missing_shard_is_named(tmp_path: Path):
    _fill(tmp_path / "store", range(4))
    (tmp_path / "store" / "shard-00000.safetensors").unlink()
    with pytest.raises(LatentStoreMismatch, match=r"shard-00000\.safetensors, which is missing"):
        LatentStore(tmp_path / "store")


def test_a_missing_task_is_named(tmp_path: Path):
    _fill(tmp_path / "store", range(4))
    with pytest.raises(LatentStoreMismatch, match=r"holds 4 tasks, but not 'task-9'; collect for this split"):
        LatentStore(tmp_path / "store")["task-9"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, r"has no index\.json; make one with interlat-collect"),
        ("{", r"is not JSON.*collect again"),
        ("[]", r"is not a latent store of format 1"),
        (json.dumps({"format": 99}), r"is not a latent store of format 1"),
    ],
)
def test_what_is_no_store_is_refused(tmp_path: Path, text: str | None, error: str):
    if text is not None:
        (tmp_path / "index.json").write_text(text)
    with pytest.raises(LatentStoreMismatch, match=error):
        LatentStore(tmp_path)
