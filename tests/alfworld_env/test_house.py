"""What is told of a house is what one who looks everywhere finds, whichever words it is told in."""

import random
import re

import pytest

from alfworld_env import NativeEngine, house_view, household_games, parse_receptacles

SEEN = re.compile(r"you see (.+)\.$")
NAME = re.compile(r"[a-z]+ \d+")


def told(game):
    """(thing, receptacle) pairs; every line has to name one of each and nothing more."""
    lines = house_view(game).splitlines()
    pairs = [tuple(NAME.findall(line)) for line in lines]
    assert {len(pair) for pair in pairs} == {2}
    return pairs


def found_by_looking(data):
    """Go to each receptacle from the start, open it where it is closed, and read what is there."""
    engine = NativeEngine(data)
    receptacles = parse_receptacles(engine.reset())
    start = engine.snapshot()
    found = []
    for receptacle in receptacles:
        engine.restore(start)
        answer = engine.step(f"go to {receptacle}")
        if answer.endswith("is closed."):
            answer = engine.step(f"open {receptacle}")
        found += [(thing, receptacle) for thing in NAME.findall(SEEN.search(answer).group(1))]
    return found


@pytest.mark.parametrize("split", ["train", "seen", "unseen"])
def test_a_household_is_told_as_it_is_found(split):
    for game in household_games(split, 60, seed=2):
        pairs = told(game)
        assert sorted(pairs) == sorted(found_by_looking(game.load())), game.game_id
        assert len({thing for thing, _ in pairs}) == len(pairs) >= 6


@pytest.mark.alfworld
def test_alfworld_s_houses_are_told_as_they_are_found(real_games):
    for game in random.Random(0).sample([*real_games("train"), *real_games("unseen")], 60):
        assert sorted(told(game)) == sorted(found_by_looking(game.load())), game.game_id


def test_in_is_said_of_what_has_a_door_and_on_of_what_has_none():
    doors = {"cabinet", "drawer", "fridge", "microwave", "safe"}
    for game in household_games("train", 24):
        for line in house_view(game).splitlines():
            receptacle = NAME.findall(line)[1]
            word = "in" if receptacle.split()[0] in doors else "on"
            assert re.search(rf"\b{word} (the )?{receptacle}\b", line), line


def test_a_loaded_game_is_told_alike_and_every_time():
    game = household_games("unseen", 1)[0]
    assert house_view(game) == house_view(game.load()) == house_view(game)
