"""Recipes of traces train, resume, and leave agents that work; with a tiny backbone in the place of those that need a hub or a GPU."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_agents import save_tiny_lm

from interlat.agents.collaboration_prompts import Question
from interlat.agents.trace_folder import load_collaboration, trained_on
from interlat.cli import lightning
from interlat.data.reasoning import Arithmetic
from interlat.models.decoding import Sampling

RECIPES = Path(__file__).parents[2] / "recipes"
FOLDER = RECIPES / "diffmas"
DEBUG = RECIPES / "overlays" / "debug.yaml"
PUBLISHED = ["math", "code", "commonsense"]
QUESTION = Question("Who likes tea?", "expression", {"first": "Ann likes tea.", "last": "Who likes tea?"})


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with a tiny backbone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lightning"])  # main sets it; put it back afterwards
    save_tiny_lm(tmp_path / "checkpoints" / "split" / "base", hidden_size=16)
    return tmp_path


def _fit(recipe: str, *arguments: str) -> int:
    return lightning.main(["fit", "-c", str(FOLDER / f"{recipe}.yaml"), "-c", str(DEBUG), *arguments])


def test_the_embedded_recipe_trains_resumes_and_leaves_agents(workshop: Path):
    pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")
    small = ["--data.init_args.num_validation", "4", "--model.init_args.trace.latent_steps", "1"]
    assert _fit("embedded", *small) == 0
    assert _fit("embedded", *small, "--ckpt_path", "last", "--trainer.max_steps", "3") == 0
    run = Path("checkpoints/diffmas/embedded")
    stage = json.loads((run / "stage.json").read_text())
    assert (stage["stage"], stage["steps"], stage["adapters"]) == ("trace", 3, {"first": "default", "last": "default"})
    (answered,) = load_collaboration(run, sampling=Sampling(max_new_tokens=3)).answer([QUESTION])
    assert [account.latent_steps for account in answered.accounts] == [1, 0]
    logged = "".join(path.read_text() for path in run.rglob("metrics.csv"))
    for name in ("train/loss", "val/loss", "val/loss_alone", "train/gradient_norm_entries_first"):
        assert name in logged


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_a_published_recipe_trains_in_half_precision(workshop: Path, recipe: str):
    """As it stands, but for the backbone, the device, the problems, and micro-batches of a step."""
    overlay = {
        "trainer": {"accelerator": "cpu", "accumulate_grad_batches": 2, "max_steps": 1},
        "model": {"init_args": {"trace": {"model": "checkpoints/split/base", "latent_steps": 1}}},
        "data": {
            "init_args": {
                "games": {"class_path": "interlat.data.reasoning.Arithmetic"},
                "num_games": 4,
                "batch_size": 1,
            }
        },
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(overlay))
    assert _fit(recipe, "-c", "tiny.yaml") == 0
    run = Path("checkpoints/diffmas") / recipe
    adapter = load_file(run / "adapters" / "adapter_model.safetensors")
    assert {value.dtype for value in adapter.values()} == {torch.float32}, "adapters learn in full precision"
    assert any(bool(value.any()) for name, value in adapter.items() if "lora_B" in name)
    split = yaml.safe_load((FOLDER / f"{recipe}.yaml").read_text())["data"]["init_args"].get("split", "train")
    assert trained_on(run) == {problem.game_id for problem in Arithmetic().games(split, 4)}


def test_published_recipes_are_the_paper_s(workshop: Path):
    """210 problems once, 50 ten times, 700 once; r = 8, α = 16, 5e-5, ten steps; they differ in nothing else."""
    read = {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in PUBLISHED}
    data = {
        name: (each["data"]["init_args"]["num_games"], each["trainer"]["max_epochs"]) for name, each in read.items()
    }
    assert data == {"math": (210, 1), "code": (50, 10), "commonsense": (700, 1)}
    assert read["math"]["model"] == read["code"]["model"] == read["commonsense"]["model"]
    model = read["math"]["model"]["init_args"]
    assert model["trace"]["lora"] | {"target_modules": 4} == {
        "rank": 8,
        "alpha": 16,
        "dropout": 0.05,
        "target_modules": 4,
    }
    assert (model["trace"]["latent_steps"], float(model["optimizer"]["init_args"]["lr"])) == (10, 5e-5)
    assert model["trace"]["gradient"] == "bptt"


def test_traces_of_your_own_take_the_place_of_those_that_are_not_published(workshop: Path):
    """The command in the recipe's header; the row that boxes the wrong letter is left out."""
    rows = [
        {"prompt": f"{n}?\nA. yes\nB. no", "target": f"So \\boxed{{{'A' if n else 'B'}}}", "answer": "A"}
        for n in range(5)
    ]
    Path("traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = "--data.init_args.games"
    games = [given, "interlat.data.prompt_targets.PromptTargets", f"{given}.path", "traces.jsonl"]
    games += [f"{given}.grading", "letter", f"{given}.only_correct", "true", "--data.init_args.num_games", "4"]
    tiny = ["--model.init_args.trace.model", "checkpoints/split/base", "--trainer.accelerator", "cpu"]
    tiny += ["--trainer.accumulate_grad_batches", "2", "--trainer.max_steps", "1", "--data.init_args.batch_size", "2"]
    tiny += ["--model.init_args.trace.latent_steps", "0", "--trainer.precision", "32-true"]
    assert _fit("commonsense", *games, *tiny) == 0
    assert trained_on(Path("checkpoints/diffmas/commonsense")) == {f"traces/{n}" for n in range(2, 6)}
