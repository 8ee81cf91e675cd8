import json
import os
from dataclasses import replace

import pytest

from alfworld_env import GameDataNotFound, household_games, record_expert, record_walkthrough
from alfworld_env.trajectory_file import InvalidTrajectory, read_trajectories, write_trajectories


@pytest.fixture(scope="module")
def played():
    games = household_games("train", 4)
    return [record_expert(games[0]), record_expert(games[1], max_steps=2), *map(record_walkthrough, games[2:])]


def without_thoughts(trajectory):
    return replace(trajectory, turns=tuple(replace(turn, thought="") for turn in trajectory.turns))


def test_what_is_written_is_read_back(played, tmp_path):
    path = tmp_path / "new" / "games.jsonl"
    write_trajectories(iter(played), path)
    assert list(read_trajectories(path)) == played
    assert len(path.read_text().splitlines()) == len(played)


def test_action_only_leaves_nothing_but_the_thoughts_out(played, tmp_path):
    path = tmp_path / "games.jsonl"
    write_trajectories(played, path, "action")
    assert "thought" not in path.read_text()
    assert list(read_trajectories(path)) == list(map(without_thoughts, played))


def test_an_interrupted_recording_leaves_what_was_there(played, tmp_path):
    path = tmp_path / "games.jsonl"
    write_trajectories(played[:1], path)

    def interrupted():
        yield played[1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trajectories(interrupted(), path)
    assert list(read_trajectories(path)) == played[:1]
    assert os.listdir(tmp_path) == ["games.jsonl"]


@pytest.mark.parametrize("line", ['{"game_id": ', "[]", '{"turns": [{"action": "look"}]}', '{"turns": [], "odd": 1}'])
def test_a_line_that_is_no_recording_is_numbered(played, tmp_path, line):
    path = tmp_path / "games.jsonl"
    write_trajectories(played[:1], path)
    path.write_text(path.read_text() + line)
    with pytest.raises(InvalidTrajectory, match=r"line 2 of .*games\.jsonl"):
        list(read_trajectories(path))


def test_letters_of_any_language_stay_as_they_are(played, tmp_path):
    path = tmp_path / "games.jsonl"
    foreign = replace(played[0], task="put “é” – 杯子\u2028 here.")
    write_trajectories([foreign], path)
    assert list(read_trajectories(path)) == [foreign]
    assert json.loads(path.read_bytes())["task"] == foreign.task


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(GameDataNotFound, match="interlat-data record"):
        list(read_trajectories(tmp_path / "none.jsonl"))
