"""The data module: what is prepared once, held out, and the same in every run."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import WrittenTasks, prepared, save_tiny_lm

from interlat.agents.sender import SenderSettings
from interlat.data.games import Household
from interlat.data.latent_store import LatentStore
from interlat.errors import InvalidSetting, ModelNotFound
from interlat.models.decoding import Sampling
from interlat.training import TrajectoryDataModule
from interlat.training.preparation import ensure_latents, ensure_records


def test_no_game_is_both_trained_on_and_held_out(tasks: Any):
    """18 tasks, a fifth (3.6, so 4) held out."""
    data = tasks(validation_share=0.2, silence_share=0.25)
    data.prepare_data()
    data.setup("fit")
    games = [
        {item.record.game_id for item in map(part.__getitem__, range(len(part)))}
        for part in (data.train, data.validation)
    ]
    assert games[0].isdisjoint(games[1])
    assert len(games[0] | games[1]) == 18
    assert len(data.validation.guided) == 4


def test_at_least_one_game_is_held_out(tasks: Any):
    data = tasks(validation_share=0.001)
    data.prepare_data()
    data.setup("fit")
    assert len(data.validation.guided) == 1


def test_validation_has_every_item_once_and_batches_of_one_kind(actor_stage: Any, tasks: Any):
    data = tasks(validation_share=0.4, silence_share=0.4, batch_size=3)
    prepared(actor_stage(), data)
    batches = list(data.val_dataloader())
    assert [(len(batch.records), batch.num_messages) for batch in batches] == [(3, 3), (3, 3), (1, 1), (3, 0), (2, 0)]
    seen = [record.game_id for batch in batches for record in batch.records[: batch.num_messages]]
    assert sorted(seen) == sorted(record.game_id for record in data.validation.guided)


def test_the_split_depends_on_the_seed_alone(tasks: Any):
    held_out = []
    for seed, batch_size in [(0, 4), (0, 2), (1, 4)]:
        data = tasks(validation_share=0.4, seed=seed, batch_size=batch_size)
        data.prepare_data()
        data.setup("fit")
        held_out.append([record.game_id for record in data.validation.guided])
    assert held_out[0] == held_out[1]
    assert held_out[0] != held_out[2]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_validation_share_out_of_range_is_refused(tasks: Any, share: float):
    with pytest.raises(InvalidSetting, match=r"validation_share must be within \(0, 1\), got"):
        tasks(validation_share=share)


def test_latents_are_collected_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = WrittenTasks(home / "sender", tmp_path)
    data.prepare_data()
    data.setup("fit")
    before = {path: path.stat().st_mtime_ns for path in data.store.folder.iterdir()}

    def refuse(settings: SenderSettings) -> None:
        raise AssertionError("a sender was loaded for messages that are all there")

    monkeypatch.setattr("interlat.training.preparation.build_sender", refuse)
    again = WrittenTasks(home / "sender", tmp_path)
    again.prepare_data()
    again.setup("fit")
    assert {path: path.stat().st_mtime_ns for path in again.store.folder.iterdir()} == before


@pytest.mark.parametrize("changed", [{"view": "task"}, {"plans": "written"}, {"sampling": Sampling(max_new_tokens=3)}])
def test_other_settings_of_the_sender_have_a_store_of_their_own(home: Path, tmp_path: Path, changed: dict[str, Any]):
    folders = []
    for sender in ({}, changed):
        data = WrittenTasks(home / "sender", tmp_path, num_tasks=4, sender=sender)
        folders.append(ensure_latents(data.path, data.sender, str(tmp_path), 4, 0))
    assert folders[0] != folders[1]
    assert all(len(LatentStore(folder)) == 4 for folder in folders)


def test_a_sender_trained_anew_under_its_name_has_a_store_of_its_own(tmp_path: Path):
    folders = []
    for seed in (0, 1):
        save_tiny_lm(tmp_path / "lm", seed=seed)
        data = WrittenTasks(tmp_path / "lm", tmp_path / "cache", num_tasks=4)
        folders.append(ensure_latents(data.path, data.sender, str(tmp_path / "cache"), 4, 0))
    assert folders[0] != folders[1]
    messages = [next(iter(LatentStore(folder))).latents for folder in folders]
    assert messages[0].shape != messages[1].shape or not torch.equal(*messages)


def test_household_games_are_recorded_and_collected_in_one_go(home: Path, tmp_path: Path):
    sender = SenderSettings(str(home / "sender"), view="house", sampling=Sampling(max_new_tokens=4))
    data = TrajectoryDataModule(Household(), sender, num_games=12, cache=str(tmp_path), collect_batch_size=5)
    data.prepare_data()
    data.setup("fit")
    assert len(data.store) == 12
    assert data.store.provenance["view"] == "house"
    path = ensure_records(Household(), "train", 12, 20, 0, str(tmp_path))
    stamp = path.stat().st_mtime_ns
    assert ensure_records(Household(), "train", 12, 20, 0, str(tmp_path)).stat().st_mtime_ns == stamp
    assert ensure_records(Household(seed=1), "train", 12, 20, 0, str(tmp_path)) != path


def test_a_sender_that_is_not_there_is_named(tmp_path: Path):
    data = WrittenTasks(tmp_path / "no-model", tmp_path, num_tasks=4)
    with pytest.raises(
        ModelNotFound, match=r"wanted a model folder at '.*no-model', but there is none; train it first"
    ):
        data.prepare_data()
