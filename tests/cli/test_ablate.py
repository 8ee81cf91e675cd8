"""`interlat-ablate` and `interlat-report --table` as a user runs them: runs of one seed, swept, and made into a paper's table."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_agents import save_tiny_lm

from interlat.cli import ablate, lightning, report

RECIPES = Path(__file__).parents[2] / "recipes"
LENGTHS = "full,50%,8,4,0"
PLAY = [
    "--env",
    "household",
    "--games",
    "3",
    "--max-steps",
    "4",
    "--batch-size",
    "3",
    "--answer-tokens",
    "3",
    "--repeats",
    "2",
]
STUDY = """
env: household
max_steps: 4
splits: [unseen]
seeds: [0, 1]
tables:
  table3:
    title: Compression
    rows:
      - {label: full, run: "seed-{seed}/stage1", condition: latent}
      - {label: 50 %, run: "seed-{seed}/stage1", condition: "latent:50%"}
      - {label: 0 %, run: "seed-{seed}/stage1", condition: none}
      - {label: "8, untrained", run: "seed-{seed}/stage1", condition: "latent:8"}
      - {label: "8, trained", run: "seed-{seed}/K8", condition: "latent:8"}
      - {label: "4, trained", run: "seed-{seed}/K4", condition: "latent:4"}
