"""`interlat-eval --method ... --stability --runs N` as a user runs it: tables, files, resumption, and the report."""

import json

import pytest
from tiny_collaborations import question_lm, question_tokenizer

from interlat.cli import evaluate, report

METHODS = "single,text-mas,latent-mas,latent-mas+zero,hybrid"


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tokenizer = question_tokenizer()
    question_lm(tokenizer).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def arguments(model):
    of = {"--model": model, "--env": "arithmetic", "--games": 3, "--answer-tokens": 4, "--latent-steps": 2}
    return [str(part) for pair in of.items() for part in pair]


def _lines(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def test_every_method_is_measured_alike(arguments, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["--method", METHODS, *arguments, "--runs", "3", "--stability", "--out", str(out)]
    assert evaluate.main(command) == 0
    shown = capsys.readouterr().out
    for part in (
        "perplexity of answers",
        "− single [95 %]",
        "self-consistency: each problem in n runs",
        "stability.png",
    ):
        assert part in shown
    records = _lines(out)
    assert len(records) == 5 * 3 * 3
    for record in records:
        measured, spent = len(record["token_nll"]), record["accounts"][-1]["output_tokens"]
        assert measured == len(record["token_entropies"])
        assert measured - spent == (1 if spent < 4 else 0), "the stop token counts"
        assert all(round(number, 4) == number >= 0 for number in record["token_nll"] + record["token_entropies"])
    found = json.loads((out / "results.json").read_text())["stability"]
    assert list(found) == METHODS.split(",")
    for name, of in found.items():
        assert of["tokens"] == sum(len(r["token_nll"]) for r in records if _name(r) == name)
        assert of["entropy_curve"]["running"][0] == 9
        assert of["ci95"][0] <= of["perplexity"] <= of["ci95"][1]
        assert sum(of["self_consistency"]["right_counts"]) == of["self_consistency"]["problems"] == 3
        assert len(of["self_consistency"]["right_counts"]) == 4
    assert (out / "stability.png").read_bytes().startswith(b"\x89PNG")
    assert report.main([str(out)]) == 0
    again = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.strip().startswith(("single", "hybrid"))]
    assert all(row in again for row in rows)


def _name(record):
    return record["message"] + (f"+{record['control']}" if record["control"] else "")


def test_words_are_the_same_where_nothing_is_measured(arguments, tmp_path):
    command = ["--method", "single,latent-mas", *arguments]
    assert evaluate.main([*command, "--out", str(tmp_path / "plain")]) == 0
    assert evaluate.main([*command, "--stability", "--out", str(tmp_path / "measured")]) == 0
    plain, measured = (_lines(tmp_path / name) for name in ("plain", "measured"))
    assert [record["actions"] for record in plain] == [record["actions"] for record in measured]
    assert all(record["token_nll"] == record["token_entropies"] == [] for record in plain)
    assert "stability" not in json.loads((tmp_path / "plain" / "results.json").read_text())
    assert not (tmp_path / "plain" / "stability.png").exists()


def test_self_consistency_needs_no_flag(arguments, tmp_path, capsys):
    assert evaluate.main(["--method", "single", *arguments, "--runs", "2"]) == 0
    shown = capsys.readouterr().out
    assert "self-consistency" in shown
    assert "perplexity" not in shown


def test_a_killed_measurement_goes_on(arguments, tmp_path):
    command = ["--method", "single,latent-mas", *arguments, "--stability", "--batch-size", "2"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert evaluate.main([*command, "--out", str(whole)]) == 0
    assert evaluate.main([*command, "--out", str(killed)]) == 0
    path = killed / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:50])
    assert evaluate.main([*command, "--out", str(killed), "--resume"]) == 0
    kept = [{record["game_id"] + _name(record): record["token_nll"] for record in _lines(f)} for f in (whole, killed)]
    assert kept[0] == kept[1]
    results = [json.loads((folder / "results.json").read_text())["stability"] for folder in (whole, killed)]
    assert results[0] == results[1]


def test_a_folder_is_measured_from_the_first_answer_on_or_not_at_all(arguments, tmp_path, capsys):
    command = ["--method", "single", *arguments]
    plain, measured = tmp_path / "plain", tmp_path / "measured"
    assert evaluate.main([*command, "--out", str(plain)]) == 0
    assert evaluate.main([*command, "--stability", "--out", str(measured)]) == 0
    capsys.readouterr()
    assert evaluate.main([*command, "--stability", "--out", str(plain), "--resume"]) == 1
    assert "stability: None there, True asked for" in capsys.readouterr().err
    assert evaluate.main([*command, "--out", str(measured), "--resume"]) == 1
    assert "stability: True there, None asked for" in capsys.readouterr().err
    # What a folder was begun with before there was anything to measure is what it is gone on with.
    assert "stability" not in json.loads((plain / "settings.json").read_text())
    assert evaluate.main([*command, "--out", str(plain), "--resume"]) == 0
