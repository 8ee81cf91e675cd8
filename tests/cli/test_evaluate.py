"""`interlat-eval` and `interlat-report` as a user runs them: exit codes, texts, files, and going on after a kill."""

import json
import subprocess
import sys

import pytest

from interlat.cli import evaluate, report
from interlat.cli.exit_codes import run_command
from interlat.errors import InvalidSetting
from interlat.evaluation.settings import PROTOCOL_VERSION
from interlat.exclusive import exclusive

HOUSEHOLD = ["--env", "household", "--games", "12"]
KEYS = {
    "protocol_version",
    "command",
    "commit",
    "seeds",
    "step_cap",
    "games",
    "success_rate",
    "ci95",
    "steps_success",
    "steps_all",
    "by_task_type",
    "message_seconds",
    "output_tokens",
    "conditions",
}


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def _results(folder):
    return json.loads((folder / "results.json").read_text())


def _episodes(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def test_walkthroughs_win_every_household_game(tmp_path, capsys):
    out = tmp_path / "run"
    assert evaluate.main([*HOUSEHOLD, "--policy", "walkthrough", "--out", str(out)]) == 0
    results = _results(out)
    assert results.keys() == KEYS
    assert (results["success_rate"], results["games"], results["step_cap"]) == (1.0, 12, 20)
    assert results["protocol_version"] == PROTOCOL_VERSION
    assert results["command"] == f"interlat-eval --env household --games 12 --policy walkthrough --out {out}"
    assert results["steps_success"] == results["steps_all"] > 2
    assert len(results["by_task_type"]) == 6
    shown = capsys.readouterr().out
    assert "walkthrough" in shown
    assert f"Kept in {out}: results.json, episodes.jsonl" in shown


def test_an_episode_holds_every_observation_and_action(tmp_path):
    assert evaluate.main([*HOUSEHOLD, "--policy", "expert", "--max-steps", "7", "--out", str(tmp_path)]) == 0
    episodes = _episodes(tmp_path)
    assert len({episode["game_id"] for episode in episodes}) == 12
    for episode in episodes:
        assert episode["observations"][0].startswith("You are in the middle of a room.")  # no banner
        assert "Your task is to: " in episode["observations"][0]
        assert len(episode["actions"]) == episode["steps"] == len(episode["observations"]) - 1
        assert episode["won"] or episode["steps"] == 7


def test_the_expert_wins_more_than_chance(tmp_path):
    for policy in ("expert", "random"):
        arguments = [*HOUSEHOLD, "--policy", policy, "--max-steps", "50", "--out", str(tmp_path / policy)]
        assert evaluate.main(arguments) == 0
    assert _results(tmp_path / "expert")["success_rate"] >= 10 / 12
    assert _results(tmp_path / "random")["success_rate"] <= 4 / 12


def test_runs_are_seeded_one_by_one(tmp_path):
    arguments = [*HOUSEHOLD, "--policy", "random", "--runs", "3", "--seed", "5", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    assert _results(tmp_path)["seeds"] == [5, 6, 7]
    by_run = [{e["game_id"]: e["actions"] for e in _episodes(tmp_path) if e["run"] == run} for run in range(3)]
    assert all(len(of) == 12 for of in by_run)
    assert by_run[0] != by_run[1] != by_run[2]


def test_an_evaluation_goes_on_after_a_torn_line(tmp_path):
    """Killed in its fifth line and resumed, an evaluation comes to what it would have without."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = [*HOUSEHOLD, "--policy", "random", "--batch-size", "4"]
    assert evaluate.main([*arguments, "--out", str(whole)]) == 0
    assert evaluate.main([*arguments, "--out", str(killed)]) == 0
    path = killed / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:100])
    (killed / "results.json").unlink()

    assert evaluate.main([*arguments, "--out", str(killed), "--resume"]) == 0
    assert path.read_bytes().startswith(b"".join(lines[:4]))
    in_order = sorted(_episodes(killed), key=lambda episode: episode["game_id"])
    assert in_order == sorted(_episodes(whole), key=lambda episode: episode["game_id"])
    without_command = [{k: v for k, v in _results(f).items() if k != "command"} for f in (whole, killed)]
    assert without_command[0] == without_command[1]


def test_resuming_a_finished_evaluation_plays_nothing(tmp_path):
    arguments = [*HOUSEHOLD, "--policy", "random", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    before = (tmp_path / "episodes.jsonl").read_bytes()
    assert evaluate.main([*arguments, "--resume"]) == 0
    assert (tmp_path / "episodes.jsonl").read_bytes() == before
    assert evaluate.main([*arguments, "--resume", "--runs", "2"]) == 0
    assert len(_episodes(tmp_path)) == 24


def test_a_folder_is_written_by_one_command_at_a_time(tmp_path, capsys):
    arguments = [*HOUSEHOLD, "--policy", "random", "--out", str(tmp_path / "out")]
    with exclusive(tmp_path / "out"):
        assert evaluate.main(arguments) == 1
    assert capsys.readouterr().err == (
        f"interlat-eval: wanted '{tmp_path / 'out'}' for this run alone, but another is writing into it; "
        "wait until it ends, or choose another folder\n"
    )
    assert evaluate.main(arguments) == 0


def test_a_folder_is_never_overwritten(tmp_path, capsys):
    arguments = [*HOUSEHOLD, "--policy", "random", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    assert evaluate.main(arguments) == 1
    assert capsys.readouterr().err == (
        f"interlat-eval: {tmp_path} already holds an evaluation; add --resume to go on with it, or choose another --out\n"
    )
    assert evaluate.main([*arguments, "--resume", "--max-steps", "50"]) == 1
    assert capsys.readouterr().err == (
        f"interlat-eval: {tmp_path} holds an evaluation of other settings (max_steps: 20 there, 50 asked for); "
        "ask for the same ones to go on with it, or choose another --out\n"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert evaluate.main([*HOUSEHOLD, "--policy", "walkthrough"]) == 0
    assert list(tmp_path.iterdir()) == []
    assert "Nothing was kept; --out DIR keeps episodes.jsonl and results.json." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--policy actor plays a trained run; name its folder with --checkpoint, or take --policy expert"),
        (["--policy", "random", "--message", "text"], "--policy random reads no message; leave out --message"),
        (["--policy", "random", "--checkpoint", "x"], "--policy random has no weights; leave out --checkpoint"),
        (["--policy", "random", "--resume"], "--resume goes on with a folder; name it with --out"),
        (["--policy", "random", "--games", "0"], "--games must be at least 1, got 0"),
        (["--policy", "random", "--max-steps", "0"], "--max-steps must be at least 1, got 0"),
        (["--checkpoint", "x", "--conditions", "latent", "--length", "8"], "--conditions names messages"),
        (
            ["--checkpoint", "x", "--conditions", "latent,fog"],
            "no message or method is called 'fog'; choose latent, text, none",
        ),
        (["--checkpoint", "x", "--control", "fog"], "no control of 'latent' is called 'fog'; choose one of cross-task"),
        (["--checkpoint", "x", "--message", "text", "--length", "8"], "a length counts latents"),
    ],
)
def test_wrong_use_exits_with_2(arguments, message, capsys):
    assert evaluate.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"interlat-eval: {message}")
    assert err.endswith("(see interlat-eval --help)\n")


@pytest.mark.parametrize("arguments", [["--fog"], ["--policy", "fog"], ["--max-steps", "many"], ["stray"]])
def test_what_the_parser_refuses_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_info:
        evaluate.main(arguments)
    assert exit_info.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_missing_alfworld_games_say_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert evaluate.main(["--env", "alfworld", "--policy", "walkthrough", "--out", str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert "`alfworld-download`" in err
    assert "ALFWORLD_DATA" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_not_there_fails_and_makes_no_folder(tmp_path, capsys):
    missing = tmp_path / "no-such-run"
    assert evaluate.main([*HOUSEHOLD, "--checkpoint", str(missing)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("interlat-eval: ")
    assert str(missing) in err
    assert not missing.exists()


def test_help_fits_a_screen_and_starts_without_torch():
    code = (
        "import sys; from interlat.cli.evaluate import main\n"
        "try: main(['--help'])\n"
        "finally: assert not {'torch', 'transformers', 'lightning', 'matplotlib'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 110
    for flag in ("--env", "--max-steps", "--conditions", "--resume", "--batch-size"):
        assert flag in done.stdout


def test_a_report_shows_a_folder_again(tmp_path, capsys):
    arguments = [*HOUSEHOLD, "--policy", "expert", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    shown = capsys.readouterr().out
    assert report.main([str(tmp_path)]) == 0
    again = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "[" in line and line.strip().startswith("expert"))
    assert row in again.splitlines()


def test_a_report_puts_evaluations_side_by_side(tmp_path, capsys):
    for policy in ("expert", "random"):
        assert evaluate.main([*HOUSEHOLD, "--policy", policy, "--out", str(tmp_path / policy)]) == 0
    capsys.readouterr()
    assert report.main([str(tmp_path), "--chart", str(tmp_path / "chart.png")]) == 0
    shown = capsys.readouterr()
    rows = {line.split()[0] for line in shown.out.splitlines() if line.strip()}
    assert {"expert", "random"} <= rows
    assert "same games, against expert" in shown.out
    assert shown.err == ""
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_warns_of_what_differs(tmp_path, capsys):
    for steps in ("10", "20"):
        arguments = [*HOUSEHOLD, "--policy", "expert", "--max-steps", steps, "--out", str(tmp_path / steps)]
        assert evaluate.main(arguments) == 0
    capsys.readouterr()
    assert report.main([str(tmp_path / "20"), str(tmp_path / "10")]) == 0
    assert capsys.readouterr().err == "interlat-report: these differ in max_steps (10, 20)\n"


def test_a_report_of_nothing_fails(tmp_path, capsys):
    assert report.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"interlat-report: {tmp_path} holds no evaluation; name a folder that interlat-eval --out has written\n"
    )


def test_an_interrupt_and_a_defect_are_told_apart(capsys):
    def interrupted():
        raise KeyboardInterrupt

    def defective():
        raise ZeroDivisionError("a defect")

    def misused():
        raise InvalidSetting("wrong")

    assert run_command("x", interrupted) == 130
    assert run_command("x", misused) == 2
    assert capsys.readouterr().err == "x: interrupted\nx: wrong (see x --help)\n"
    with pytest.raises(ZeroDivisionError):
        run_command("x", defective)


@pytest.mark.alfworld
@pytest.mark.parametrize(("split", "num_games", "steps"), [("unseen", 134, 5.88), ("seen", 140, 5.80)])
def test_walkthroughs_win_every_alfworld_game(tmp_path, split, num_games, steps):
    """All games are won, in the mean number of steps that textworld needs too."""
    arguments = ["--env", "alfworld", "--split", split, "--policy", "walkthrough", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    results = _results(tmp_path)
    assert (results["games"], results["success_rate"]) == (num_games, 1.0)
    assert results["steps_all"] == pytest.approx(steps, abs=0.005)


@pytest.mark.alfworld
def test_more_games_than_there_are_is_wrong_use(capsys):
    assert evaluate.main(["--policy", "random", "--games", "500"]) == 2
    assert "--games 500 is more than the 134 games of alfworld unseen; ask for fewer" in capsys.readouterr().err


@pytest.mark.alfworld
@pytest.mark.slow
def test_textworld_gives_the_same_episodes(tmp_path):
    pytest.importorskip("textworld")
    for engine in ("native", "textworld"):
        arguments = ["--policy", "expert", "--games", "2", "--max-steps", "6", "--engine", engine]
        assert evaluate.main([*arguments, "--out", str(tmp_path / engine)]) == 0
    assert _episodes(tmp_path / "native") == _episodes(tmp_path / "textworld")
