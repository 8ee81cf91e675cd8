"""10,000 damaged game files: each is played or refused with an error of ours, and nothing else ever comes out.

File number n is always the same, so a failure is found again with `damaged(games, n)`.
"""

import json
import os
import random
from collections import Counter

import pytest
from damaged_games import damaged, whole_game

from alfworld_env import AlfworldEnv, AlfworldEnvError, InvalidGame, household_games

NUM_FILES = int(os.environ.get("ALFWORLD_FUZZ_FILES", "10000"))
ODD_WALKTHROUGHS = ([None], [1, 2], [["look"]], [{}], ["look", 1.5], [[[]]])


def played(path, rng):
    """Play a few steps of whatever is there, and check what is answered."""
    env = AlfworldEnv(path, max_steps=4)
    observation, info = env.reset()
    assert isinstance(observation, str)
    assert observation.strip()
    for number in range(4):
        admissible = info["admissible_commands"]
        assert admissible == sorted(set(admissible))
        command = rng.choice(admissible)
        if number == 1 and info["walkthrough"]:
            command = info["walkthrough"][0]
        observation, _, terminated, truncated, info = env.step(command)
        assert isinstance(observation, str)
        assert (observation == "Nothing happens.") == (command.strip() not in admissible), command
        assert truncated == (number == 3 and not terminated)
        if terminated:
            return


@pytest.fixture(scope="module")
def games(kitchen):
    """The six goals in the small kitchen, and two household games."""
    household = [game.load() for game in household_games("unseen", 2)]
    return [*(kitchen(kind) for kind in ("place", "two", "look", "clean", "heat", "cool")), *household]


def test_a_damaged_file_is_played_or_refused(games, tmp_path):
    path = tmp_path / "game.tw-pddl"
    ends, wrong = Counter(), []
    for number in range(NUM_FILES):
        content, change = damaged(games, number)
        path.write_bytes(content)
        try:
            played(path, random.Random(number))
            ends["played"] += 1
        except AlfworldEnvError:
            ends["refused"] += 1
        except Exception as error:
            wrong.append(f"file {number}, {change}: {type(error).__name__}: {ascii(str(error))[:200]}")
    assert not wrong, "\n".join([f"{len(wrong)} files:", *wrong[:20]])
    assert min(ends["played"], ends["refused"]) > NUM_FILES // 10, ends


def test_a_whole_file_is_played(games, tmp_path):
    path = tmp_path / "game.tw-pddl"
    for game in games:
        path.write_text(json.dumps(whole_game(game)), encoding="utf-8")
        played(path, random.Random(0))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_a_deeply_nested_file_is_refused(games, tmp_path, opening, closed):
    path = tmp_path / "game.tw-pddl"
    content = json.dumps(whole_game(games[0]))
    closing = "".join({"[": "]", "{": "}"}.get(letter, "") for letter in reversed(opening))
    nested = opening * 100_000 + ("1" + closing * 100_000 if closed else "")
    for text in (nested, f'{content[:-1]}, "more": {nested}}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidGame):
            AlfworldEnv(path)


@pytest.mark.parametrize("walkthrough", ODD_WALKTHROUGHS, ids=repr)
def test_a_walkthrough_of_anything_but_commands_is_refused(games, tmp_path, walkthrough):
    path = tmp_path / "game.tw-pddl"
    path.write_text(json.dumps(whole_game(games[0]) | {"walkthrough": walkthrough}), encoding="utf-8")
    with pytest.raises(InvalidGame, match="walkthrough"):
        AlfworldEnv(path)
