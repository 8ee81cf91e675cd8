"""The comparison of the two engines: what it draws, that it sees each kind of difference, and that it goes on."""

import json
import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import AlfworldEnvError, GameDataNotFound
from alfworld_env.parity import compare_game, differences
from alfworld_env.parity.__main__ import main
from alfworld_env.parity.records import GameRecord, RecordsUnusable, open_records, read_records, versions
from alfworld_env.parity.report import markdown, summary
from alfworld_env.parity.selection import parse_counts, select_games
from alfworld_env.parity.walk import NONSENSE, RandomWalk, near_miss
from alfworld_env.textworld_backend import TextworldEngine

textworld = pytest.mark.usefixtures("_textworld")
RECORD = GameRecord(
    kind="seen",
    game_id="valid_seen/pick-Mug/1",
    task_type="pick_and_place_simple",
    steps=3,
    seed=0,
    walkthrough_steps=4,
    random_steps=3,
    verbs={"go": 4, "refused": 3},
    differences=[],
    seconds=1.5,
    versions={"Python": "3.11.7", "textworld": "1.7.0"},
)


@pytest.fixture
def _textworld():
    pytest.importorskip("textworld", reason="the alfworld extra is not installed")
    pytest.importorskip("fast_downward", reason="the alfworld extra is not installed")


# What is drawn


def test_a_seed_fixes_the_walk_and_every_kind_of_command_is_drawn():
    rooms = [["go to desk 1", "look"], ["take mug 1 from desk 1", "look"]]

    def commands(seed):
        walk = RandomWalk(seed)
        return [walk.draw(rooms[number % 2]) for number in range(400)]

    drawn = commands("0 game")
    assert drawn == commands("0 game") != commands("1 game")
    assert set(drawn) >= {"go to desk 1", "take mug 1 from desk 1", "look"}
    assert set(drawn) & set(NONSENSE)
    assert any(command not in (*NONSENSE, *rooms[0], *rooms[1]) for command in drawn)
    assert any(command in rooms[0] and command not in rooms[1] for command in drawn[1::2])


@given(seed=st.integers(0, 2**32), command=st.text(min_size=1, max_size=30))
def test_a_near_miss_exists_for_every_command(seed, command):
    assert isinstance(near_miss(random.Random(seed), command), str)


# What is compared


@textworld
def test_equal_engines_show_no_difference_and_every_step_is_counted(kitchen):
    found = compare_game(kitchen("heat"), steps=12, seed=3)
    assert found.differences == []
    assert (found.walkthrough_steps, found.random_steps) == (6, 12)
    assert sum(found.verbs.values()) == 18
    assert found.verbs["heat"] >= 1


def changed(method, change):
    """A TextWorld that answers differently: `change` gets what it would have answered."""
    true = getattr(TextworldEngine, method)
    if isinstance(true, property):
        return property(lambda self: change(true.fget(self)))
    return lambda self, *args: change(true(self, *args))


@textworld
@pytest.mark.parametrize(
    ("method", "change", "lines"),
    [
        ("reset", str.upper, ["reset: observation is '-= Welcome to TextWorld, ALFRED! =-"]),
        ("step", lambda text: f"{text} ", ["'go to countertop 1': observation is 'You arrive at countertop 1. On the"]),
        ("admissible_commands", lambda known: [*known, "sing"], ["reset: only one engine admits ['sing']"]),
        (
            "admissible_commands",
            lambda known: known[::-1],
            ["reset: admissible commands is ['go to cabinet 1', 'go to cabinet 2'"],
        ),
        (
            "won",
            lambda won: not won,
            [
                "reset: won is False natively, True in textworld",
                ": reward is 0.0 natively",
                ": terminated is False natively",
            ],
        ),
    ],
)
def test_each_difference_is_told(kitchen, monkeypatch, method, change, lines):
    monkeypatch.setattr(TextworldEngine, method, changed(method, change))
    found = differences(kitchen(), steps=0, seed=0)
    assert all(any(line in told for told in found) for line in lines), found


@textworld
def test_what_an_engine_raises_is_a_difference(kitchen, monkeypatch):
    def fail(self, command):
        raise KeyError(command)

    monkeypatch.setattr(TextworldEngine, "step", fail)
    found = differences(replace(kitchen(), walkthrough=("look",)), steps=0, seed=0)
    assert any(line.endswith("\"raises KeyError: 'look'\" in textworld") for line in found), found
    assert "raises InvalidGame" in differences(replace(kitchen(), problem="(define"), steps=1, seed=0)[0]


@textworld
@pytest.mark.alfworld
def test_the_engines_agree_on_a_real_game_of_each_split(real_games):
    game = random.Random(1).choice(real_games("unseen"))
    assert differences(game.load(), steps=8, seed=0) == []


# Which games


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["20"], 20),
        (["seen=all", "train=200"], {"seen": None, "train": 200}),
        (["unseen=0"], {"unseen": 0}),
    ],
)
def test_games_are_asked_for_by_one_number_or_by_split(words, wanted):
    assert parse_counts(words) == wanted


@pytest.mark.parametrize(
    "words", [["all"], ["-3"], ["20", "30"], ["seen"], ["test=3"], ["seen=some"], ["seen=1", "seen=2"], [""]]
)
def test_another_way_of_asking_is_refused(words):
    with pytest.raises(ValueError, match="seen=all train=200"):
        parse_counts(words)


def test_household_games_need_no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    selected = select_games(0, ["seen"], 3, seed=1)
    assert [one.kind for one in selected] == ["household"] * 3
    both = select_games(0, ["seen"], 2, seed=1, rooms=["small", "measured"])
    assert [one.kind for one in both] == ["household"] * 2 + ["household-measured"] * 2
    assert all(one.game.game_id.startswith(f"{one.kind}/unseen/") for one in both)
    with pytest.raises(GameDataNotFound):
        select_games({"seen": 1}, [], 0, seed=1)


