"""What a trace can be taught beyond the paper, as overlays: each trains two steps, all together on three agents, and is played."""

import json
import sys
from pathlib import Path

import pytest
from tiny_agents import save_tiny_lm

from interlat.agents.trace_folder import load_collaboration
from interlat.cli import evaluate, lightning
from interlat.models.decoding import Sampling

RECIPES = Path(__file__).parents[2] / "recipes"
OVERLAYS = sorted((RECIPES / "overlays").glob("trace-*.yaml"))
LOGGED = {
    "trace-adapter": ["train/loss"],
    "trace-alignment": ["train/alignment", "val/loss_told"],
    "trace-separation": ["train/separation", "val/separation", "val/loss_swapped"],
    "trace-steps": ["train/steps_first", "train/steps_entropy_first"],
}


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with tiny backbones."""
    pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lightning"])  # main sets it; put it back afterwards
    for name in ("base", "three"):
        save_tiny_lm(tmp_path / "checkpoints" / "split" / name, hidden_size=16)
    return tmp_path


def _fit(recipe: str, overlays: list[Path]) -> Path:
    layers = [RECIPES / "diffmas" / f"{recipe}.yaml", RECIPES / "overlays" / "debug.yaml", *overlays]
    small = ["--data.init_args.num_validation", "4", "--model.init_args.trace.latent_steps", "2"]
    assert lightning.main(["fit", *(part for layer in layers for part in ("-c", str(layer))), *small]) == 0
    run = Path("checkpoints/diffmas") / recipe
    assert json.loads((run / "stage.json").read_text())["steps"] == 2
    return run


def _logged(run: Path) -> str:
    return "".join(path.read_text() for path in run.rglob("metrics.csv"))


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_an_overlay_trains_two_steps_and_leaves_agents(overlay: Path, workshop: Path):
    assert f"-c recipes/diffmas/embedded.yaml -c recipes/overlays/{overlay.name} " in overlay.read_text()
    run = _fit("embedded", [overlay])
    assert all(name in _logged(run) for name in LOGGED[overlay.stem])
    assert (run / "communication.safetensors").exists() is (overlay.stem == "trace-adapter")
    assert load_collaboration(run, sampling=Sampling(max_new_tokens=2)).settings.agents[-1].name == "last"


def test_all_of_them_train_together_on_three_agents_and_are_played(workshop: Path, capsys: pytest.CaptureFixture[str]):
    """From recipe to table: `interlat-eval` plays the adapter that was learnt, for as many steps as were chosen."""
    run = _fit("three", OVERLAYS)
    assert all(name in _logged(run) for names in LOGGED.values() for name in names)
    chosen = [each["latent_steps"] for each in json.loads((run / "stage.json").read_text())["trace"]["cast"]]
    assert all(each in (1, 2) for each in chosen[:2])
    arguments = ["--checkpoint", str(run), "--env", "reasoning-gym-split-3", "--games", "4", "--answer-tokens", "3"]
    methods = "diffmas,diffmas+cross-task,diffmas+untrained"
    assert evaluate.main(["--method", methods, *arguments, "--out", "out"]) == 0, capsys.readouterr().err
    results = json.loads(Path("out/results.json").read_text())
    cost = results["conditions"]["diffmas"]["cost_by_agent"]
    assert [of["latent_steps"] for of in cost.values()] == [*chosen[:2], 0]
