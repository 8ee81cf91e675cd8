"""Tables 1, 3, 4 and 6 from nothing, by the commands of `make tables`: every run and every row, with tiny agents.

The commands are those that make prints; here they run in this process, over a few games and with a step cap of 3.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from make_commands import PROGRAMS, PROJECT, commands_of
from tiny_agents import save_tiny_lm

SMALL = {
    "SEEDS": "0",
    "RUNS": "no-such-runs",  # so that make finds nothing finished
    "TABLES": "checkpoints/tables",
    "FIT_ARGS": "-c recipes/overlays/debug.yaml",
    "TABLE_STEPS": "3",
    "EVAL_ARGS": "--games 2 --batch-size 2 --answer-tokens 3",
}


def _commands(**variables: str) -> list[list[str]]:
    return commands_of("tables", **{**SMALL, **variables})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder in which every command of the tables has run."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        shutil.copytree(PROJECT / "recipes", folder / "recipes")
        for recipe in folder.glob("recipes/**/*.yaml"):  # untaught senders never end a plan
            recipe.write_text(recipe.read_text().replace("max_new_tokens: 64", "max_new_tokens: 8"))
        study = folder / "recipes" / "tables" / "household.yaml"
        study.write_text(yaml.safe_dump({**yaml.safe_load(study.read_text()), "max_steps": 3, "seeds": [0]}))
        stage1 = folder / "recipes" / "cross-family" / "stage1.yaml"
        stage1.write_text(stage1.read_text().replace("sender_dim: 128", "sender_dim: 32"))
        save_tiny_lm(folder / "checkpoints" / "household-base")
        for program, *arguments in _commands():
            if "recipes/cross-family/receiver.yaml" in arguments:
                arguments += ["--data.init_args.num_validation", "2"]
            assert PROGRAMS[program](arguments) == 0, (program, arguments)
        yield folder


def test_no_row_of_any_table_is_missing(project: Path):
    tables = project / "checkpoints" / "tables" / "tables"
    described = yaml.safe_load((project / "recipes" / "tables" / "household.yaml").read_text())["tables"]
    assert set(described) == {"table1", "table3", "table4", "table6"}
    for name, table in described.items():
        assert {path.suffix for path in tables.glob(f"{name}.*")} == {".md", ".json", ".png"}
        text = (tables / f"{name}.md").read_text()
        assert "missing" not in text.lower()
        rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
        assert [row["label"] for row in table["rows"]] == rows[2 : 2 + len(table["rows"])]


def test_each_variant_leaves_out_what_it_says(project: Path):
    def settings(variant: str) -> dict:
        run = project / "checkpoints" / "tables" / "seed-0" / variant
        config = yaml.safe_load((run / "config.yaml").read_text())
        return {**config["model"]["init_args"], "silence": config["data"]["init_args"]["silence_share"]}

    full = settings("stage1")
    assert settings("no-curriculum")["curriculum"] == {"rates": [0.0]}
    assert settings("no-separation")["weights"] == {**full["weights"], "separation": 0.0}
    assert settings("no-alignment")["weights"] == {**full["weights"], "alignment": 0.0}
    assert settings("no-adapter")["actor"] == {**full["actor"], "identity_adapter": True}
    assert (settings("cot")["curriculum"], settings("cot")["silence"]) == ({"rates": [1.0]}, 0.0)
    assert settings("no-cot")["silence"] == 1.0
    for length in (16, 8, 4, 2, 1):
        assert settings(f"K{length}")["compressor"]["num_latents"] == length
    for term in ("task", "preference", "geometry"):
        assert settings(f"no-{term}")["weights"] == {**settings("K8")["weights"], term: 0.0}
    for variant, length in (("no-keyword", 8), ("K4-no-keyword", 4)):
        assert settings(variant)["weights"] == {**settings("K8")["weights"], "keyword": 0.0}
        assert settings(variant)["compressor"]["num_latents"] == length
    stage = project / "checkpoints" / "tables" / "seed-0" / "cross-family" / "stage.json"
    assert json.loads(stage.read_text())["sender_dim"] == 32


def test_a_published_family_runs_on_its_own_recipes_and_games():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    commands = _commands(FAMILY="llama3.1-8b", EVAL_ARGS="")
    fits = [words for words in commands if words[0] == "lightning"]
    assert all(any(word.startswith("recipes/llama3.1-8b/") for word in words) for words in fits)
    assert len(fits) == 1 + 6 + 8 + 3 + 1
    assert all("alfworld" in words for words in commands if words[0] == "interlat-eval")
    assert "recipes/tables/published.yaml" in commands[-1]
