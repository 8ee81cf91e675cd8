"""Messages: what they refuse, and that a file gives back what was saved, whole or not at all."""

import dataclasses
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from interlat.errors import InvalidMessage
from interlat.messages import Entries, KVMessage, LatentMessage, Silence, Span, TextMessage, load, save


def kv_message() -> KVMessage:
    """Two layers of unequal shape, as models with grouped heads may have."""
    generator = torch.Generator().manual_seed(0)
    keys = tuple(torch.randn(heads, 3, 4, generator=generator) for heads in (2, 1))
    entries = Entries(
        torch.tensor([True, True, True]), torch.tensor([3, 8, 16]), torch.tensor([0, 1, -1]), torch.tensor([5, 0, 2])
    )
    spans = (Span("planner", "prompt"), Span("planner", "latent"))
    return KVMessage(keys, tuple(2 * key for key in keys), entries, 17, spans, provenance={"steps": 10})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_latent_message_comes_back(tmp_path, dtype):
    latents = torch.randn(3, 4).to(dtype)
    provenance = {"sender": "tiny", "seed": 0, "temperature": 0.7, "seen": True, "note": None}
    save(
        LatentMessage(latents, (7, 8, 9), "go to the fridge 1 — «näher»\n", provenance),
        tmp_path / "deep" / "m.safetensors",
    )
    loaded = load(tmp_path / "deep" / "m.safetensors")
    assert isinstance(loaded, LatentMessage)
    assert torch.equal(loaded.latents, latents)
    assert loaded.latents.dtype == dtype
    assert loaded.plan_ids == (7, 8, 9)
    assert loaded.plan == "go to the fridge 1 — «näher»\n"
    assert loaded.provenance == provenance
    assert (loaded.num_latents, loaded.sender_dim) == (3, 4)


