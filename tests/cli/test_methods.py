"""`interlat-eval --method` as a user runs it: flags and recipes, tables, files, and going on after a kill."""

import json
import subprocess
import sys

import pytest
from tiny_collaborations import question_lm, question_tokenizer

from interlat.cli import evaluate, report

METHODS = "single,text-mas,latent-mas,latent-mas+zero,hybrid"


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tokenizer = question_tokenizer()
    question_lm(tokenizer).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def arguments(model):
    of = {
        "--model": model,
        "--env": "arithmetic",
        "--games": 4,
        "--answer-tokens": 4,
        "--latent-steps": 2,
        "--batch-size": 3,
    }
    return [str(part) for pair in of.items() for part in pair]


def test_methods_are_compared_on_the_same_problems(arguments, tmp_path, capsys):
    assert evaluate.main(["--method", METHODS, *arguments, "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    for part in (
        "arithmetic unseen: accuracy",
        "same games, against single",
        "cost a question, all agents",
        "latent-mas, critic",
    ):
        assert part in shown
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(results["conditions"]) == METHODS.split(",")
    assert results["games"] == 4
    cost = results["conditions"]["latent-mas"]["cost_by_agent"]
    assert cost["planner"]["latent_steps"] == 2
    assert cost["judger"]["kv_bytes"] > 0
    assert report.main([str(tmp_path / "out")]) == 0
    again = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.strip().startswith("hybrid")]
    assert len(rows) > 5
    assert all(row in again for row in rows)


def test_a_recipe_holds_flags_and_later_flags_override_it(model, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"method: single,latent-mas\nmodel: {model}\nenv: arithmetic\nanswer_tokens: 3\nlatent_steps: 2\nkeep: {{kinds: latents}}\n"
    )
    out = tmp_path / "out"
    assert evaluate.main(["-c", str(recipe), "--games", "3", "--latent-steps", "1", "--out", str(out)]) == 0
    settings = json.loads((out / "settings.json").read_text())
    assert (settings["latent_steps"], settings["answer_tokens"], settings["keep"]["kinds"]) == (1, 3, "latents")
    capsys.readouterr()
    assert evaluate.main(["-c", str(recipe), "--games", "3", "--out", str(out), "--resume"]) == 1
    assert "latent_steps: 1 there, 2 asked for" in capsys.readouterr().err


def test_a_killed_comparison_goes_on(arguments, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = ["--method", "single,latent-mas+cross-task", *arguments]
    assert evaluate.main([*command, "--out", str(whole)]) == 0
    assert evaluate.main([*command, "--out", str(killed)]) == 0
    path = killed / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + lines[5][:50])
    assert evaluate.main([*command, "--out", str(killed), "--resume"]) == 0
    answers = [
        [json.loads(line)["actions"] for line in (f / "episodes.jsonl").read_text().splitlines()]
        for f in (whole, killed)
    ]
    assert answers[0] == answers[1]


def test_the_first_method_asked_for_is_compared_with_whichever_came_first(arguments, tmp_path):
    assert evaluate.main(["--method", "latent-mas", *arguments, "--out", str(tmp_path)]) == 0
    assert evaluate.main(["--method", "single,latent-mas", *arguments, "--out", str(tmp_path), "--resume"]) == 0
    conditions = json.loads((tmp_path / "results.json").read_text())["conditions"]
    assert list(conditions) == ["single", "latent-mas"]
    assert "versus single" in conditions["latent-mas"]
    assert evaluate.main(["--method", "single", *arguments, "--out", str(tmp_path), "--resume"]) == 0
    assert list(json.loads((tmp_path / "results.json").read_text())["conditions"]) == ["single", "latent-mas"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--method", "single", "--model", "no/such/model"], "wanted the causal language model 'no/such/model'"),
        (["--method", "latent", "--model", "x"], "--method compares single, text-mas"),
        (["--method", "single", "--model", "x", "--games", "9999999", "--env", "math500"], "INTERLAT_REASONING"),
    ],
)
def test_what_is_missing_is_said(wrong, message, monkeypatch, capsys):
    monkeypatch.delenv("INTERLAT_REASONING", raising=False)
    code = evaluate.main(["--env", "arithmetic", "--games", "2", *wrong])
    assert code in (1, 2)
    assert message in capsys.readouterr().err


def test_a_checkpoint_is_sent_to_the_other_command(capsys):
    assert evaluate.main(["--method", "single", "--checkpoint", "x", "--model", "x"]) == 2
    assert "--checkpoint is for diffmas and sft" in capsys.readouterr().err
    assert evaluate.main(["--checkpoint", "x", "--conditions", "latent-mas"]) == 2
    assert "take --method instead" in capsys.readouterr().err


def test_help_of_methods_names_every_flag():
    done = subprocess.run(
        [sys.executable, "-m", "interlat.cli.evaluate", "--method", "x", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert max(map(len, done.stdout.splitlines())) <= 115
    for flag in ("--latent-steps", "--topology", "--keep", "--cast", "--resume"):
        assert flag in done.stdout
