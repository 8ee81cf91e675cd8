"""The doctor says what is there, and advice follows from what is not."""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from alfworld_env.games import GAMES_IN_SPLIT
from interlat.cli import doctor
from interlat.cli.doctor import Finding


def _game(root: Path, split_folder: str, trial: str = "trial_1") -> None:
    file = root / "json_2.1.1" / split_folder / "pick_and_place_simple-Mug-None-Shelf-1" / trial / "game.tw-pddl"
    file.parent.mkdir(parents=True)
    file.write_text("{}")


def test_the_embedded_default_runs_where_the_tests_run(capsys):
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert "can run" in out
    for subject in (
        "torch",
        "transformers",
        "peft",
        "lightning",
        "ALFWorld games",
        "SmolLM2 package",
        "free disk",
        "cores",
    ):
        assert subject in out


def test_wrong_use_exits_with_2(capsys):
    with pytest.raises(SystemExit) as exit_info:
        doctor.main(["--no-such-flag"])
    assert exit_info.value.code == 2
    assert "--no-such-flag" in capsys.readouterr().err


def test_help_fits_one_screen(capsys):
    with pytest.raises(SystemExit) as exit_info:
        doctor.main(["--help"])
    assert exit_info.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) <= 24


@pytest.mark.parametrize(
    ("finding", "is_fatal"),
    [
        (Finding("torch", "2", is_required=True), False),
        (Finding("torch", "-", "install it", is_required=True), True),
        (Finding("games", "-", "download them"), False),
    ],
)
def test_only_a_required_thing_that_is_wanting_is_fatal(finding, is_fatal, capsys):
    assert finding.is_fatal is is_fatal
    doctor.report([finding], Console(width=100))
    out = capsys.readouterr().out
    assert ("cannot run yet" in out) is is_fatal
    assert (f"{finding.subject}: {finding.advice}" in out) is bool(finding.advice)


def test_a_protection_that_does_not_hold_is_named(monkeypatch):
    from interlat.evaluation.answers import sandbox

    monkeypatch.setattr(sandbox, "protections", lambda: {"has no network": False, "starts no process": True})
    assert doctor.sandbox().found == "1 of 2 protections"
    assert doctor.sandbox().advice.startswith("has no network: does not hold here")
    monkeypatch.setattr(sandbox, "protections", lambda: {"has no network": True})
    assert not doctor.sandbox().advice


def test_a_missing_required_package_makes_the_exit_code_1(monkeypatch, capsys):
    missing = doctor.package("no-such-package", is_required=True)
    assert missing == Finding("no-such-package", "-", "pip install 'no-such-package'", is_required=True)
    monkeypatch.setattr(doctor, "examine", lambda checkpoints: [missing])
    assert doctor.main([]) == 1
    assert "pip install 'no-such-package'" in capsys.readouterr().out


def test_a_torch_that_does_not_load_is_fatal(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # makes `import torch` raise ImportError
    finding = doctor.torch_and_device()
    assert finding.is_fatal
    assert "make setup TORCH=" in finding.advice


def test_games_are_counted_by_split_and_an_incomplete_set_is_named(tmp_path, monkeypatch):
    _game(tmp_path, "valid_unseen", "trial_1")
    _game(tmp_path, "valid_unseen", "trial_2")
    _game(tmp_path, "valid_seen")
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    finding = doctor.games()
    assert finding.found == f"0 train, 1 seen, 2 unseen in {tmp_path / 'json_2.1.1'}"
    assert f"unseen (2 of {GAMES_IN_SPLIT['unseen']})" in finding.advice
    assert not finding.is_fatal


def test_a_folder_without_games_gets_advice(tmp_path, monkeypatch):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    finding = doctor.games()
    assert str(tmp_path) in finding.found
    assert "alfworld-download" in finding.advice
    assert not finding.is_fatal


@pytest.mark.alfworld
def test_the_whole_game_set_needs_no_advice():
    finding = doctor.games()
    assert finding.found.startswith("3553 train, 140 seen, 134 unseen in ")
    assert not finding.advice


def test_runs_are_found_once_each_and_the_list_stays_short(tmp_path):
    assert "lightning fit" in doctor.runs(tmp_path / "nowhere").advice
    for number in range(6):
        folder = tmp_path / f"run-{number}"
        folder.mkdir()
        (folder / "config.yaml").touch()
        (folder / "adapter.safetensors").touch()
    assert doctor.runs(tmp_path) == Finding("runs", "run-0, run-1, run-2, run-3 and 2 more")


def test_the_embedded_model_is_a_model_and_not_a_run(tmp_path):
    assert "recipes/household-base.yaml" in doctor.embedded_model(tmp_path).advice
    folder = tmp_path / "household-base"
    folder.mkdir()
    (folder / "config.yaml").touch()
    (folder / "model.safetensors").touch()
    assert doctor.embedded_model(tmp_path) == Finding("embedded model", str(folder))
    assert doctor.runs(tmp_path).found == f"- (in {tmp_path})"


@pytest.mark.smollm2
def test_the_packaged_model_is_found():
    assert doctor.smollm2() == Finding("SmolLM2 package", "SmolLM2-135M-Instruct.Q4_1.gguf")
