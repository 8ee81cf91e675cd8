"""Every recipe of LatentMAS is a whole comparison: its settings hold, its header's command is its own, and it runs on tiny agents."""

import json
import re
from pathlib import Path

import pytest
import yaml
from tiny_collaborations import question_lm, question_tokenizer

from interlat.cli import evaluate
from interlat.data.reasoning.benchmarks import BENCHMARKS
from interlat.evaluation.method_settings import MethodSettings

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "latentmas").glob("*.yaml"))
PUBLISHED = [path for path in RECIPES if path.stem.split("-")[0] in ("sequential", "hierarchical")]
NAMES = [path.stem for path in RECIPES]


@pytest.mark.parametrize("path", RECIPES, ids=NAMES)
def test_a_recipe_is_whole(path: Path):
    settings = MethodSettings(**{**yaml.safe_load(path.read_text()), "out": None})
    assert [condition.name for condition in settings.compared][:3] == ["single", "text-mas", "latent-mas"]
    assert settings.env in BENCHMARKS
    assert path.stem.endswith(settings.env)
    assert f"interlat-eval -c recipes/latentmas/{path.name}" in path.read_text()
    assert yaml.safe_load(path.read_text())["out"] == f"checkpoints/latentmas/{path.stem}"


def test_every_published_cell_has_one():
    tasks = {
        "arc-easy",
        "arc-challenge",
        "gsm8k",
        "medqa",
        "mbpp-plus",
        "humaneval-plus",
        "aime24",
        "aime25",
        "gpqa-diamond",
    }
    assert {path.stem for path in PUBLISHED} == {
        f"{cast}-{task}" for cast in ("sequential", "hierarchical") for task in tasks
    }
    for path in PUBLISHED:
        recipe = yaml.safe_load(path.read_text())
        assert (recipe["temperature"], recipe["top_p"], recipe["cast"]) == (0.6, 0.95, path.stem.split("-")[0])
        published = re.findall(r"accuracy ([\d.]+) / ([\d.]+) / ([\d.]+) %", path.read_text())
        assert len(published) in (2, 3)


@pytest.mark.parametrize("stem", ["sequential-gsm8k", "hierarchical-aime24", "smollm2-arc-easy"])
def test_a_recipe_runs_with_tiny_agents(stem: str, tmp_path: Path):
    tokenizer = question_tokenizer()
    question_lm(tokenizer).float().save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    (recipe,) = [path for path in RECIPES if path.stem == stem]
    small = {
        "--model": tmp_path / "tiny",
        "--env": "arithmetic",
        "--games": 2,
        "--answer-tokens": 3,
        "--text-tokens": 3,
        "--runs": 1,
    }
    small |= {"--dtype": "float32", "--latent-steps": 2, "--out": tmp_path / "out"}
    assert evaluate.main(["-c", str(recipe), *(str(part) for pair in small.items() for part in pair)]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert ",".join(results["conditions"]) == yaml.safe_load(recipe.read_text())["method"]
