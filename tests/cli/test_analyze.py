"""`interlat-analyze` as a user runs it, on run folders of tiny agents and household games: table, picture, JSON, exit codes."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import save_tiny_runs

from interlat.cli import analyze
from interlat.evaluation.analysis.compression_gain import SHARES
from interlat.evaluation.analysis.settings import PURPOSES
from interlat.evaluation.settings import PROTOCOL_VERSION

GAMES = ["--env", "household", "--games", "12"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    save_tiny_runs(folder)
    return folder


def _analyzed(name: str, out: Path, *arguments: str) -> dict[str, Any]:
    """The result of a run of the command, once what every analysis leaves behind is checked."""
    assert analyze.main([name, *arguments, "--out", str(out)]) == 0
    content = json.loads((out / f"{name}.json").read_text())
    assert content.keys() == {"analysis", "protocol_version", "command", "commit", "settings", "result"}
    assert (content["analysis"], content["protocol_version"]) == (name, PROTOCOL_VERSION)
    assert content["command"].startswith(f"interlat-analyze {name} --checkpoint ")
    assert len(content["commit"]) >= 7
    head = (out / f"{name}.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert min(width, height) >= 600
    result: dict[str, Any] = content["result"]
    return result


def test_separation(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = str(runs / "stage1")
    (curve,) = _analyzed("separation", tmp_path, "--checkpoint", folder, "--smooth", "2")["curves"]
    assert (curve["run"], curve["metric"], curve["window"]) == (folder, "train/js", 2)
    assert len(curve["steps"]) == len(curve["smoothed"]) == 4
    assert all(0 <= value <= math.log(2) for value in curve["values"])
    assert len(curve["held_out"]) == len(curve["matched"]) == len(curve["mismatched"]) == 1
    assert "ln 2 - JS while training" in capsys.readouterr().out


def test_separation_of_several_runs(runs: Path, tmp_path: Path):
    folder = str(runs / "stage1")
    found = _analyzed("separation", tmp_path, "--checkpoint", folder, folder, "--checkpoint", folder)
    assert len(found["curves"]) == 3


def test_compression_gain(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [str(runs / name) for name in ("stage1", "stage2", "stage2-base")]
    found = _analyzed("compression-gain", tmp_path, "--checkpoint", *folders, *GAMES)
    kinds = [point["kind"] for point in found["points"]]
    assert kinds == ["cut"] * len(SHARES) + ["cut to K", "learned"] * 2 + ["silence"]
    assert all(point["ci95"][0] <= point["gain"] <= point["ci95"][1] for point in found["points"])
    assert found["games"] == 12
    assert "cut minus learned" in capsys.readouterr().out


def test_parallelism(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [str(runs / name) for name in ("stage2", "stage2-base")]
    found = _analyzed("parallelism", tmp_path, "--checkpoint", *folders, *GAMES, "--steps", "7")
    assert [source["name"] for source in found["sources"]][::5] == ["sender", "backbone"]
    first = found["sources"][0]["steps"][0]
    assert 0 < first["p50_s10"] <= 1
    assert [len(curve) for curve in first["cumulative_percentiles"]] == [len(found["percentiles"])] * 6
    shown = capsys.readouterr().out
    assert "S10" in shown
    assert "nats" in shown


def test_parallelism_of_a_stage_1_is_that_of_its_sender(runs: Path, tmp_path: Path):
    found = _analyzed("parallelism", tmp_path, "--checkpoint", str(runs / "stage1"), *GAMES)
    assert [source["name"] for source in found["sources"]] == ["sender"]


def test_pca(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = _analyzed("pca", tmp_path, "--checkpoint", str(runs / "stage1"), *GAMES)
    assert len(found["before"]["coordinates"]) == len(found["after"]["coordinates"]) == 12
    for side in ("before", "after"):
        first, second = found[side]["explained"]
        assert 1 >= first >= second >= 0
    assert [shift["games"] for shift in found["shifts"]] == [2] * 6
    assert "after" in capsys.readouterr().out


def test_probe(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = _analyzed("probe", tmp_path, "--checkpoint", str(runs / "stage1"), *GAMES)
    assert [of["label"] for of in found["baselines"]] == ["object", "receptacle", "task type", "source"]
    read_from = ["message", "message after the adapter", "plan's text"]
    assert [score["representation"] for score in found["scores"]] == 4 * read_from
    assert "shuffled labels" in capsys.readouterr().out


def test_the_same_command_gives_the_same_numbers(runs: Path, tmp_path: Path):
    arguments = ["--checkpoint", str(runs / "stage2"), "--env", "household", "--games", "3"]
    first = _analyzed("compression-gain", tmp_path / "a", *arguments)
    assert first == _analyzed("compression-gain", tmp_path / "b", *arguments)


def test_results_go_into_the_run_folder_by_default(runs: Path):
    assert analyze.main(["separation", "--checkpoint", str(runs / "stage1")]) == 0
    assert (runs / "stage1" / "analysis" / "separation.json").exists()


@pytest.mark.alfworld
def test_alfworlds_own_games(runs: Path, tmp_path: Path):
    found = _analyzed("pca", tmp_path, "--checkpoint", str(runs / "stage1"), "--games", "6")
    assert len(found["task_types"]) == 6


def test_help_fits_one_screen_and_names_every_analysis(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        analyze.main(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) < 24
    assert all(f"  {name} " in said for name in PURPOSES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pca"], "name its folder with --checkpoint"),
        (["pca", "--checkpoint", "x", "--games", "0"], "--games must be at least 1, got 0"),
        (["probe", "--checkpoint", "x", "--batch-size", "0"], "--batch-size must be at least 1, got 0"),
    ],
)
def test_wrong_use(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert analyze.main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["pca", "--steps", "many"]])
def test_what_cannot_be_parsed_is_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        analyze.main(arguments)
    assert stopped.value.code == 2
    assert "interlat-analyze: error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pca", "wanted a finished run in"),
        ("separation", "wanted a curve train/js, train/loss_separation or val/js"),
    ],
)
def test_a_folder_without_a_run(name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert analyze.main([name, "--checkpoint", str(tmp_path), *GAMES]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_compressor_has_no_separation(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert analyze.main(["separation", "--checkpoint", str(runs / "stage2")]) == 1
    assert "name the run folder of a stage 1" in capsys.readouterr().err


def test_games_whose_plan_is_empty_are_left_out_and_counted(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from interlat.evaluation.analysis import run

    send_plans = run.send_plans

    def some_empty(*arguments: Any) -> Any:
        plans = send_plans(*arguments)
        return [type(plan)("", [], plan.latents[:0]) if number < 2 else plan for number, plan in enumerate(plans)]

    monkeypatch.setattr(run, "send_plans", some_empty)
    found = _analyzed("pca", tmp_path, "--checkpoint", str(runs / "stage1"), *GAMES)
    assert len(found["task_types"]) == 10
    assert "2 of 12 games left out: their plans are empty" in capsys.readouterr().err
