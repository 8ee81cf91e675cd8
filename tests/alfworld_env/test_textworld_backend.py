"""TextWorld made safe: one environment reused, nothing of the process changed, every failure an error of ours."""

import gc
import os
import random
import sys
import weakref
from dataclasses import replace

import psutil
import pytest

from alfworld_env import AlfworldEnv, InvalidGame, ResetNeeded, check_env, textworld_backend
from alfworld_env.parity import differences
from alfworld_env.textworld_backend import TextworldEngine, _idle

pytest.importorskip("textworld", reason="the alfworld extra is not installed")
pytest.importorskip("fast_downward", reason="the alfworld extra is not installed")

# What the translator makes of them: it ends the process, it fails, it finds the goal out of reach, it cannot parse.
BROKEN = {
    "SystemExit": ("Mug_bar_01 - object", "Mug_bar_01 - object Mug_bar_01 - object"),
    "KeyError: 'knife_bar_01'": ("Knife_bar_01 - object", ""),
    "the goal can never be reached": ("(receptacleType SideTable_bar_01 SideTableType)", ""),
    "ParseError": ("(openable Fridge_bar_01)", "((openable Fridge_bar_01)"),
}


def broken(data, kind):
    old, new = BROKEN[kind]
    assert old in data.problem
    return replace(data, problem=data.problem.replace(old, new))


@pytest.fixture
def made(monkeypatch):
    """The TextWorld environments made since the test began, none of them waiting from before."""
    environments, new = [], textworld_backend._new_environment
    monkeypatch.setattr(textworld_backend, "_idle", [])
    monkeypatch.setattr(textworld_backend, "_new_environment", lambda: environments.append(new()) or environments[-1])
    return environments


@pytest.mark.parametrize("kind", ["place", "two", "look", "clean", "heat", "cool"])
def test_both_engines_agree_on_the_small_kitchen(kitchen, kind):
    assert list(differences(kitchen(kind), steps=10, seed=1)) == []


def test_the_contract_holds_with_shipped_domain_and_grammar(kitchen):
    check_env(lambda: AlfworldEnv(kitchen("place"), engine="textworld", max_steps=5), num_steps=4)


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
    for refused in (first.reset, lambda: first.step("look"), first.admissible_commands, lambda: first.won):
        with pytest.raises(ResetNeeded):
            refused()
    second.close()
    third.close()


def test_many_games_need_one_environment_and_no_more_memory(kitchen, made):
    def play(data, closed):
        engine = TextworldEngine(data)
        if closed:
            engine.close()

    games = [kitchen(kind) for kind in ("place", "two", "look")]
    for game in games:
        play(game, closed=True)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for number in range(15):
        play(games[number % 3], closed=number % 3 > 0)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    assert len(made) == 1
    # An environment for each game would take 1.5 MB each and more.
    assert grown < 6 * 2**20


def test_arguments_output_environment_and_temporary_files_are_left_as_they_were(kitchen, made, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arguments, environment, stdout, folder = list(sys.argv), dict(os.environ), sys.stdout, os.getcwd()
    chance = random.getstate()
    engine = TextworldEngine(kitchen())
    engine.reset()
    engine.step("look")
    engine.close()
    for kind in BROKEN:
        with pytest.raises(InvalidGame):
            TextworldEngine(broken(kitchen(), kind))
    assert (sys.argv, dict(os.environ), sys.stdout, os.getcwd()) == (arguments, environment, stdout, folder)
    assert random.getstate() == chance
    assert list(tmp_path.iterdir()) == []
    assert len(made) == 1


def test_an_engine_that_is_dropped_is_gone_at_once(kitchen):
    gc.disable()
    try:
        engine = TextworldEngine(kitchen())
        engine.reset()
        engine.step("help")
        seen = weakref.ref(engine)
        del engine
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_game_that_cannot_be_loaded_is_refused_and_the_next_one_plays(kitchen, made, kind):
    data = kitchen("look")
    with pytest.raises(InvalidGame, match=kind):
        TextworldEngine(broken(kitchen("place"), kind))
    assert list(differences(data, steps=5, seed=0)) == []
    assert len(made) == 1


def test_a_game_whose_grammar_cannot_be_worded_is_refused_when_it_is_needed(kitchen, made):
    shipped = textworld_backend._grammar("put a apple in sidetable.")
    silent = replace(kitchen(), grammar=shipped.replace('"intro"', '"outro"'))
    engine = TextworldEngine(silent)
    with pytest.raises(InvalidGame, match="cannot begin this game"):
        engine.reset()
    with pytest.raises(ResetNeeded, match="make a new one"):
        engine.reset()
    assert '"GotoLocation.feedback": [' in shipped
    speechless = TextworldEngine(
        replace(kitchen(), grammar=shipped.replace('"GotoLocation.feedback": [', '"Goto.feedback": ['))
    )
    speechless.reset()
    with pytest.raises(InvalidGame, match="cannot go on with this game"):
        speechless.step("go to fridge 1")
    assert list(differences(kitchen(), steps=5, seed=0)) == []
    assert len(made) == 1
