"""`interlat-data` as a user runs it: exit codes, texts and files; `fetch` has a file of its own."""

import pytest

from alfworld_env import household_games, list_games, record_expert, record_walkthrough
from alfworld_env.distilled import list_distilled
from alfworld_env.trajectory_file import read_trajectories
from interlat.cli import data


@pytest.mark.parametrize("command", [[], ["fetch"], ["verify"], ["distil"], ["record"]])
def test_help_fits_one_screen(command, capsys):
    with pytest.raises(SystemExit) as exit_info:
        data.main([*command, "--help"])
    assert exit_info.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) <= 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["distil"], "--out"),
        (["record", "--out", "x", "--policy", "magic"], "invalid choice: 'magic'"),
        (["verify", "--nonsense"], "--nonsense"),
    ],
)
def test_the_parser_exits_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        data.main(arguments)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["record", "--out", "{tmp}/a.jsonl", "--max-steps", "0"], "at least 1, got 0"),
        (["record", "--out", "{tmp}/a.jsonl", "--games", "-3"], "at least 1, got 50 and -3"),
        (["record", "--out", "{tmp}"], "name another file with --out"),
        (["distil", "--out", "{tmp}/a.games", "--household", "0"], "at least 1"),
        (["distil", "--out", "{tmp}/a.games", "--household", "1", "--splits", "valid_train"], "valid_train"),
        (["distil", "--out", "{tmp}/a.games", "--root", "{seen}", "--splits", "seen", "unseen"], "no games of unseen"),
        (["fetch", "--data-dir", "{tmp}/file"], "is a file"),
        (["fetch", "--data-dir", "{tmp}", "--everything", "--mirror", "http://x"], "leave out --everything"),
    ],
)
def test_wrong_use_exits_with_2_and_writes_nothing(arguments, message, tmp_path, release, capsys):
    (tmp_path / "file").touch()
    seen_only = tmp_path / "seen_only"
    seen_only.mkdir()
    (release / "json_2.1.1" / "valid_seen").rename(seen_only / "valid_seen")
    before = sorted(tmp_path.iterdir())
    places = {"tmp": tmp_path, "seen": seen_only}
    assert data.main([argument.format(**places) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "interlat-data --help" in captured.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("published")
def test_verify_counts_by_split_and_task_type(release, capsys):
    assert data.main(["verify", "--root", str(release)]) == 0
    rows = {row[1]: row[2:] for row in (line.replace("┃", "│").split("│") for line in _lines(capsys)) if len(row) > 5}
    table = {name.strip(): [cell.strip() for cell in cells[:4]] for name, cells in rows.items()}
    assert table["task type"] == ["train", "seen", "unseen", "valid_train"]
    assert table["pick_heat_then_place_in_recep"] == ["1", "0", "0", "0"]
    assert table["look_at_obj_in_light"] == ["0", "0", "0", "1"]
    assert table["all"] == table["published"] == ["2", "1", "1", "1"]


def _lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_verify_fails_where_counts_are_not_the_published_ones(release, capsys):
    assert data.main(["verify", "--root", str(release)]) == 1
    captured = capsys.readouterr()
    assert "train has 2 games, published are 3553" in captured.err
    assert "valid_train has 1 games, published are 200" in captured.err
    assert "3553" in captured.out


@pytest.mark.usefixtures("published")
def test_verify_names_what_cannot_be_played(release, trials, content_of, capsys):
    broken = release / "json_2.1.1" / "train" / trials["train"][1] / "game.tw-pddl"
    broken.write_text(broken.read_text()[:300])
    mistaken = release / "json_2.1.1" / "valid_seen" / trials["valid_seen"][0] / "game.tw-pddl"
    mistaken.write_text(content_of("pick_two"))
    assert data.main(["verify", "--root", str(release)]) == 1
    error = capsys.readouterr().err
    assert f"train/{trials['train'][1]}: {broken} is not a whole JSON game file" in error
    assert "its goal is pick_two_obj_and_place, not pick_cool_then_place_in_recep" in error
    assert error.startswith("interlat-data: 2 of the 5 games and sets")
    (release / "json_2.1.1" / "valid_unseen").rename(release / "elsewhere")
    data.main(["verify", "--root", str(release)])
    assert "there is no unseen game" in capsys.readouterr().err


def test_verify_without_games_says_how_to_get_them(tmp_path, capsys):
    assert data.main(["verify", "--root", str(tmp_path)]) == 1
    assert "alfworld-download" in capsys.readouterr().err


@pytest.mark.usefixtures("published")
def test_distil_writes_a_file_that_stands_for_the_folder(release, trials, tmp_path, capsys):
    path = tmp_path / "new" / "all.games"
    assert data.main(["distil", "--root", str(release), "--out", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "2 train, 1 seen, 1 unseen, 1 valid_train: 0.0" in shown
    assert f"export ALFWORLD_DATA={path}" in shown
    assert [game.game_id for game in list_games("train", path)] == [f"train/{trial}" for trial in trials["train"]]
    assert data.main(["verify", "--root", str(path)]) == 0
    assert data.main(["distil", "--root", str(path), "--out", str(path), "--splits", "unseen"]) == 0
    assert {name: len(games) for name, games in list_distilled(path).items()} == {"unseen": 1}
    assert data.main(["verify", "--root", str(path)]) == 0  # a distilled file may leave splits out


def test_household_games_are_distilled_and_verified(tmp_path, capsys):
    path = tmp_path / "household.games"
    assert data.main(["distil", "--out", str(path), "--household", "3"]) == 0
    assert "3 train, 3 seen, 3 unseen" in capsys.readouterr().out
    games = list_games("seen", path)
    assert [game.load().task for game in games] == [game.load().task for game in household_games("seen", 3)]
    assert data.main(["verify", "--root", str(path)]) == 0


@pytest.mark.parametrize(("policy", "play"), [("expert", record_expert), ("walkthrough", record_walkthrough)])
def test_record_writes_a_line_a_game(tmp_path, capsys, policy, play):
    path = tmp_path / "games.jsonl"
    household = ["--env", "household", "--split", "seen", "--games", "6"]
    assert data.main(["record", "--out", str(path), *household, "--policy", policy, "--seed", "3"]) == 0
    assert list(read_trajectories(path)) == [play(game, 3) for game in household_games("seen", 6)]
    shown = capsys.readouterr().out
    assert f"{policy} on household seen" in shown
    assert f"6 games in {path}, 0 not won" in shown


def test_record_sums_up_by_hand_counted_limits(tmp_path, capsys):
    """With a limit of 12, wins in at most 12 steps count; the table's columns are the limits up to that one."""
    path = tmp_path / "games.jsonl"
    games = household_games("unseen", 12)
    steps = [len(record_expert(game, 0, 12).turns) if record_expert(game, 0, 12).won else None for game in games]
    won = [number for number in steps if number is not None]
    assert 0 < len(won) < 12
    arguments = ["--env", "household", "--split", "unseen", "--games", "12", "--max-steps", "12"]
    assert data.main(["record", "--out", str(path), *arguments, "--won-only", "--form", "action"]) == 0
    shown = capsys.readouterr().out
    total = next(line for line in shown.splitlines() if line.startswith("│ all "))
    cells = [cell.strip() for cell in total.split("│")[1:-1]]
    assert cells == ["all", "12", f"{100 * len(won) / 12:.1f}", f"{sum(won) / len(won):.1f}"]
    assert f"{len(won)} games in {path}, {12 - len(won)} not won left out" in shown
    kept = list(read_trajectories(path))
    assert [len(played.turns) for played in kept] == won
    assert not any(turn.thought for played in kept for turn in played.turns)


def test_record_refuses_more_games_than_there_are(release, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ALFWORLD_DATA", str(release))
    assert data.main(["record", "--out", str(tmp_path / "a.jsonl"), "--games", "3"]) == 2
    assert "more than the 2 games of alfworld train" in capsys.readouterr().err
    assert data.main(["record", "--out", str(tmp_path / "a.jsonl"), "--split", "seen"]) == 0
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1


@pytest.mark.alfworld
def test_alfworld_s_unseen_games_are_distilled_and_recorded(tmp_path, monkeypatch, capsys):
    path = tmp_path / "unseen.games"
    assert data.main(["distil", "--out", str(path), "--splits", "unseen"]) == 0
    assert path.stat().st_size < 200_000
    assert data.main(["verify", "--root", str(path)]) == 0
    monkeypatch.setenv("ALFWORLD_DATA", str(path))
    out = tmp_path / "unseen.jsonl"
    assert data.main(["record", "--out", str(out), "--split", "unseen", "--policy", "walkthrough"]) == 0
    assert "134 games in" in capsys.readouterr().out
    assert all(played.won for played in read_trajectories(out))