"""


def _fit(recipe: str, run: str, *arguments: str) -> None:
    layers = ["-c", str(RECIPES / recipe), "-c", str(RECIPES / "overlays" / "debug.yaml")]
    short = ["--data.init_args.sender.sampling.max_new_tokens", "10"]  # an untaught sender never ends a plan
    assert lightning.main(["fit", *layers, *short, "--run_folder", run, *arguments]) == 0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory):
    """A project folder with a tiny actor and compressors for 8 and 4 latents, and the working folder in it."""
    folder: Path = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning"])
        save_tiny_lm(folder / "checkpoints" / "household-base")
        _fit("stage1.yaml", "runs/seed-0/stage1")
        for length in ("8", "4"):
            of = ["--model.init_args.actor", "runs/seed-0/stage1", "--model.init_args.compressor.num_latents", length]
            _fit("stage2.yaml", f"runs/seed-0/K{length}", *of)
        yield folder


@pytest.fixture(scope="module")
def swept(project: Path) -> Path:
    """The folder of a finished sweep."""
    run = ["--checkpoint", "runs/seed-0/stage1", "--trained", "runs/seed-0/K8,runs/seed-0/K4"]
    assert ablate.main(["--lengths", LENGTHS, *run, "--split", "unseen", *PLAY]) == 0
    return project / "runs" / "seed-0" / "stage1" / "evaluation" / "household-unseen-4-steps"


def test_a_sweep_plays_and_times_every_length(swept: Path):
    content = json.loads((swept / "lengths.json").read_text())
    assert [row["label"] for row in content["rows"]] == ["full", "50%", "8", "4", "0", "8, trained", "4, trained"]
    assert content["command"].startswith("interlat-ablate --lengths full,50%,8,4,0 --checkpoint runs/seed-0/stage1")
    assert content["machine"]["processor"]
    for row in content["rows"]:
        assert row["games"] == 3
        sizes = [time["batch_size"] for time in row["message_time"]]
        assert sizes == ([] if row["label"] == "0" else [1, 32])
        assert all(0 < time["low"] <= time["seconds"] <= time["high"] for time in row["message_time"])
    trained = {row["label"]: row["message_time"][0]["latents"] for row in content["rows"] if row["kind"] == "trained"}
    assert trained == {"8, trained": 8.0, "4, trained": 4.0}
    full, half = content["rows"][:2]
    assert half["message_time"] == full["message_time"]
    assert (swept / "lengths.md").read_text().startswith("# Message length: household unseen, at most 4 steps")
    assert (swept / "lengths.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_of_its_own_keeps_what_it_played(swept: Path, project: Path):
    folder = project / "runs" / "seed-0" / "K8" / "evaluation" / "household-unseen-4-steps"
    assert list(json.loads((folder / "results.json").read_text())["conditions"]) == ["latent:8"]
    assert list(json.loads((folder / "message_time.json").read_text())["conditions"]) == ["latent:8"]


def test_a_finished_sweep_is_neither_played_nor_timed_again(swept: Path, capsys: pytest.CaptureFixture[str]):
    names = ("results.json", "episodes.jsonl", "message_time.json", "lengths.md")
    before = {name: (swept / name).read_bytes() for name in names}
    run = ["--checkpoint", "runs/seed-0/stage1", "--trained", "runs/seed-0/K8,runs/seed-0/K4", "--split", "unseen"]
    assert ablate.main(["--lengths", LENGTHS, *run, *PLAY, "--resume"]) == 0
    assert capsys.readouterr().out.count("All played: ") == 3
    assert {name: (swept / name).read_bytes() for name in names} == before
    assert ablate.main(["--lengths", LENGTHS, *run, *PLAY]) == 1
    assert "already holds an evaluation; add --resume" in capsys.readouterr().err


def test_a_compressors_own_run_says_its_length_and_out_takes_all(project: Path, swept: Path, tmp_path: Path):
    run = ["--checkpoint", "runs/seed-0/K8", "--trained", "runs/seed-0/K4", "--split", "unseen"]
    assert ablate.main(["--lengths", "8,2", *run, *PLAY, "--out", str(tmp_path / "out")]) == 0
    rows = json.loads((tmp_path / "out" / "lengths.json").read_text())["rows"]
    assert [(row["label"], row["kind"]) for row in rows] == [
        ("8, trained", "trained"),
        ("2", "untrained"),
        ("4, trained", "trained"),
    ]
    assert (tmp_path / "out" / "trained-4" / "results.json").exists()


def test_a_papers_table_comes_from_finished_sweeps(
    swept: Path, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Seed 1 has not been trained: the table says so."""
    (tmp_path / "study.yaml").write_text(STUDY)
    arguments = ["--table", str(tmp_path / "study.yaml"), "runs", "--out", str(tmp_path / "tables")]
    assert report.main(arguments) == 0
    assert "6 rows, 6 evaluations missing (listed there)" in capsys.readouterr().out
    text = (tmp_path / "tables" / "table3.md").read_text()
    content = json.loads((tmp_path / "tables" / "table3.json").read_text())
    assert "## Unseen games, against full" in text
    assert "- seed-1/K8/evaluation/household-unseen-4-steps: no evaluation (8, trained)" in text
    assert "| s/message, batch 1 | s/message, batch 32 |" in text
    assert content["games"] == {"unseen": 3}
    results = json.loads((swept / "results.json").read_text())
    for row in content["rows"]:
        cell = row["splits"]["unseen"]
        assert list(cell["by_seed"]) == ["0"]
        assert cell["commits"] == [results["commit"]]
        if "stage1" in row["run"]:
            assert cell["success_rate"] == results["conditions"][row["condition"]]["success_rate"]
    assert content["rows"][4]["splits"]["unseen"]["message_time"].keys() == {"1", "32"}
    assert (tmp_path / "tables" / "table3.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--lengths", "half"], 2, "a length is 'full'"),
        (["--lengths", "8", "--repeats", "0"], 2, "--repeats must be at least 1, got 0"),
        (["--lengths", "8", "--conditions", "latent"], 2, "--lengths names what is played; leave out --conditions"),
        (["--lengths", "8", "--trained", "runs/seed-0/stage1"], 1, "wanted a run of stage 'compression'"),
        (["--lengths", "8", "--trained", "runs/seed-0/K8,runs/seed-0/K8"], 2, "two runs that say 8 latents"),
        (["--lengths", "8", "--trained", "runs/nothing"], 1, "wanted a finished run in 'runs/nothing'"),
        (
            ["--lengths", "8", "--trained", "other"],
            1,
            "'other' was trained for another actor than 'runs/seed-0/stage1' has",
        ),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
):
    if "other" in arguments and not Path("other").exists():
        shutil.copytree("runs/seed-0/K8", "other")
        Path("other/adapter.safetensors").unlink()  # a hard link
        Path("other/adapter.safetensors").write_bytes(b"another actor's")
    assert ablate.main([*arguments, "--checkpoint", "runs/seed-0/stage1", *PLAY[:-2]]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--table", "x.yaml", "runs"], ["runs", "--out", "x"], ["a", "b", "--table", "x.yaml", "--out", "x"]],
)
def test_a_table_needs_one_folder_of_runs_and_one_for_tables(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert report.main(arguments) == 2
    assert "--table needs --out DIR, one folder that holds all runs" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["ablate", "report"])
def test_help_fits_a_screen_and_starts_without_torch(module: str):
    code = (
        f"import sys; from interlat.cli.{module} import main\n"
        "try: main(['--help'])\n"
        "finally: assert not {'torch', 'transformers', 'lightning', 'matplotlib'} & sys.modules.keys()"
    )
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert len(done.stdout.splitlines()) <= 24


def test_a_sweep_needs_lengths_and_a_run(capsys: pytest.CaptureFixture[str]):
    for arguments in ([], ["--lengths", "8"], ["--checkpoint", "x"]):
        with pytest.raises(SystemExit) as end:
            ablate.main(arguments)
        assert end.value.code == 2
        assert "required" in capsys.readouterr().err
