import importlib
import subprocess
import sys

import numpy as np
import pytest

from alfworld_env import VectorAlfworldEnv, household_games

gymnasium = pytest.importorskip("gymnasium", reason="the gymnasium extra is not installed")

from gymnasium.utils.env_checker import check_env, data_equivalence  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics  # noqa: E402

from alfworld_env import gymnasium_env  # noqa: E402
from alfworld_env.gymnasium_env import IDS, AlfworldGymEnv, AlfworldGymVectorEnv  # noqa: E402

KINDS = ["place", "two", "look", "clean", "heat", "cool"]


@pytest.fixture
def registered():
    gymnasium_env.register()
    yield
    for name in IDS:
        gymnasium.registry.pop(name, None)


@pytest.fixture(scope="module")
def games(kitchen):
    return [kitchen(kind) for kind in KINDS]


def played(env, count, **first):
    """Which game each of `count` resets begins."""
    return [env.reset(**(first if number == 0 else {}))[1]["game_index"] for number in range(count)]


# Warnings are errors in this project's tests, so the checkers' advice counts too.
@pytest.mark.parametrize("name", [pytest.param(IDS[0], marks=pytest.mark.alfworld), IDS[1]])
@pytest.mark.parametrize("render_mode", [None, "ansi"])
def test_gymnasiums_checker_passes(registered, name, render_mode):
    check_env(gymnasium.make(name, split="unseen", render_mode=render_mode).unwrapped)


def test_an_episode_through_gymnasiums_passive_checker_is_won(registered):
    env = gymnasium.make(IDS[1], split="unseen", count=2, max_steps=20)
    _, info = env.reset(options={"game": 1})
    results = [env.step(command) for command in info["walkthrough"]]
    assert [result[1] for result in results] == [0.0] * (len(results) - 1) + [1.0]
    assert results[-1][2:4] == (True, False)
    env.close()


def assert_said_in_space(env, observation, info):
    assert observation in env.observation_space, observation
    for command in info["admissible_commands"]:
        assert command in env.action_space, command


def assert_all_said_in_space(games):
    env = AlfworldGymEnv(games)
    for _ in games:
        observation, info = env.reset()
        assert_said_in_space(env, observation, info)
        for command in ("help", "nonsense", "inventory", *info["walkthrough"]):
            observation, _, _, _, info = env.step(command)
            assert_said_in_space(env, observation, info)


def test_the_spaces_hold_everything_household_games_say(games):
    assert_all_said_in_space([*games, *household_games("train", 12), *household_games("unseen", 12)])


@pytest.mark.alfworld
def test_the_spaces_hold_everything_real_games_say(real_games):
    assert_all_said_in_space([*real_games("unseen"), *real_games("train")[::50]])


def test_games_follow_in_order_until_a_seed_shuffles_them(games):
    env = AlfworldGymEnv(games)
    assert played(env, 7) == [0, 1, 2, 3, 4, 5, 0]
    shuffled = played(env, 12, seed=1)
    assert sorted(shuffled[:6]) == sorted(shuffled[6:]) == [0, 1, 2, 3, 4, 5]
    assert played(env, 12, seed=1) == shuffled != played(env, 12, seed=2)


def test_an_option_picks_the_game_and_leaves_the_order(games):
    env = AlfworldGymEnv(games)
    assert played(env, 3, options={"game": np.int64(4)}) == [4, 0, 1]
    with pytest.raises(ValueError, match="from 0 to 5, got 6"):
        env.reset(options={"game": 6})
    with pytest.raises(ValueError, match="unknown reset options level; known: game"):
        env.reset(options={"level": 1})
    with pytest.raises(ValueError, match="known: none"):
        AlfworldGymVectorEnv(games, 2).reset(options={"game": 1})


def test_rendering_shows_the_last_exchange(games):
    env = AlfworldGymEnv(games, render_mode="ansi")
    observation, _ = env.reset()
    assert env.render() == observation
    env.step("inventory")
    assert env.render() == "> inventory\nYou are not carrying anything."
    assert AlfworldGymEnv(games).render() is None
    with pytest.raises(ValueError, match="got 'human'"):
        AlfworldGymEnv(games, render_mode="human")


def test_no_games_is_an_error():
    with pytest.raises(ValueError, match="got none"):
        AlfworldGymEnv([])


