"""Items, the share of silence, and batches of token ids."""

from pathlib import Path

import pytest
import torch
from tiny_agents import task_records

from interlat.agents.conversation import Conversation
from interlat.agents.sender import ReasoningAgent
from interlat.data.batches import Collator, MessageDataset
from interlat.data.latent_store import LatentStore, LatentStoreWriter, StoredMessage
from interlat.errors import InvalidSetting, LatentStoreMismatch

RECORDS = task_records(12)


@pytest.fixture
def store(tmp_path: Path) -> LatentStore:
    writer = LatentStoreWriter(tmp_path / "store", {"width": 2})
    for number, record in enumerate(RECORDS):
        length = 2 + number % 3
        writer.add(
            StoredMessage(record.game_id, "go", torch.arange(length), torch.full((length, 2), float(number)).half())
        )
    writer.flush()
    return LatentStore(tmp_path / "store")


@pytest.mark.parametrize(("share", "silent"), [(0.0, 0), (0.25, 4), (0.5, 12)])
def test_the_share_of_silence_is_of_all_items(store: LatentStore, share: float, silent: int):
    """12 / (12 + 4) = 0.75 and 12 / (12 + 12) = 0.5."""
    items = MessageDataset(RECORDS, store, share)
    assert len(items) == 12 + silent
    got = [items[i] for i in range(len(items))]
    assert sum(item.message is None for item in got) == silent
    for item in got:
        assert item.turns == (item.record.guided if item.message is not None else item.record.explored)
        assert item.turns


def test_an_actor_may_be_taught_in_silence_alone(store: LatentStore):
    """Each game that an expert finishes is shown once, as the expert plays it; no message is left."""
    items = MessageDataset(RECORDS, store, 1.0)
    got = [items[i] for i in range(len(items))]
    assert [item.message for item in got] == [None] * 6
    assert {item.record.game_id for item in got} == {RECORDS[i].game_id for i in range(0, 12, 2)}


def test_silence_prefers_no_game(store: LatentStore):
    items = MessageDataset(RECORDS, store, 0.5)
    silent = [items[i].record.game_id for i in range(12, 24)]
    assert {game: silent.count(game) for game in silent} == {RECORDS[i].game_id: 2 for i in range(0, 12, 2)}


@pytest.mark.parametrize("share", [1.01, -0.1, 2.0])
def test_a_share_out_of_range_is_refused(store: LatentStore, share: float):
    with pytest.raises(InvalidSetting, match=r"silence_share must be within \[0, 1\], got"):
        MessageDataset(RECORDS, store, share)


def test_silence_without_an_expert_is_refused(store: LatentStore):
    with pytest.raises(InvalidSetting, match="raise max_explore_steps"):
        MessageDataset(RECORDS[1::2], store, 0.25)


def test_a_game_without_a_message_is_refused_at_once(store: LatentStore):
    with pytest.raises(LatentStoreMismatch, match="but not 'task-012'"):
        MessageDataset(task_records(13), store, 0.0)


def _with_empty(folder: Path, empty: set[int]) -> LatentStore:
    writer = LatentStoreWriter(folder, {"width": 2})
    for number, record in enumerate(RECORDS):
        length = 0 if number in empty else 2
        writer.add(StoredMessage(record.game_id, "go"[:length], torch.arange(length), torch.ones(length, 2)))
    writer.flush()
    return LatentStore(folder)


def test_a_game_whose_sender_said_nothing_is_passed_over(tmp_path: Path, sender: ReasoningAgent):
    """Two of twelve; half of what is left is silence, and a game without a message may be among it."""
    items = MessageDataset(RECORDS, _with_empty(tmp_path / "store", {0, 5}), 0.5)
    assert [record.game_id for record in items.guided] == [RECORDS[i].game_id for i in range(12) if i not in (0, 5)]
    assert len(items) == 10 + 10
    assert all(item.message is None or len(item.message.latents) == 2 for item in (items[i] for i in range(20)))
    assert RECORDS[0].game_id in {items[i].record.game_id for i in range(10, 20)}
    batch = Collator(Conversation(sender.tokenizer), lambda message: message.plan_ids)([items[i] for i in range(20)])
    assert {segment.num_latents for segment in batch.segments[:10]} == {2}


def test_a_sender_that_never_said_anything_is_refused(tmp_path: Path):
    with pytest.raises(LatentStoreMismatch, match=r"only empty messages for these 12 games.*take another sender"):
        MessageDataset(RECORDS, _with_empty(tmp_path / "store", set(range(12))), 0.5)


def test_a_batch_has_its_messages_first_and_keeps_their_order(store: LatentStore, sender: ReasoningAgent):
    items = MessageDataset(RECORDS, store, 0.5)
    conversation = Conversation(sender.tokenizer)
    collate = Collator(conversation, lambda message: message.plan_ids + 100)
    given = [items[14], items[3], items[20], items[1]]
    batch = collate(given)
    assert batch.num_messages == 2
    assert [record.game_id for record in batch.records[:2]] == ["task-003", "task-001"]
    assert [record.game_id for record in batch.records[2:]] == [given[0].record.game_id, given[2].record.game_id]
    assert [segment.num_latents for segment in batch.segments] == [2, 3, None, None]
    assert [ids.tolist() for ids in batch.plan_ids] == [[100, 101], [100, 101, 102]]
    assert [latents.tolist() for latents in batch.latents] == [[[3.0, 3.0]] * 2, [[1.0, 1.0]] * 3]
    assert all(latents.dtype == torch.float32 for latents in batch.latents)
    for record, segment, item in zip(
        batch.records, batch.segments, [given[1], given[3], given[0], given[2]], strict=True
    ):
        assert list(segment.head) == conversation.head(record.opening)
        assert list(segment.tail) == conversation.tail(item.turns).ids
        learned = [token for token, keep in zip(segment.tail, segment.supervised, strict=True) if keep]
        assert learned == [token for _, action, _ in item.turns for token in conversation.answer("", action)]


def test_the_actor_is_never_told_where_things_are(store: LatentStore, sender: ReasoningAgent):
    items = MessageDataset(RECORDS, store, 0.5)
    collate = Collator(Conversation(sender.tokenizer), lambda message: message.plan_ids)
    batch = collate([items[i] for i in range(24)])
    for record, segment in zip(batch.records, batch.segments, strict=True):
        text = sender.tokenizer.decode([*segment.head, *segment.tail])
        assert not any(line in text for line in record.house.split("\n"))
