import os
import random
import sys

import pytest

from alfworld_env import AlfworldEnv, InvalidGame, ResetNeeded, check_env
from alfworld_env.parity import differences
from alfworld_env.textworld_backend import TextworldEngine, _idle

pytest.importorskip("textworld", reason="the alfworld extra is not installed")
pytest.importorskip("fast_downward", reason="the alfworld extra is not installed")


@pytest.mark.parametrize("kind", ["place", "two", "look", "clean", "heat", "cool"])
def test_both_engines_agree_on_the_small_kitchen(kitchen, kind):
    assert list(differences(kitchen(kind), steps=60, seed=1)) == []


def test_the_contract_holds_with_shipped_domain_and_grammar(kitchen):
    check_env(lambda: AlfworldEnv(kitchen("heat"), engine="textworld"), num_steps=4)


def test_engines_in_play_do_not_disturb_each_other_and_are_reused(kitchen):
    first, second = TextworldEngine(kitchen("place")), TextworldEngine(kitchen("look"))
    assert first.reset().endswith("put a apple in sidetable.")
    assert second.reset().endswith("look at mug under the desklamp.")
    assert first.step("go to fridge 1") == "You arrive at fridge 1. The fridge 1 is closed."
    assert second.step("look").startswith("You are in the middle")
    environment = first._env
    first.close()
    assert _idle[-1] is environment
    third = TextworldEngine(kitchen("heat"))
    assert third._env is environment
    with pytest.raises(ResetNeeded):
        first.step("look")
    second.close()
    third.close()


def test_neither_arguments_nor_environment_are_left_changed(kitchen):
    arguments, environment, stdout = list(sys.argv), dict(os.environ), sys.stdout
    engine = TextworldEngine(kitchen())
    engine.reset()
    engine.close()
    assert (sys.argv, dict(os.environ), sys.stdout) == (arguments, environment, stdout)


def test_a_game_that_would_end_the_process_is_refused(kitchen):
    data = kitchen()
    twice = data.problem.replace("Mug_bar_01 - object", "Mug_bar_01 - object Mug_bar_01 - object")
    with pytest.raises(InvalidGame, match="SystemExit"):
        TextworldEngine(type(data)(twice, data.task, data.walkthrough))
    assert list(differences(data, steps=5, seed=0)) == []


@pytest.mark.alfworld
def test_both_engines_agree_on_real_games(real_games):
    for number, game in enumerate(random.Random(0).sample([*real_games("unseen"), *real_games("seen")], 6)):
        assert list(differences(game.load(), steps=15, seed=number)) == [], game.game_id
