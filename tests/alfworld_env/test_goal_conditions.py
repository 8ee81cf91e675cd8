"""Partial credit against conditions counted by hand, and its one promise: full credit is a win."""

import random

import pytest

from alfworld_env import AlfworldEnv, household_games, list_games

# (what is done, conditions then met of all) one after the other, from the start on.
BY_HAND = {
    "place": [
        (("go to countertop 1", "take apple 2 from countertop 1", "go to sidetable 1"), (0, 1)),
        (("move apple 2 to sidetable 1",), (1, 1)),
    ],
    # One in each of two receptacles does not count twice: both must be in one.
    "two": [
        (("go to countertop 1", "take apple 2 from countertop 1", "go to sidetable 1"), (0, 2)),
        (("move apple 2 to sidetable 1",), (1, 2)),
        (("take apple 2 from sidetable 1",), (0, 2)),
        (("move apple 2 to sidetable 1", "go to cabinet 1", "open cabinet 1", "take apple 1 from cabinet 1"), (1, 2)),
        (("go to sidetable 1", "move apple 1 to sidetable 1"), (2, 2)),
    ],
    # Cleaned but elsewhere; an uncleaned one in place beside it; at last one that is both.
    "clean": [
        (("go to countertop 1", "take apple 2 from countertop 1", "go to sinkbasin 1"), (0, 3)),
        (("clean apple 2 with sinkbasin 1",), (1, 3)),
        (("go to countertop 1", "move apple 2 to countertop 1", "go to cabinet 1", "open cabinet 1"), (1, 3)),
        (("take apple 1 from cabinet 1", "go to sidetable 1", "move apple 1 to sidetable 1"), (2, 3)),
        (("go to countertop 1", "take apple 2 from countertop 1", "go to sidetable 1"), (2, 3)),
        (("move apple 2 to sidetable 1",), (3, 3)),
    ],
    # Heat is lost to the fridge.
    "heat": [
        (("go to countertop 1", "take apple 2 from countertop 1", "go to microwave 1"), (0, 3)),
        (("heat apple 2 with microwave 1",), (1, 3)),
        (("go to fridge 1", "cool apple 2 with fridge 1"), (0, 3)),
    ],
    "look": [
        (("go to sidetable 1", "use desklamp 1"), (1, 2)),
        # Lit, but not where the agent stands.
        (("go to countertop 1",), (0, 2)),
        (("take mug 1 from countertop 1",), (1, 2)),
        (("go to sidetable 1",), (2, 2)),
    ],
}


@pytest.mark.parametrize("goal", BY_HAND)
def test_the_conditions_that_hold_are_counted_as_by_hand(kitchen, goal):
    env = AlfworldEnv(kitchen(goal))
    _, info = env.reset()
    assert info["goal_condition_success_rate"] == 0.0
    for commands, (met, total) in BY_HAND[goal]:
        for command in commands:
            assert command in info["admissible_commands"]
            *_, info = env.step(command)
        assert info["goal_condition_success_rate"] == met / total
        assert info["won"] is (met == total)


def test_textworld_s_engine_gives_the_same_credit(kitchen):
    native, reference = AlfworldEnv(kitchen("heat")), AlfworldEnv(kitchen("heat"), "textworld")
    native.reset()
    reference.reset()
    for command in kitchen("heat").walkthrough:
        native_info, reference_info = native.step(command)[-1], reference.step(command)[-1]
        assert native_info == reference_info
    assert reference_info["goal_condition_success_rate"] == 1.0
    reference.close()


@pytest.mark.alfworld
def test_full_credit_is_a_win_and_nothing_else_is():
    for game in [*household_games("unseen", 12), *list_games("unseen")[::9]]:
        env = AlfworldEnv(game, max_steps=80)
        rng = random.Random(game.game_id)
        _, info = env.reset()
        assert 0 <= info["goal_condition_success_rate"] < 1
        for _ in range(30):
            *_, info = env.step(rng.choice(info["admissible_commands"]))
            assert (info["goal_condition_success_rate"] == 1) == info["won"]
            if info["won"]:
                break
        _, info = env.reset()
        rates = [env.step(command)[-1]["goal_condition_success_rate"] for command in info["walkthrough"]]
        assert rates[-1] == 1
        assert max(rates[:-1]) < 1