def test_a_kv_message_comes_back(tmp_path):
    message = kv_message()
    save(message, tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert isinstance(loaded, KVMessage)
    assert all(map(torch.equal, loaded.keys, message.keys))
    assert all(map(torch.equal, loaded.values, message.values))
    for field in dataclasses.fields(Entries):
        assert torch.equal(getattr(loaded.entries, field.name), getattr(message.entries, field.name))
    assert (loaded.next_position, loaded.num_layers, loaded.provenance) == (17, 2, {"steps": 10})
    assert (loaded.spans, loaded.layer_mask) == (message.spans, None)
    assert loaded.num_bytes == message.num_bytes == 2 * 3 * (2 + 1) * 4 * 4


def test_layers_not_sent_take_no_room(tmp_path):
    """Layer 0 holds all 3 entries, layer 1 only the last: 2 tensors of 2 heads times 3, and of 1 head times 1, 4 floats each."""
    whole = kv_message()
    held = torch.tensor([[True, True, True], [False, False, True]])
    emptied = tuple(tensor * held[layer, :, None] for layer, tensor in enumerate(whole.keys))
    message = dataclasses.replace(whole, keys=emptied, values=emptied, layer_mask=held)
    assert message.num_bytes == (2 * 2 * 3 + 2 * 1 * 1) * 4 * 4
    save(message, tmp_path / "m")
    save(whole, tmp_path / "whole")
    loaded = load(tmp_path / "m")
    assert isinstance(loaded, KVMessage)
    assert torch.equal(loaded.held, held)
    assert all(map(torch.equal, loaded.keys, emptied))
    assert loaded.num_bytes == message.num_bytes < whole.num_bytes
    tensors = load_file(tmp_path / "m")
    assert tensors["keys.1"].shape == (1, 1, 4)


def test_entries_taken_keep_what_is_known_of_them():
    taken = kv_message().take(torch.tensor([2, 0]))
    assert taken.positions.tolist() == [16, 3]
    assert (taken.entries.span.tolist(), taken.entries.place.tolist()) == ([-1, 0], [2, 5])
    assert torch.equal(taken.values[1], kv_message().values[1][:, [2, 0]])
    assert taken.next_position == 17


@pytest.mark.parametrize("message", [TextMessage("put a mug"), TextMessage(""), Silence()])
def test_messages_without_tensors_come_back(tmp_path, message):
    save(message, tmp_path / "m")
    assert load(tmp_path / "m") == message


def test_views_and_shared_storage_are_saved_as_they_read(tmp_path):
    """Keys and values cut from one cache share storage; a transposed view is not contiguous."""
    cache = torch.arange(24.0).reshape(3, 2, 4)
    keys = cache.transpose(0, 1)
    save(KVMessage((keys,), (keys,), Entries.counted(torch.ones(3, dtype=torch.bool)), 3), tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert isinstance(loaded, KVMessage)
    assert torch.equal(loaded.keys[0], keys)
    assert torch.equal(loaded.values[0], keys)


def test_a_latent_with_gradient_is_saved_without_it(tmp_path):
    save(LatentMessage(torch.ones(1, 2, requires_grad=True)), tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert isinstance(loaded, LatentMessage)
    assert not loaded.latents.requires_grad


def test_saving_replaces_whole_files_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "m"
    save(TextMessage("old"), path)
    save(TextMessage("new"), path)
    assert load(path) == TextMessage("new")
    with pytest.raises(InvalidMessage, match=r"NaN or infinity in latents"):
        save(LatentMessage(torch.tensor([[float("nan")]])), path)
    assert load(path) == TextMessage("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m"]


def test_a_reader_of_the_old_file_is_not_disturbed(tmp_path):
    """A replaced file lives on for whoever has it open; one written over in place would change under the reader."""
    path = tmp_path / "m"
    save(TextMessage("old"), path)
    whole = path.read_bytes()
    with path.open("rb") as reader:
        save(TextMessage("new"), path)
        assert reader.read() == whole


def test_a_failed_write_keeps_the_old_file_and_no_partial_one(tmp_path):
    """A folder stands where the file should go: the write succeeds, the replace cannot."""
    (tmp_path / "m").mkdir()
    with pytest.raises(OSError, match="m"):
        save(Silence(), tmp_path / "m")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m"]


def test_messages_are_frozen_and_travel_to_worker_processes():
    message = LatentMessage(torch.ones(2, 3), provenance={"seed": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.plan = "other"
    cut = dataclasses.replace(message, latents=message.latents[:1])
    assert (cut.num_latents, message.num_latents, cut.provenance) == (1, 2, {"seed": 1})
    assert pickle.loads(pickle.dumps(message)).provenance == {"seed": 1}


def test_damaged_foreign_and_missing_files_are_told_apart(tmp_path):
    path = tmp_path / "m"
    with pytest.raises(FileNotFoundError):
        load(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(InvalidMessage, match=r"cannot be read"):
        load(path)
    save(LatentMessage(torch.ones(4, 4)), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InvalidMessage, match=r"cannot be read"):
        load(path)
    save_file({"weight": torch.ones(1)}, path)
    with pytest.raises(InvalidMessage, match=r"must hold interlat-message version 1, got format None"):
        load(path)
    save_file({}, path, {"format": "interlat-message", "version": "1", "fields": '{"kind": "latent"}'})
    with pytest.raises(InvalidMessage, match=r"without 'latents'"):
        load(path)
    save_file({}, path, {"format": "interlat-message", "version": "1", "fields": '{"kind": "smoke"}'})
    with pytest.raises(InvalidMessage, match=r"got 'smoke'"):
        load(path)


def test_a_message_of_no_latents_is_refused():
    with pytest.raises(InvalidMessage, match=r"shape \[0, 4\]; to send nothing, send Silence"):
        LatentMessage(torch.zeros(0, 4))


def test_layers_that_disagree_are_refused():
    key, entries = torch.zeros(2, 3, 4), Entries.counted(torch.ones(3, dtype=torch.bool))
    with pytest.raises(InvalidMessage, match=r"got 1 and 2 layers"):
        KVMessage((key,), (key, key), entries, 3)
    with pytest.raises(InvalidMessage, match=r"got 0 and 0 layers"):
        KVMessage((), (), entries, 3)
    with pytest.raises(InvalidMessage, match=r"layer 0 must be \[kv_heads, 3, head_dim\]"):
        KVMessage((key,), (key[:, :2],), entries, 3)


def test_messages_that_contradict_themselves_are_refused():
    message = kv_message()
    with pytest.raises(InvalidMessage, match=r"behind the last entry, at 16, got next position 16"):
        dataclasses.replace(message, next_position=16)
    with pytest.raises(InvalidMessage, match=r"belong to 1 spans, got number 1"):
        dataclasses.replace(message, spans=message.spans[:1])
    with pytest.raises(InvalidMessage, match=r"at least one entry, got none; to send nothing, send Silence"):
        message.take(torch.tensor([], dtype=torch.long))
    with pytest.raises(InvalidMessage, match=r"a layer mask must be \[2, 3\], got \[1, 3\]"):
        dataclasses.replace(message, layer_mask=torch.ones(1, 3, dtype=torch.bool))