@pytest.mark.alfworld
def test_a_seed_fixes_the_games_and_all_are_all(real_games):
    seen, unseen = real_games("seen"), real_games("unseen")
    assert [one.game for one in select_games({"unseen": None, "seen": 5}, [], 0, 0)][:-5] == unseen
    few = select_games(6, ["seen", "unseen"], 0, 0)
    assert few == select_games(6, ["seen", "unseen"], 0, 0) != select_games(6, ["seen", "unseen"], 0, 1)
    assert all(one.game in (*seen, *unseen) and one.kind == one.game.split for one in few)
    assert len(select_games(10_000, ["seen"], 0, 0)) == len(seen)


# What is kept


def test_records_are_read_back_and_a_torn_line_is_dropped(tmp_path):
    path = tmp_path / "records.jsonl"
    second = replace(RECORD, game_id="two", differences=["look: '\ud800'"])
    for record in (RECORD, second):
        with open_records(path, 3, 0) as (_, file):
            file.append(record)
    assert read_records(path) == [RECORD, second]
    whole = path.read_bytes()
    first = len(whole.splitlines(keepends=True)[0])
    for end in range(first, len(whole)):
        path.write_bytes(whole[:end])
        assert read_records(path) == [RECORD]
    with open_records(path, 3, 0) as (done, file):
        assert done == [RECORD]
        file.append(second)
    assert path.read_bytes() == whole


def test_records_of_another_run_or_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "records.jsonl"
    line = json.dumps(asdict(RECORD))
    path.write_text(f"{line}\n")
    for steps, seed in ((4, 0), (3, 1)):
        with pytest.raises(RecordsUnusable, match="--steps 3 --seed 0"), open_records(path, steps, seed):
            pass
    for damaged in ("{}", line[:-9], "[1]", line.replace("verbs", "words")):
        path.write_text(f"{line}\n{damaged}\n{line}\n")
        with pytest.raises(RecordsUnusable, match="line 2"):
            read_records(path)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(AlfworldEnvError, match="--out"):
            read_records(missing)
    with pytest.raises(RecordsUnusable, match="wanted to write"), open_records(tmp_path / "none" / "records", 3, 0):
        pass


def test_the_versions_are_told():
    assert list(versions()) == ["Python", "textworld", "alfworld", "fast-downward-textworld"]


def test_the_page_sums_by_set_and_task_type_and_lists_differences():
    look = replace(
        RECORD, game_id="b", task_type="look_at_obj_in_light", verbs={"go": 1, "use": 2}, differences=["look: won"]
    )
    records = [RECORD, look, replace(RECORD, game_id="c")]
    assert [tuple(row) for row in summary(records)] == [
        ("seen", "look_at_obj_in_light", 1, 4, 3, 1),
        ("seen", "pick_and_place_simple", 2, 8, 6, 0),
        ("all", "", 3, 12, 9, 1),
    ]
    page = markdown(records)
    assert "3 games: the walkthrough, then 3 random steps drawn with seed 0." in page
    assert "Versions: Python 3.11.7, textworld 1.7.0." in page
    assert "| seen | pick_and_place_simple | 2 | 8 | 6 | 0 |" in page
    assert "Commands carried out: go 9, use 2. Commands refused: 6." in page
    assert page.endswith("\n- b: look: won")
    assert markdown([RECORD]).endswith("\nNo differences.")


# The command


def parity(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


@textworld
def test_a_stopped_run_goes_on_and_processes_change_nothing(capsys, tmp_path):
    path, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    code, out = parity(capsys, "--games", 0, "--household", 2, "--steps", 0, "--out", path)
    assert code == 0
    assert out.endswith("2 games, walkthrough and 0 random steps each: 0 differences\n")
    records = read_records(path)
    path.write_bytes(path.read_bytes()[:-20])
    code, out = parity(capsys, "--games", 0, "--household", 2, "--steps", 0, "--out", path)
    assert out.startswith(f"1 of 2 games are in {path} already; 1 are left\n")
    parity(capsys, "--games", 0, "--household", 2, "--steps", 0, "--out", other, "--jobs", 2)
    for again in (read_records(path), sorted(read_records(other), key=lambda record: record.key != records[0].key)):
        assert [replace(record, seconds=0) for record in again] == [replace(record, seconds=0) for record in records]
    code, out = parity(capsys, "report", path)
    assert (code, out) == (0, markdown(records) + "\n")


def test_differences_kept_earlier_are_told_again(capsys, tmp_path):
    path = tmp_path / "records.jsonl"
    game = select_games(0, [], 1, 0)[0].game
    known = replace(RECORD, kind="household", game_id=game.game_id, differences=["look: won is True natively"])
    path.write_text(json.dumps(asdict(known)) + "\n")
    code, out = parity(capsys, "--games", 0, "--household", 1, "--steps", 3, "--out", path)
    assert code == 1
    assert f"{game.game_id}: look: won is True natively\n" in out
    assert parity(capsys, "report", path)[0] == 1


def test_what_cannot_be_compared_ends_with_two(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert parity(capsys, "--games", "seen=1")[0] == 2
    assert parity(capsys, "report", tmp_path / "none")[0] == 2
    (tmp_path / "empty").touch()
    assert parity(capsys, "report", tmp_path / "empty")[0] == 2
    for wrong in (["--games", "some"], ["--jobs", "0"], ["--games", "seen=1", "--splits", "seen"]):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)
    capsys.readouterr()
