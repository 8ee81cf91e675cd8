"""Where games come from, by the names that command lines and recipes use."""

from typing import get_args

import pytest

from alfworld_env import list_games, record_expert, write_trajectories
from interlat.data.games import Alfworld, EnvName, Household, games_named
from interlat.data.trajectories import record_games
from interlat.errors import InvalidSetting


def test_each_name_of_the_embedded_games_is_a_kind_of_rooms():
    small, measured = games_named("household"), games_named("household-measured")
    assert small.games("unseen", 1)[0].game_id.startswith("household/unseen/")
    assert measured.games("unseen", 1)[0].game_id.startswith("household-measured/unseen/")
    assert isinstance(games_named("alfworld"), Alfworld)


def test_caches_tell_the_kinds_of_rooms_apart_and_still_know_the_small_ones():
    # Stores made before there were two kinds are found again.
    assert Household(seed=3).identity() == {"env": "household", "seed": 3}
    assert Household(seed=3, rooms="measured").identity() == {"env": "household-measured", "seed": 3}


@pytest.mark.parametrize("env", [name for name in get_args(EnvName) if name != "alfworld"])
def test_where_no_number_is_given_there_are_as_many_as_in_alfworld_s_unseen_split(env):
    assert len(games_named(env).games("unseen", None)) == 134


@pytest.fixture
def shown(tmp_path):
    """Two train games as the expert played them, and one that it did not win."""
    games = list_games("train")[:3]
    played = [record_expert(game, max_steps=50) for game in games[:2]]
    lost = record_expert(games[2], max_steps=1)
    write_trajectories([*played, lost], tmp_path / "shown.jsonl")
    return tmp_path / "shown.jsonl", played


@pytest.mark.alfworld
def test_games_that_others_played_are_learned_from_in_place_of_walkthroughs(shown):
    path, played = shown
    source = Alfworld(shown_by=str(path))
    games = source.games("train", None)
    assert {game.game_id for game in games} == {trajectory.game_id for trajectory in played}
    by_id = {trajectory.game_id: trajectory for trajectory in played}
    for record in record_games(games, 20, 0, source.demonstrations()):
        turns = by_id[record.game_id].turns
        assert record.guided == tuple((turn.thought, turn.action, turn.observation) for turn in turns)
        # The plan is still written from the walkthrough.
        assert len(record.walkthrough) <= len(record.guided)
    assert len(source.games("unseen", None)) == 134


@pytest.mark.alfworld
def test_caches_tell_demonstrations_apart_by_their_content(shown, tmp_path):
    path, played = shown
    assert Alfworld().identity() == {"env": "alfworld", "seed": 0}
    write_trajectories(played[:1], tmp_path / "other.jsonl")
    first, second = Alfworld(shown_by=str(path)), Alfworld(shown_by=str(tmp_path / "other.jsonl"))
    assert first.identity() != second.identity()
    assert Alfworld(shown_by="agent-eto/eto-sft-trajectory").identity()["shown_by"] == "agent-eto/eto-sft-trajectory"


@pytest.mark.alfworld
def test_demonstrations_of_other_games_are_refused(tmp_path):
    write_trajectories([record_expert(list_games("unseen")[0])], tmp_path / "unseen.jsonl")
    with pytest.raises(InvalidSetting, match="train game"):
        Alfworld(shown_by=str(tmp_path / "unseen.jsonl")).games("train", None)
