"""Run folders: whole or not there, never written over, and enough to load the agents from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_agents import fit

from interlat.agents.run_folder import load_actor, read_stage
from interlat.errors import CheckpointMismatch, FolderInUse
from interlat.exclusive import exclusive
from interlat.models import Lora
from interlat.splice import Segments
from interlat.training import RunFolder
from interlat.training.callbacks import export_run
from interlat.training.passes import read_messages


class Stop(Callback):
    """Ends training by an error after the first step."""

    def on_train_batch_end(self, *_: object) -> None:
        raise RuntimeError("out of power")


@pytest.mark.parametrize("lora", [None, Lora(rank=2)])
def test_a_finished_run_gives_the_actor_back(actor_stage: Any, tasks: Any, tmp_path: Path, lora: Lora | None):
    stage = actor_stage({"lora": lora})
    fit(stage, tasks(), 2, RunFolder(str(tmp_path / "run")))
    content = read_stage(tmp_path / "run", "actor")
    assert content["steps"] == 2
    assert content["sender_dim"] == 32
    assert content["actor"]["backbone"] == stage.settings.backbone
    assert content["sender"] == json.loads(json.dumps(stage.trainer.datamodule.store.provenance))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    loaded, trained = load_actor(tmp_path / "run"), stage.model.eval()
    row = [Segments([5, 6, 7], [8, 9, 10, 11], [False, True, True, True], 3)]
    with torch.no_grad():
        logits = [
            read_messages(actor, row, actor.adapt([torch.linspace(-1, 1, 96).reshape(3, 32)])).logits
            for actor in (loaded, trained)
        ]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)


def test_a_finished_run_is_not_trained_over(actor_stage: Any, tasks: Any, tmp_path: Path):
    fit(actor_stage(), tasks(), 1, RunFolder(str(tmp_path)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(CheckpointMismatch, match="already holds a finished run; delete the folder, set another path"):
        fit(actor_stage(), tasks(), 1, RunFolder(str(tmp_path)))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_two_runs_do_not_train_into_one_folder(actor_stage: Any, tasks: Any, tmp_path: Path):
    with exclusive(tmp_path / "run"), pytest.raises(FolderInUse, match="for this run alone"):
        fit(actor_stage(), tasks(), 1, RunFolder(str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()
    fit(actor_stage(), tasks(), 1, RunFolder(str(tmp_path / "run")))
    assert read_stage(tmp_path / "run", "actor")["steps"] == 1


def test_a_run_that_broke_off_lets_go_of_its_folder(actor_stage: Any, tasks: Any, tmp_path: Path):
    with pytest.raises(RuntimeError, match="out of power"):
        fit(actor_stage(), tasks(), 3, RunFolder(str(tmp_path / "run")), Stop())
    fit(actor_stage(), tasks(), 1, RunFolder(str(tmp_path / "run")))


def test_a_finished_run_can_be_gone_on_with(actor_stage: Any, tasks: Any, tmp_path: Path):
    def callbacks() -> list[Callback]:
        return [RunFolder(str(tmp_path)), ModelCheckpoint(tmp_path, save_last=True, every_n_train_steps=1)]

    fit(actor_stage(), tasks(), 1, *callbacks())
    fit(actor_stage(), tasks(), 3, *callbacks(), ckpt_path="last")
    assert read_stage(tmp_path, "actor")["steps"] == 3


def test_a_run_that_broke_off_exports_nothing(actor_stage: Any, tasks: Any, tmp_path: Path):
    with pytest.raises(RuntimeError, match="out of power"):
        fit(actor_stage(), tasks(), 3, RunFolder(str(tmp_path / "run")), Stop())
    assert not (tmp_path / "run").exists()


def test_an_export_that_breaks_off_leaves_the_folder_unfinished(
    actor_stage: Any, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stage = actor_stage()
    fit(stage, tasks(), 1)

    def full_disk(folder: Path, content: dict[str, object]) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("interlat.training.actor_stage.write_stage_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export_run(stage, tmp_path / "run")
    monkeypatch.undo()
    with pytest.raises(CheckpointMismatch, match=r"stage\.json cannot be read"):
        load_actor(tmp_path / "run")
    export_run(stage, tmp_path / "run")
    assert load_actor(tmp_path / "run").width == 48
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_export_replaces_what_was_there(actor_stage: Any, tasks: Any, tmp_path: Path):
    stage = actor_stage()
    fit(stage, tasks(), 1)
    (tmp_path / "run" / "actor").mkdir(parents=True)
    (tmp_path / "run" / "actor" / "old.safetensors").write_text("of an earlier run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    export_run(stage, tmp_path / "run")
    assert not (tmp_path / "run" / "actor" / "old.safetensors").exists()
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_damaged_run_is_named(stage_one: Path, tmp_path: Path):
    shutil.copytree(stage_one, tmp_path / "run")
    (tmp_path / "run" / "adapter.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointMismatch, match=r"adapter\.safetensors' does not hold the weights .* train it again"):
        load_actor(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "actor")
    with pytest.raises(CheckpointMismatch, match="lacks 'actor/'; it is incomplete, train it again"):
        load_actor(tmp_path / "run")
