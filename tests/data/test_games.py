"""Where games come from, by the names that command lines and recipes use."""

from typing import get_args

import pytest

from interlat.data.games import Alfworld, EnvName, Household, games_named


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
