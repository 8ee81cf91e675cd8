"""Chain and tree by their commands: train, go on, evaluate under every kind of condition; household games, tiny models."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file
from tiny_agents import save_tiny_lm

from interlat.cli import evaluate, lightning
from interlat.evaluation.episodes import read_episodes

RECIPES = Path(__file__).parents[2] / "recipes"
TEAMS = ("chain", "tree")
CONDITIONS = ("latent", "latent:2", "latent+cross-task", "latent+cov-noise-1.0", "latent+zero", "text", "none")


def _fit(recipe: str, *arguments: str) -> int:
    return lightning.main(
        ["fit", "-c", str(RECIPES / recipe), "-c", str(RECIPES / "overlays" / "debug.yaml"), *arguments]
    )


def _folder(team: str) -> Path:
    callbacks = yaml.safe_load((RECIPES / "household" / f"{team}.yaml").read_text())["trainer"]["callbacks"]
    return next(Path(each["init_args"]["path"]) for each in callbacks if each["class_path"].endswith("RunFolder"))


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder in which stage 1 has run."""
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        save_tiny_lm(folder / "checkpoints" / "household-base")
        assert _fit("stage1.yaml") == 0
        yield folder


@pytest.mark.parametrize("team", TEAMS)
def test_a_team_trains_goes_on_and_is_measured(team: str):
    recipe, folder = f"household/{team}.yaml", _folder(team)
    assert _fit(recipe) == 0
    assert json.loads((folder / "stage.json").read_text())["steps"] == 2
    before = load_file(folder / "team.safetensors")
    assert _fit(recipe, "--ckpt_path", "last", "--trainer.max_steps", "3") == 0
    stage = json.loads((folder / "stage.json").read_text())
    assert (stage["stage"], stage["steps"]) == ("team", 3)
    assert any(not value.equal(before[name]) for name, value in load_file(folder / "team.safetensors").items())
    logged = "".join(path.read_text() for path in folder.rglob("metrics.csv"))
    assert all(name in logged for name in ("train/loss_separation", "val/loss_without_"))

    games = ["--env", "household", "--split", "unseen", "--games", "3", "--max-steps", "3", "--batch-size", "3"]
    actor = ["--checkpoint", str(folder), "--conditions", ",".join(CONDITIONS), "--out", f"results-{team}"]
    assert evaluate.main([*games, *actor]) == 0
    results = json.loads(Path(f"results-{team}", "results.json").read_text())
    assert list(results["conditions"]) == list(CONDITIONS)
    assert all((of["message_seconds"] > 0) is (name != "none") for name, of in results["conditions"].items())
    assert len(read_episodes(Path(f"results-{team}"))) == 3 * len(CONDITIONS)


def test_a_team_starts_from_a_bare_backbone_too(capsys: pytest.CaptureFixture[str]):
    """The actor is then written out in place of a folder's path, in the recipe or on the command line."""
    new = ["--model.init_args.actor", '{"backbone": "checkpoints/household-base", "form": "react"}']
    callbacks = [{"class_path": "interlat.training.RunFolder", "init_args": {"path": "checkpoints/bare"}}]
    assert _fit("household/tree.yaml", *new, "--trainer.callbacks", json.dumps(callbacks)) == 0
    assert json.loads(Path("checkpoints/bare/stage.json").read_text())["actor"]["form"] == "react"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            '[{"name": "a", "role": "critic", "hears": ["b"]}, {"name": "b", "role": "critic", "hears": ["a"]}]',
            "in a circle",
        ),
        ('[{"name": "a", "role": "critic", "hears": ["boss"]}]', "'a' hears 'boss', but the members are a"),
    ],
)
def test_a_wrong_team_is_named(capsys: pytest.CaptureFixture[str], change: str, text: str):
    members = ["--model.init_args.team.members", change, "--model.init_args.team.actor_hears", '["a"]']
    try:
        got = _fit("household/tree.yaml", *members)
    except SystemExit as end:
        got = end.code
    assert got == 2
    assert text in " ".join(capsys.readouterr().err.split())
