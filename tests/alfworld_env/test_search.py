"""The order of search against what is known of ALFWorld's rooms."""

import random
from collections import Counter

import pytest

from alfworld_env import list_games, record_expert
from alfworld_env.search import next_place

ROOM = ["bed 1", "desk 1", "drawer 1", "drawer 2", "garbagecan 1"]


def first_places(kind: str, places: list[str], search: str, draws: int = 400) -> Counter[str]:
    rng = random.Random(0)
    return Counter(next_place(kind, places, search, rng) for _ in range(draws))


def test_common_sense_names_likely_places_first_and_each_of_them_equally_often():
    drawn = first_places("pencil", ROOM, "common-sense")
    assert set(drawn) == {"desk 1", "drawer 1", "drawer 2"}
    assert min(drawn.values()) > 400 / 3 - 60


def test_common_sense_falls_back_to_any_place():
    assert set(first_places("mug", ["bed 1", "safe 1"], "common-sense")) == {"bed 1", "safe 1"}


def test_measured_odds_put_the_best_place_first_and_swap_only_what_is_close():
    drawn = first_places("pencil", ROOM, "measured")
    # A pencil lies on more than every second desk, in one drawer of some thirty, and never on a bed.
    assert drawn["desk 1"] > 380
    # Places of one kind are as likely as each other.
    twins = first_places("pencil", ["drawer 1", "drawer 2"], "measured")
    assert abs(twins["drawer 1"] - twins["drawer 2"]) < 80


def test_measured_odds_count_opening_as_a_step():
    # A fork lies in a drawer as often as on a side table (0.04 and 0.02 a look); opening makes the two alike, and neither is sure.
    drawn = first_places("fork", ["drawer 1", "sidetable 1"], "measured")
    assert min(drawn.values()) > 40


def test_a_kind_that_no_train_game_has_is_looked_for_everywhere():
    drawn = first_places("unicorn", ["bed 1", "desk 1", "drawer 1"], "measured")
    assert set(drawn) == {"bed 1", "desk 1", "drawer 1"}


@pytest.mark.alfworld
def test_measured_odds_shorten_the_search_in_rooms_they_were_not_measured_on():
    games = list_games("unseen")[::4]
    steps = {
        search: [len(record_expert(game, search=search).turns) for game in games]
        for search in ("common-sense", "measured")
    }
    assert sum(steps["measured"]) < 0.85 * sum(steps["common-sense"])
    assert all(record_expert(game, search="measured").won for game in games)
