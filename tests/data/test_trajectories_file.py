"""Recorded games on disk, and how household games are recorded."""

import json
from pathlib import Path

import pytest
from tiny_agents import task_records

from interlat.data.games import Household
from interlat.data.trajectories import load_records, record_games, save_records
from interlat.errors import GameDataNotFound


def test_records_are_read_back_as_they_were(tmp_path: Path):
    records = task_records(5)
    save_records(records, tmp_path / "deep" / "train.jsonl")
    assert load_records(tmp_path / "deep" / "train.jsonl") == records


def test_a_recorder_that_dies_leaves_no_file(tmp_path: Path):
    def dying():
        yield task_records(1)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_records(dying(), tmp_path / "train.jsonl")
    assert not (tmp_path / "train.jsonl").exists()


def test_a_missing_file_says_what_to_do(tmp_path: Path):
    with pytest.raises(GameDataNotFound, match="no such file; run the recipe's prepare step again"):
        load_records(tmp_path / "train.jsonl")


@pytest.mark.parametrize("line", ["{", "{}", "3", json.dumps({"game_id": "a"})])
def test_a_damaged_line_is_named(tmp_path: Path, line: str):
    path = tmp_path / "train.jsonl"
    save_records(task_records(2), path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(GameDataNotFound, match=r"line 3 of '.*train\.jsonl' is not a trajectory record"):
        load_records(path)


def test_household_games_are_recorded_with_both_trajectories():
    records = list(record_games(Household().games("train", 12), 20, seed=0))
    assert len({record.game_id for record in records}) == 12
    assert len({record.task_type for record in records}) == 6
    assert any(record.explored for record in records)
    for record in records:
        assert record.opening.startswith("You are in the middle of a room")
        assert "Your task is to: " in record.opening
        assert record.walkthrough == tuple(action for _, action, _ in record.guided)
        assert all(text for turn in (*record.guided, *record.explored) for text in turn)
        assert len(record.explored) <= 20
        taken = next(action for action in record.walkthrough if action.startswith("take "))
        thing, place = taken.removeprefix("take ").split(" from ")
        assert thing in record.house
        assert place in record.house


def test_explorers_that_do_not_finish_are_left_out():
    games = Household().games("train", 6)
    assert [record.explored for record in record_games(games, 1, seed=0)] == [()] * 6
