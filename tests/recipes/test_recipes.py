"""Every recipe parses, trains two steps and resumes; with tiny agents in the place of those that need a hub or a GPU.

Recipes run as they stand, in a folder of their own: their relative paths then lie there.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_agents import save_tiny_lm

from interlat.agents.run_folder import load_actor
from interlat.cli import collect, lightning

RECIPES = Path(__file__).parents[2] / "recipes"
DEBUG = RECIPES / "overlays" / "debug.yaml"
TRAINED = sorted(
    path for path in RECIPES.rglob("*.yaml") if path.parent.name not in ("overlays", "collect", "tables", "latentmas")
)
COLLECTED = sorted((RECIPES / "collect").glob("*.yaml"))
FAMILIES = sorted({path.parent for path in TRAINED if path.stem == "stage1"})
BASE = "checkpoints/household-base"


def _name(path: Path) -> str:
    return str(path.relative_to(RECIPES))


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with a tiny base model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lightning"])  # main sets it; put it back afterwards
    save_tiny_lm(tmp_path / BASE)
    return tmp_path


def _fit(recipe: Path | str, *arguments: str, overlay: Path | None = None) -> int:
    layers = [str(recipe), str(DEBUG), *([] if overlay is None else [str(overlay)])]
    return lightning.main(["fit", *(part for layer in layers for part in ("-c", layer)), *arguments])


def _tiny(recipe: Path, folder: Path) -> Path:
    """An overlay that puts tiny agents and household games in, and takes devices that are not here out."""
    model = yaml.safe_load(recipe.read_text())["model"]["init_args"]
    agent: dict[str, Any] = {"backbone": BASE, "tokenizer": None}
    # Half precision is slow on a CPU and tried in one recipe only.
    trainer = {"accelerator": "cpu", "devices": 1, "strategy": "auto", "accumulate_grad_batches": 2}
    if recipe.parent.name != "qwen2.5-0.5b":
        trainer["precision"], agent["dtype"] = "32-true", "float32"
    settings = (
        {"compressor": {**agent, "num_latents": 8}}
        if "compressor" in model
        else {"actor": {**agent, "sender_dim": 32, "adapter_heads": 8}}
    )
    overlay = {
        "trainer": trainer,
        "model": {"init_args": settings},
        "data": {
            "init_args": {
                "batch_size": 2,
                "games": {"class_path": "interlat.data.games.Household"},
                "sender": {"model": BASE, "sampling": {"max_new_tokens": 8}},
            }
        },
    }
    path = folder / f"tiny-{recipe.stem}.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return path


def _run_folder(recipe: Path) -> Path:
    callbacks = yaml.safe_load(recipe.read_text())["trainer"]["callbacks"]
    return next(Path(each["init_args"]["path"]) for each in callbacks if each["class_path"].endswith("RunFolder"))


@pytest.mark.parametrize("recipe", TRAINED, ids=_name)
def test_a_recipe_parses(recipe: Path, workshop: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        lightning.main(["fit", "-c", str(recipe), "-c", str(DEBUG), "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    written = yaml.safe_load(recipe.read_text())
    assert end.value.code == 0
    assert printed["model"]["class_path"].rpartition(".")[2] == written["model"]["class_path"].rpartition(".")[2]
    assert printed["trainer"]["max_steps"] == 2
    assert printed["data"]["init_args"]["num_games"] == 24


@pytest.mark.parametrize("recipe", COLLECTED, ids=_name)
def test_a_collection_parses(recipe: Path, workshop: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        collect.main(["-c", str(recipe), "--print_config"])
    assert end.value.code == 0
    written = yaml.safe_load(recipe.read_text())
    assert yaml.safe_load(capsys.readouterr().out)["sender"]["model"] == written["sender"]["model"]


@pytest.mark.parametrize("recipe", [*TRAINED, *COLLECTED], ids=_name)
def test_a_recipe_says_how_it_is_run_and_keeps_the_order_of_blocks(recipe: Path):
    text = recipe.read_text()
    program = "interlat-collect" if recipe in COLLECTED else "lightning fit"
    assert f"{program} -c recipes/{_name(recipe)}" in text
    if recipe in TRAINED:
        assert list(yaml.safe_load(text)) == ["seed_everything", "trainer", "model", "data"]


def test_the_debug_overlay_changes_size_and_duration_only():
    overlay = yaml.safe_load(DEBUG.read_text())
    assert set(overlay) == {"trainer", "data"}
    assert set(overlay["trainer"]) <= {"max_steps", "val_check_interval", "log_every_n_steps", "limit_val_batches"}
    assert set(overlay["data"]["init_args"]) <= {"num_games", "batch_size"}


@pytest.mark.parametrize("family", FAMILIES, ids=_name)
def test_both_stages_train_two_steps_and_resume(family: Path, workshop: Path):
    for recipe in (family / "stage1.yaml", family / "stage2.yaml"):
        overlay = None if family == RECIPES else _tiny(recipe, workshop)
        folder = _run_folder(recipe)
        assert _fit(recipe, overlay=overlay) == 0
        assert json.loads((folder / "stage.json").read_text())["steps"] == 2
        assert (folder / "last.ckpt").is_file()
        assert _fit(recipe, "--ckpt_path", "last", "--trainer.max_steps", "3", overlay=overlay) == 0
        assert json.loads((folder / "stage.json").read_text())["steps"] == 3
        assert yaml.safe_load((folder / "config.yaml").read_text())["trainer"]["max_steps"] == 3
        logged = "".join(path.read_text() for path in folder.rglob("metrics.csv"))
        assert "train/loss" in logged
        assert "val/loss" in logged


@pytest.mark.parametrize("recipe", TRAINED, ids=_name)
def test_several_devices_share_the_weights_and_keep_them_in_float32(recipe: Path):
    content = yaml.safe_load(recipe.read_text())
    devices = content["trainer"].get("devices", 1)
    if devices == 1:
        return
    sizes = content["trainer"]["strategy"]["init_args"]
    assert sizes == {"data_parallel_size": devices, "tensor_parallel_size": 1, "save_distributed_checkpoint": False}
    settings = content["model"]["init_args"]
    assert settings["compressor" if "compressor" in settings else "actor"]["dtype"] == "float32"


def test_a_published_recipe_trains_under_its_own_strategy_in_two_processes(workshop: Path):
    recipe = RECIPES / "qwen2.5-7b" / "stage1.yaml"
    overlay = _tiny(recipe, workshop)
    content = yaml.safe_load(overlay.read_text())
    content["trainer"] = {"accelerator": "cpu", "devices": 2, "strategy": {"init_args": {"data_parallel_size": 2}}}
    overlay.write_text(yaml.safe_dump(content))
    layers = [part for layer in (recipe, DEBUG, overlay) for part in ("-c", str(layer))]
    command = [str(Path(sys.executable).with_name("lightning")), "fit", *layers]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    folder = _run_folder(recipe)
    assert json.loads((folder / "stage.json").read_text())["steps"] == 2
    actor = load_actor(folder)
    assert actor.lm.dtype == torch.float32
    assert actor.lm.config.vocab_size == len(actor.tokenizer)


def test_the_base_trains_two_steps_and_resumes(workshop: Path):
    recipe = RECIPES / "household-base.yaml"
    assert _fit(recipe, "--data.init_args.num_validation", "4") == 0
    assert _fit(recipe, "--data.init_args.num_validation", "4", "--ckpt_path", "last", "--trainer.max_steps", "3") == 0
    folder = _run_folder(recipe)
    assert json.loads((folder / "stage.json").read_text())["steps"] == 3
    # What it makes is what stage 1 starts from.
    assert _fit(RECIPES / "stage1.yaml", "--model.init_args.actor.backbone", str(folder)) == 1  # width 128, sender 32
    models = ["--model.init_args.actor.backbone", str(folder), "--data.init_args.sender.model", str(folder)]
    assert _fit(RECIPES / "stage1.yaml", *models) == 0


def test_a_sender_is_taught_from_a_given_model_and_stage_1_reads_its_plans(workshop: Path):
    recipe = RECIPES / "smollm2" / "sender.yaml"
    small = [
        "--model.init_args.backbone",
        BASE,
        "--data.init_args.tokenizer",
        BASE,
        "--data.init_args.num_validation",
        "2",
    ]
    small += ["--data.init_args.games", "interlat.data.games.Household"]
    assert _fit(recipe, *small) == 0
    assert _fit(recipe, *small, "--ckpt_path", "last", "--trainer.max_steps", "3") == 0
    folder = _run_folder(recipe)
    stage = json.loads((folder / "stage.json").read_text())
    assert (stage["stage"], stage["backbone"], stage["steps"]) == ("documents", BASE, 3)
    assert _fit(RECIPES / "stage1.yaml", "--data.init_args.sender.model", str(folder)) == 0


def test_a_finished_run_is_refused_and_left_as_it_is(workshop: Path, capsys: pytest.CaptureFixture[str]):
    assert _fit(RECIPES / "stage1.yaml") == 0
    before = {path: path.stat().st_mtime_ns for path in Path("checkpoints/stage1").glob("*") if path.is_file()}
    assert _fit(RECIPES / "stage1.yaml", "--trainer.max_steps", "3") == 1
    assert "already holds a finished run" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--trainer.max_stepz", "1"], 2, "max_stepz"),
        (["--model.init_args.weights.separation", "-1"], 2, "weight 'separation' must be at least 0, got -1"),
        (
            ["--model.init_args.curriculum.rates", "[0.5, 1.5]"],
            2,
            "a curriculum rate is a share within [0, 1], got 1.5",
        ),
        (["--data.init_args.validation_share", "1.0"], 2, "validation_share must be within (0, 1), got 1.0"),
        (
            ["--model.init_args.actor.backbone", "checkpoints/nothing"],
            1,
            "wanted a model folder at 'checkpoints/nothing'",
        ),
        (["--data.init_args.sender.model", "checkpoints/nothing"], 1, "wanted a model folder at 'checkpoints/nothing'"),
        (["--model.init_args.actor.sender_dim", "48"], 1, "set actor.sender_dim: 32"),
        (["--model.init_args.actor.adapter_heads", "5"], 2, "num_heads must divide the receiver's width"),
    ],
)
def test_a_wrong_setting_is_named(
    workshop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, text: str
):
    try:
        got = _fit(RECIPES / "stage1.yaml", *arguments)
    except SystemExit as end:
        got = end.code
    assert text in capsys.readouterr().err.replace("\n", " ")
    assert got == code
    assert not Path("checkpoints/stage1/stage.json").exists()


@pytest.mark.parametrize("key", ["weights", "separation", "games", "num_games", "max_steps", "backbone"])
def test_an_unknown_key_of_a_recipe_is_refused(workshop: Path, capsys: pytest.CaptureFixture[str], key: str):
    typo, text = workshop / "typo.yaml", (RECIPES / "stage1.yaml").read_text()
    typo.write_text(re.sub(rf"\b{key}:", f"{key}s:", text, count=1))
    with pytest.raises(SystemExit) as end:
        lightning.main(["fit", "-c", str(typo)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert re.search(rf"does not accept option '?\S*{key}s|Option '{key}s\S*' is not accepted", error)


def test_stage_2_is_refused_what_is_not_its_own(workshop: Path, capsys: pytest.CaptureFixture[str]):
    stage2 = RECIPES / "stage2.yaml"
    assert _fit(stage2) == 1
    assert "wanted a finished run in 'checkpoints/stage1'" in capsys.readouterr().err
    assert _fit(RECIPES / "stage1.yaml") == 0
    save_tiny_lm(workshop / "checkpoints" / "other", seed=5)
    assert _fit(stage2, "--data.init_args.sender.model", "checkpoints/other") == 1
    assert "wanted a latent store with sender='checkpoints/household-base'" in capsys.readouterr().err
    assert _fit(stage2, "--data.init_args.silence_share", "0.25") == 2
    assert "silence_share: 0" in capsys.readouterr().err
    assert _fit(stage2) == 0
    assert _fit(stage2, "--model.init_args.actor", "checkpoints/stage2") == 1
    assert "wanted a run of stage 'actor' in 'checkpoints/stage2'" in capsys.readouterr().err


def test_collecting_by_itself_fills_the_store_that_stage_1_takes(workshop: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["-c", str(RECIPES / "collect" / "household.yaml"), "--count", "24", "--batch_size", "8"]
    assert collect.main(arguments) == 0
    assert ": 24 messages, " in capsys.readouterr().out
    stores = sorted(Path("data").glob("latents-*"))
    assert _fit(RECIPES / "stage1.yaml") == 0
    assert sorted(Path("data").glob("latents-*")) == stores


def test_equal_seeds_give_equal_weights(workshop: Path):
    """The first run collects messages, the second finds them: both train the same actor, to the bit."""
    from safetensors.torch import load_file

    runs = []
    for name in ("one", "two"):
        callbacks = [{"class_path": "interlat.training.RunFolder", "init_args": {"path": f"checkpoints/{name}"}}]
        assert _fit(RECIPES / "stage1.yaml", "--trainer.callbacks", json.dumps(callbacks)) == 0
        runs.append(load_file(f"checkpoints/{name}/adapter.safetensors"))
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
