"""The comparison of ways for gradients to flow from nothing, by the commands of `make gradients`: every run and every row."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from make_commands import PROGRAMS, PROJECT, commands_of

SMALL = {
    "RUNS": "no-such-runs",  # so that make finds nothing finished
    "GRADIENTS": "checkpoints/gradients",
    "GRADIENT_SEEDS": "0",
    "GRADIENT_ARGS": "-c recipes/overlays/debug.yaml",
    "GRADIENT_GAMES": "2",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder in which every command has run, on a smaller model."""
    pytest.importorskip("reasoning_gym", reason="no reasoning-gym: pip install 'interlat[reasoning]'")
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        shutil.copytree(PROJECT / "recipes", folder / "recipes")
        base = folder / "recipes" / "split" / "three.yaml"
        base.write_text(base.read_text().replace("hidden_size: 128, num_layers: 4", "hidden_size: 16, num_layers: 2"))
        three = folder / "recipes" / "diffmas" / "three.yaml"
        small = three.read_text().replace("latent_steps: 10", "latent_steps: 2")
        three.write_text(small.replace("max_new_tokens: 24", "max_new_tokens: 3"))
        study = folder / "recipes" / "tables" / "gradients.yaml"
        study.write_text(yaml.safe_dump({**yaml.safe_load(study.read_text()), "seeds": [0]}))
        for program, *arguments in commands_of("gradients", **SMALL):
            if program == "lightning":
                arguments += ["--data.init_args.num_validation", "2"]
            if program == "interlat-eval":
                arguments += ["--answer-tokens", "3"]
            assert PROGRAMS[program](arguments) == 0, (program, arguments)
        yield folder


def test_no_row_of_any_table_is_missing(project: Path):
    tables = project / "checkpoints" / "gradients" / "tables"
    described = yaml.safe_load((project / "recipes" / "tables" / "gradients.yaml").read_text())["tables"]
    assert set(described) == {"methods", "trained", "gradients-whole", "gradients-latents"}
    for name, table in described.items():
        assert {path.suffix for path in tables.glob(f"{name}.*")} == {".md", ".json", ".png"}
        text = (tables / f"{name}.md").read_text()
        assert "missing" not in text.lower()
        assert "Problems of `reasoning-gym-split-3`: 2 unseen. Training seeds: 0." in text
        rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
        assert [row["label"] for row in table["rows"]] == rows[2 : 2 + len(table["rows"])]


def test_each_run_is_what_its_name_says(project: Path):
    def trace(variant: str) -> dict:
        run = project / "checkpoints" / "gradients" / "seed-0" / variant
        return json.loads((run / "stage.json").read_text())["trace"]

    for mode in ("bptt", "bptt_last", "detached", "receiver_only", "per_agent"):
        whole, latents = trace(mode), trace(f"latents-{mode}")
        assert whole["gradient"] == latents["gradient"] == mode
        assert (whole["keep"]["kinds"], latents["keep"]["kinds"]) == ("all", "latents")
        assert {**whole, "keep": None} == {**latents, "keep": None}
    bptt = trace("bptt")
    assert trace("stitch") == {**bptt, "topology": "tree"}
    assert trace("sft-words") == {**bptt, "channel": "words", "gradient": "receiver_only"}
    assert trace("sft-alone") == {**bptt, "cast": bptt["cast"][-1:]}
