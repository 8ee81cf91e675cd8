import pickle

import pytest

from alfworld_env import AlfworldEnv, AlfworldEnvError, InvalidGame, ResetNeeded, TaskType


def test_an_episode_ends_with_reward_on_the_winning_step(kitchen):
    env = AlfworldEnv(kitchen("heat"))
    _, info = env.reset()
    assert (info["won"], info["steps"], info["task_type"]) == (False, 0, TaskType.HEAT_AND_PLACE)
    assert info["task"] == "put a hot apple in sidetable."
    results = [env.step(command) for command in info["walkthrough"]]
    assert [reward for _, reward, *_ in results] == [0.0] * 5 + [1.0]
    assert [terminated for _, _, terminated, *_ in results] == [False] * 5 + [True]
    assert not any(truncated for *_, truncated, _ in results)
    assert [info["steps"] for *_, info in results] == [1, 2, 3, 4, 5, 6]


def test_the_step_limit_truncates_and_counts_refused_commands(kitchen):
    env = AlfworldEnv(kitchen(), max_steps=2)
    env.reset()
    assert env.step("nonsense")[:4] == ("Nothing happens.", 0.0, False, False)
    assert env.step("nonsense")[:4] == ("Nothing happens.", 0.0, False, True)


def test_winning_on_the_last_allowed_step_is_no_truncation(kitchen):
    env = AlfworldEnv(kitchen(), max_steps=4)
    env.reset()
    result = [env.step(command) for command in kitchen().walkthrough][-1]
    assert result[1:4] == (1.0, True, False)


def test_a_step_outside_an_episode_is_refused(kitchen):
    env = AlfworldEnv(kitchen(), max_steps=1)
    with pytest.raises(ResetNeeded, match="reset"):
        env.step("look")
    env.reset()
    env.step("look")
    with pytest.raises(ResetNeeded, match="reset"):
        env.step("look")
    env.reset()
    assert env.step("look")[0].startswith("You are in the middle")


def test_a_snapshot_brings_back_the_moment_and_its_step_count(kitchen):
    env = AlfworldEnv(kitchen(), max_steps=6)
    env.reset()
    for command in kitchen().walkthrough[:2]:
        env.step(command)
    moment = env.snapshot()
    rest = [env.step(command) for command in kitchen().walkthrough[2:]]
    assert rest[-1][2]
    info = env.restore(moment)
    assert (info["steps"], info["won"]) == (2, False)
    assert [env.step(command) for command in kitchen().walkthrough[2:]] == rest
    # A moment is data: another environment of the game, and another process, can go on from it.
    twin = AlfworldEnv(kitchen(), max_steps=6)
    twin.restore(pickle.loads(pickle.dumps(moment)))
    assert [twin.step(command) for command in kitchen().walkthrough[2:]] == rest


def test_textworld_has_no_snapshots_and_says_so(kitchen):
    env = AlfworldEnv(kitchen(), "textworld")
    env.reset()
    with pytest.raises(AlfworldEnvError, match="engine='native'"):
        env.snapshot()
    env.close()


@pytest.mark.parametrize("word", ["in/on", "in", "on"])
def test_put_is_understood_as_move(kitchen, word):
    env = AlfworldEnv(kitchen())
    env.reset()
    for command in kitchen().walkthrough[:-1]:
        env.step(command)
    observation, reward, *_ = env.step(f"put apple 2 {word} sidetable 1")
    assert (observation, reward) == ("You move the apple 2 to the sidetable 1.", 1.0)


def test_reset_begins_again_from_the_same_house(kitchen):
    env = AlfworldEnv(kitchen())
    first = env.reset()
    for command in kitchen().walkthrough:
        env.step(command)
    assert env.reset() == first


def test_a_running_episode_survives_pickling(kitchen):
    env = AlfworldEnv(kitchen())
    env.reset()
    env.step("go to countertop 1")
    twin = pickle.loads(pickle.dumps(env))
    assert twin.step("take mug 1 from countertop 1") == env.step("take mug 1 from countertop 1")


def test_wrong_arguments_are_named(kitchen):
    with pytest.raises(ValueError, match="native, textworld"):
        AlfworldEnv(kitchen(), engine="thor")
    with pytest.raises(ValueError, match="got 0"):
        AlfworldEnv(kitchen(), max_steps=0)


def test_a_broken_file_is_refused_when_the_environment_is_made(tmp_path):
    path = tmp_path / "game.tw-pddl"
    path.write_text("{")
    with pytest.raises(InvalidGame, match=r"game\.tw-pddl"):
        AlfworldEnv(path)


@pytest.mark.alfworld
def test_a_path_and_a_listed_game_are_the_same_episode(real_games):
    game = real_games("unseen")[0]
    by_path, by_game = AlfworldEnv(game.path), AlfworldEnv(game)
    assert by_path.reset() == by_game.reset()
    assert by_game.reset()[1]["game_id"] == game.game_id
