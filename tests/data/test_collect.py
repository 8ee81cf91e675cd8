"""Collecting messages: resumable, reproducible, and blind to what the view hides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import task_records

from interlat.agents.sender import Plan, ReasoningAgent
from interlat.data.collect import Collection, collect
from interlat.data.latent_store import LatentStore, LatentStoreWriter
from interlat.data.plan_writer import write_plan
from interlat.models.decoding import Generators

TASKS = task_records(7)
PROVENANCE = {"sender": "tiny", "width": 32}


class Watched:
    """The sender, and every prompt it was asked to plan for."""

    def __init__(self, sender: ReasoningAgent, dies_after: int = 99) -> None:
        self.sender, self.left, self.asked = sender, dies_after, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sender, name)

    def write(self, prompts: Sequence[Sequence[int]], generator: Generators | None = None) -> list[Plan]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += prompts
        return self.sender.write(prompts, generator)

    def read(self, prompts: Sequence[Sequence[int]], plans: Sequence[Sequence[int]]) -> list[Plan]:
        self.asked += prompts
        return self.sender.read(prompts, plans)


def _collected(sender: Any, folder: Path, shard_size: int = 2, **settings: Any) -> list[int]:
    how = Collection(**{"view": "house", "batch_size": 3, **settings})
    return list(collect(TASKS, sender, how, LatentStoreWriter(folder, dict(PROVENANCE), shard_size)))


def _content(folder: Path) -> dict[str, tuple[str, list[int], list[list[float]]]]:
    return {m.task_id: (m.plan, m.plan_ids.tolist(), m.latents.tolist()) for m in LatentStore(folder, verify=True)}


def test_every_task_gets_a_message(sender: ReasoningAgent, tmp_path: Path):
    assert _collected(sender, tmp_path / "store") == [3, 6, 7]
    store = LatentStore(tmp_path / "store")
    assert set(store.entries) == {task.game_id for task in TASKS}
    for message in store:
        assert message.latents.shape == (len(message.plan_ids), 32)
        assert message.plan == sender.tokenizer.decode(message.plan_ids, skip_special_tokens=True)


def test_batches_store_what_one_by_one_does(sender: ReasoningAgent, tmp_path: Path):
    for size in (1, 3, 7):
        _collected(sender, tmp_path / str(size), batch_size=size)
    alone, *batched = (_content(tmp_path / str(size)) for size in (1, 3, 7))
    assert len({plan for plan, *_ in alone.values()}) == len(TASKS)
    for stored in batched:
        assert {name: ids for name, (_, ids, _) in stored.items()} == {name: ids for name, (_, ids, _) in alone.items()}


@pytest.mark.parametrize("batches", [1, 2])
def test_killed_and_resumed_stores_what_an_unbroken_run_does(sender: ReasoningAgent, tmp_path: Path, batches: int):
    """Plans are sampled here, so a batch that drew from another place of the generator would show."""
    _collected(sender, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _collected(Watched(sender, dies_after=batches), tmp_path / "killed")
    assert 0 < len(_content(tmp_path / "killed")) < len(TASKS)  # a shard of two lies within a batch of three
    _collected(sender, tmp_path / "killed")
    assert _content(tmp_path / "killed") == _content(tmp_path / "whole")


def test_what_is_stored_is_not_made_again(sender: ReasoningAgent, tmp_path: Path):
    _collected(sender, tmp_path / "store")
    watched = Watched(sender)
    assert _collected(watched, tmp_path / "store") == [3, 6, 7]
    assert watched.asked == []


def test_another_seed_samples_other_plans(sender: ReasoningAgent, tmp_path: Path):
    plans = []
    for seed in (0, 1):
        _collected(sender, tmp_path / str(seed), seed=seed)
        plans.append([message.plan for message in LatentStore(tmp_path / str(seed))])
    assert plans[0] != plans[1]


@pytest.mark.parametrize("plans", ["sampled", "written"])
def test_the_task_view_never_shows_where_things_are(sender: ReasoningAgent, tmp_path: Path, plans: str):
    watched = {view: Watched(sender) for view in ("task", "house")}
    for view, each in watched.items():
        _collected(each, tmp_path / view, view=view, plans=plans)
    texts = {view: [sender.tokenizer.decode(ids) for ids in each.asked] for view, each in watched.items()}
    lines = {line for task in TASKS for line in task.house.split("\n")}
    assert len(texts["task"]) == len(TASKS)
    assert not any(line in text for text in texts["task"] for line in lines)
    for task in TASKS:
        assert sum(task.opening in text for text in texts["task"]) >= 1
        assert sum(task.house in text for text in texts["house"]) == 1


@pytest.mark.parametrize("view", ["task", "house"])
def test_written_plans_are_the_walkthrough_in_words(sender: ReasoningAgent, tmp_path: Path, view: Any):
    _collected(sender, tmp_path / "store", plans="written", view=view)
    store = LatentStore(tmp_path / "store")
    for task in TASKS:
        message, words = store[task.game_id], write_plan(task.walkthrough, view, task.game_id)
        assert message.plan == words
        assert message.plan_ids.tolist() == sender.encode(words)
        alone = sender.read(
            [sender.prompt_ids(task.opening, task.house if view == "house" else None)], [message.plan_ids.tolist()]
        )
        torch.testing.assert_close(message.latents, alone[0].latents, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("plans", ["sampled", "written"])
def test_an_empty_plan_is_stored_once_and_warned_of(
    sender: ReasoningAgent,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    plans: str,
):
    """A sender may end its plan at once; asking again would bring the same draw, and training would fail on it much later."""
    if plans == "sampled":
        _collected(sender, tmp_path / "first", batch_size=7)
        quiet = LatentStore(tmp_path / "first")[TASKS[3].game_id].plan_ids[0]
        monkeypatch.setattr(sender, "end_id", int(quiet))
    else:
        monkeypatch.setattr(
            "interlat.data.collect.write_plan", lambda _, __, task_id: "go" * (task_id != TASKS[3].game_id)
        )
    watched = Watched(sender)
    _collected(watched, tmp_path / "store", plans=plans, batch_size=7)
    store = LatentStore(tmp_path / "store", verify=True)
    empty = {task_id for task_id, entry in store.entries.items() if entry.length == 0}
    assert TASKS[3].game_id in empty
    assert len(empty) < len(TASKS)
    message = store[TASKS[3].game_id]
    assert (message.plan, message.plan_ids.tolist(), message.latents.shape) == ("", [], (0, 32))
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert {f"the plan for '{task}' is empty: training passes over this task" for task in empty} == set(warned)
    watched.asked.clear()
    _collected(watched, tmp_path / "store", plans=plans, batch_size=7)
    assert watched.asked == []
