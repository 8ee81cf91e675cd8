"""A Llama speaks to a Qwen2 of another width and vocabulary: both stages trained and evaluated by their recipes."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_agents import save_tiny_lm

from interlat.agents.run_folder import load_actor
from interlat.agents.sender import build_sender, sender_settings
from interlat.cli import evaluate, lightning
from interlat.data.latent_store import LatentStore
from interlat.models.chat import encode

RECIPES = Path(__file__).parents[2] / "recipes"
CONDITIONS = "latent,latent:8,text,none,latent+cross-task,latent+random-rot"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which both stages have run for two steps."""
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        save_tiny_lm(folder / "checkpoints" / "household-base")
        save_tiny_lm(folder / "checkpoints" / "household-qwen2", hidden_size=48, seed=1, family="qwen2", vocab_size=320)
        debug = ["-c", str(RECIPES / "overlays" / "debug.yaml")]
        width = ["--model.init_args.actor.sender_dim", "32"]
        assert lightning.main(["fit", "-c", str(RECIPES / "cross-family" / "stage1.yaml"), *debug, *width]) == 0
        assert lightning.main(["fit", "-c", str(RECIPES / "cross-family" / "stage2.yaml"), *debug]) == 0
        games = ["--env", "household", "--split", "unseen", "--games", "4", "--max-steps", "4", "--batch-size", "4"]
        actor = ["--checkpoint", "checkpoints/cross-family/stage2", "--conditions", CONDITIONS]
        assert evaluate.main([*games, *actor, "--out", "checkpoints/results"]) == 0
    return folder


def test_the_agents_share_neither_family_nor_width_nor_vocabulary(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)
    run = project / "checkpoints" / "cross-family" / "stage2"
    actor = load_actor(run)
    sender = build_sender(sender_settings(json.loads((run / "stage.json").read_text())["sender"]))
    assert (sender.lm.config.model_type, actor.lm.config.model_type) == ("llama", "qwen2")
    assert (sender.lm.config.hidden_size, actor.width) == (32, 48)
    assert len(sender.tokenizer) != len(actor.tokenizer)
    latents = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    assert actor.adapt([latents])[0].shape == (5, 48)


def test_the_input_projection_is_trained_and_saved(project: Path):
    weights = load_file(project / "checkpoints" / "cross-family" / "stage2" / "adapter.safetensors")
    wide = [name for name, value in weights.items() if tuple(value.shape) == (48, 32)]
    assert len(wide) == 1


def test_plans_have_another_length_in_the_receivers_words(project: Path):
    """What makes the curriculum scale its cut: the two vocabularies cut some plan into different numbers of tokens."""
    (folder,) = project.glob("data/latents-*")
    receiver = load_actor(project / "checkpoints" / "cross-family" / "stage1").tokenizer
    lengths = [(len(plan.plan_ids), len(encode(receiver, plan.plan))) for plan in LatentStore(folder)]
    assert any(own != other for own, other in lengths)


def test_every_condition_is_played(project: Path):
    results = json.loads((project / "checkpoints" / "results" / "results.json").read_text())
    assert list(results["conditions"]) == CONDITIONS.split(",")
    assert all(condition["episodes"] == 4 for condition in results["conditions"].values())
