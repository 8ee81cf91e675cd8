"""The whole path by its commands: collect, stage 1, stage 2, evaluation; household games and a tiny model, in one folder."""

import json
import sys
from pathlib import Path

import pytest
from tiny_agents import save_tiny_lm

from interlat.cli import collect, evaluate, lightning
from interlat.data.latent_store import LatentStore
from interlat.evaluation.episodes import EpisodeRecord, read_episodes

RECIPES = Path(__file__).parents[2] / "recipes"
CONDITIONS = ("latent", "latent:8", "text", "none", "latent+cross-task")


def _fit(recipe: str) -> int:
    return lightning.main(["fit", "-c", str(RECIPES / recipe), "-c", str(RECIPES / "overlays" / "debug.yaml")])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which everything has run once."""
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        save_tiny_lm(folder / "checkpoints" / "household-base")
        assert collect.main(["-c", str(RECIPES / "collect" / "household.yaml"), "--count", "24"]) == 0
        assert _fit("stage1.yaml") == 0
        assert _fit("stage2.yaml") == 0
        assert _evaluate("--out", "checkpoints/results") == 0
    return folder


def _evaluate(*arguments: str) -> int:
    games = ["--env", "household", "--split", "unseen", "--games", "4", "--max-steps", "6"]
    actor = ["--checkpoint", "checkpoints/stage2", "--conditions", ",".join(CONDITIONS)]
    return evaluate.main([*games, *actor, "--batch-size", "4", *arguments])


def _episodes(folder: Path) -> dict[tuple[str, int | None, str | None, str], EpisodeRecord]:
    return {(of.message, of.length, of.control, of.game_id): of for of in read_episodes(folder)}


def test_messages_are_collected_once_for_all_three(project: Path):
    (folder,) = project.glob("data/latents-*")
    store = LatentStore(folder, verify=True)
    assert len(store) == 24
    assert store.provenance["sender"] == "checkpoints/household-base"


def test_both_stages_leave_a_complete_run_folder(project: Path):
    one, two = project / "checkpoints" / "stage1", project / "checkpoints" / "stage2"
    for folder, stage in ((one, "actor"), (two, "compression")):
        assert json.loads((folder / "stage.json").read_text())["stage"] == stage
        names = {"adapter.safetensors", "actor", "tokenizer", "config.yaml", "last.ckpt"}
        assert names <= {path.name for path in folder.iterdir()}
    assert {"compressor", "bridge.safetensors"} <= {path.name for path in two.iterdir()}
    assert (one / "adapter.safetensors").read_bytes() == (two / "adapter.safetensors").read_bytes()


def test_every_condition_plays_every_game_and_is_counted(project: Path):
    results = json.loads((project / "checkpoints" / "results" / "results.json").read_text())
    assert list(results["conditions"]) == list(CONDITIONS)
    assert results["games"] == 4
    assert results["step_cap"] == 6
    for name, condition in results["conditions"].items():
        assert condition["episodes"] == 4
        assert 0 <= condition["success_rate"] <= 1
        assert condition["steps_all"] <= 6
        assert (condition["message_seconds"] > 0) is (name != "none")
    assert len(_episodes(project / "checkpoints" / "results")) == 4 * len(CONDITIONS)


def test_playing_again_one_at_a_time_gives_the_same_episodes(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)
    assert _evaluate("--out", "checkpoints/again", "--batch-size", "1") == 0
    first, again = _episodes(project / "checkpoints" / "results"), _episodes(project / "checkpoints" / "again")
    assert first.keys() == again.keys()
    assert {key: of.actions for key, of in first.items()} == {key: of.actions for key, of in again.items()}


def test_a_finished_evaluation_is_neither_lost_nor_played_again(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)
    episodes = project / "checkpoints" / "results" / "episodes.jsonl"
    before = episodes.read_bytes()
    assert _evaluate("--out", "checkpoints/results") != 0
    assert episodes.read_bytes() == before
    assert _evaluate("--out", "checkpoints/results", "--resume") == 0
    assert episodes.read_bytes() == before