def test_the_vector_answers_as_gymnasiums_own_vector_would(kitchen):
    """One game for all slots, because Gymnasium's slots have lists of their own."""
    ours = AlfworldGymVectorEnv([kitchen("place")], num_envs=3, max_steps=6)
    theirs = SyncVectorEnv(
        [lambda: AlfworldGymEnv([kitchen("place")], max_steps=6)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"]
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    scripts = [kitchen().walkthrough * 2, ["look"] * 8, ["help", *kitchen().walkthrough, "look", "look", "look"]]
    answers = [(ours.reset(seed=0), theirs.reset(seed=0))]
    answers += [(ours.step(commands), theirs.step(commands)) for commands in zip(*scripts, strict=True)]
    for mine, other in answers:
        assert data_equivalence(mine[:-1], other[:-1], exact=True)
        assert mine[0] in ours.observation_space
        assert data_equivalence(without_episode(mine[-1]), other[-1], exact=True)
    ends = [mine[-1]["_final_info"].tolist() for mine, _ in answers if "final_info" in mine[-1]]
    assert ends == [[True, False, False], [False, False, True], [False, True, False], [True, False, False]]


def without_episode(info):
    """An info without what only a shared list of games has."""
    return {
        key: without_episode(value) if isinstance(value, dict) else value
        for key, value in info.items()
        if key not in ("episode_number", "_episode_number")
    }


def test_wrappers_count_each_episode_once_though_slots_go_idle(games):
    vector = AlfworldGymVectorEnv(games, num_envs=4, max_steps=20, epochs=1)
    env = RecordEpisodeStatistics(vector)
    infos = env.reset()[1]
    while not vector.finished.all():
        pairs = zip(infos["walkthrough"], infos["steps"], strict=True)
        infos = env.step([walkthrough[steps % len(walkthrough)] for walkthrough, steps in pairs])[-1]
    assert list(env.return_queue) == [1.0] * 6


def test_infos_become_lists_as_gymnasium_makes_them(games):
    vector = AlfworldGymVectorEnv(games, num_envs=4, max_steps=20, epochs=1)
    listed = DictInfoToList(vector)
    plain = VectorAlfworldEnv(games, num_envs=4, max_steps=20)
    assert [info["task"] for info in listed.reset()[1]] == [info["task"] for info in plain.reset()[1]]
    for _ in range(9):
        mine, other = listed.step(["go to countertop 1"] * 4)[-1], plain.step(["go to countertop 1"] * 4)[-1]
        assert [info["admissible_commands"] for info in mine] == [info["admissible_commands"] for info in other]
        assert ["final_info" in info for info in mine] == ["final_info" in info for info in other]


def test_seeds_of_the_vector(games):
    env = AlfworldGymVectorEnv(games, num_envs=6)

    def begun(seed=None):
        return env.reset(seed=seed)[1]["game_index"].tolist()

    assert begun() == begun() == [0, 1, 2, 3, 4, 5]
    first, second = begun(3), begun()
    assert first != second
    assert (begun(3), begun()) == (first, second)


def test_ids_are_registered_on_request_and_only_once(registered):
    gymnasium_env.register()
    env = gymnasium.make_vec(IDS[1], num_envs=2, split="unseen", count=4, epochs=1, num_processes=2)
    plain = VectorAlfworldEnv(household_games("unseen", 4), num_envs=2)
    assert isinstance(env, AlfworldGymVectorEnv)
    assert env.reset()[0] == tuple(plain.reset()[0])
    env.close()
    assert env.env.process_ids == []


@pytest.mark.alfworld
def test_real_games_by_id(registered):
    env = gymnasium.make_vec(IDS[0], num_envs=2, split="unseen")
    assert env.reset()[1]["game_id"][0].startswith("valid_unseen/")


def test_without_gymnasium_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "alfworld_env.gymnasium_env")
    with pytest.raises(ImportError, match=r"pip install 'interlat\[gymnasium\]'") as raised:
        importlib.import_module("alfworld_env.gymnasium_env")
    assert type(raised.value).__name__ == "GymnasiumUnavailable"


def test_importing_the_package_needs_no_gymnasium_and_importing_this_registers_nothing():
    code = (
        "import sys, alfworld_env; assert 'gymnasium' not in sys.modules; "
        "from alfworld_env.gymnasium_env import IDS; import gymnasium; assert not set(IDS) & set(gymnasium.registry)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
