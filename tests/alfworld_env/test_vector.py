import pickle
import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alfworld_env import AlfworldEnv, GameData, GameDataNotFound, InvalidGame, ResetNeeded, VectorAlfworldEnv
from alfworld_env.game_order import GameOrder

KINDS = ["place", "two", "look", "clean", "heat", "cool"]
LABELS = ("game_index", "episode_number", "final_observation", "final_info")


def command_for(policy, episode, info):
    """A command that depends on nothing but these; half of the episodes are won."""
    steps, walkthrough = info["steps"], info["walkthrough"]
    if random.Random(f"{policy}/{episode}").random() < 0.5 and steps < len(walkthrough):
        return walkthrough[steps]
    return random.Random(f"{policy}/{episode}/{steps}").choice([*info["admissible_commands"], "nonsense"])


def bare(info):
    return {key: value for key, value in info.items() if key not in LABELS}


def play_alone(games, order, policy, max_steps):
    """Every episode as AlfworldEnv gives it: its game, first answer and steps."""
    episodes = []
    for episode, index in enumerate(order):
        env = AlfworldEnv(games[index], max_steps=max_steps)
        rows = [env.reset()]
        while len(rows) == 1 or not (rows[-1][2] or rows[-1][3]):
            rows.append(env.step(command_for(policy, episode, rows[-1][-1])))
        episodes.append((index, rows))
    return episodes


def play_together(env, policy, seed=None):
    """The same, from a vector environment played until all slots are idle."""
    observations, infos = env.reset(seed)
    episodes = {}
    for observation, info in zip(observations, infos, strict=True):
        episodes[info["episode_number"]] = (info["game_index"], [(observation, bare(info))])
    while not env.all_finished:
        idle = env.finished
        commands = [command_for(policy, info["episode_number"], info) for info in infos]
        observations, *numbers, infos = env.step(commands)
        for observation, reward, terminated, truncated, info, was_idle in zip(
            observations, *numbers, infos, idle, strict=True
        ):
            final = info.get("final_info", info)
            row = (info.get("final_observation", observation), reward, terminated, truncated, bare(final))
            if was_idle:
                assert row[1:4] == (0.0, False, False)
                assert "final_info" not in info
                continue
            assert (terminated or truncated) == ("final_info" in info)
            episodes[final["episode_number"]][1].append(row)
            if info["episode_number"] != final["episode_number"]:
                episodes[info["episode_number"]] = (info["game_index"], [(observation, bare(info))])
    return [episodes[number] for number in sorted(episodes)]


@pytest.fixture(scope="module")
def games(kitchen):
    return [kitchen(kind) for kind in KINDS]


@given(
    num_envs=st.integers(1, 6),
    epochs=st.integers(1, 2),
    seed=st.none() | st.integers(0, 99),
    max_steps=st.integers(1, 12),
    policy=st.integers(),
)
def test_slots_play_what_one_environment_plays(games, num_envs, epochs, seed, max_steps, policy):
    env = VectorAlfworldEnv(games, num_envs, max_steps=max_steps, epochs=epochs, seed=seed)
    order = list(GameOrder(len(games), epochs, seed))
    assert play_together(env, policy) == play_alone(games, order, policy, max_steps)


@pytest.fixture(
    scope="module", params=[(1, 1), (5, 2), (3, 8)], ids=lambda shape: "{} slots, {} processes".format(*shape)
)
def in_processes(request, games):
    num_envs, num_processes = request.param
    with VectorAlfworldEnv(games, num_envs, max_steps=10, epochs=2, num_processes=num_processes) as env:
        assert len(env.process_ids) == min(num_envs, num_processes)
        yield env


@settings(max_examples=20)
@given(seed=st.integers(0, 99), policy=st.integers())
def test_worker_processes_give_the_same_episodes(in_processes, games, seed, policy):
    order = list(GameOrder(len(games), 2, seed))
    assert play_together(in_processes, policy, seed) == play_alone(games, order, policy, 10)


def test_a_win_counts_once_and_its_slot_takes_the_next_game_in_the_same_step(games, kitchen):
    env = VectorAlfworldEnv(games[:3], num_envs=1, max_steps=20)
    observations, infos = env.reset()
    first = infos[0]
    total, ends = 0.0, []
    for command in [*kitchen("place").walkthrough, *kitchen("two").walkthrough]:
        observations, rewards, terminated, truncated, infos = env.step([command])
        total += rewards[0]
        if "final_info" in infos[0]:
            ends.append((rewards, terminated, truncated, infos[0]["episode_number"], infos[0]["steps"]))
            final, observation = infos[0]["final_info"], infos[0]["final_observation"]
    assert total == 2.0
    assert ends == [([1.0], [True], [False], 1, 0), ([1.0], [True], [False], 2, 0)]
    assert (first["game_index"], final["game_index"], infos[0]["game_index"]) == (0, 1, 2)
    assert (final["won"], final["steps"], observation) == (True, 9, "You move the apple 1 to the sidetable 1.")
    assert observations == [AlfworldEnv(kitchen("look")).reset()[0]]
    assert env.finished == [False]


def test_an_idle_slot_repeats_itself_and_ignores_commands(kitchen):
    short, long = kitchen("place").walkthrough, kitchen("two").walkthrough
    env = VectorAlfworldEnv([kitchen("place"), kitchen("two")], max_steps=20)
    assert (len(env), env.finished, env.all_finished) == (2, [True, True], True)
    env.reset()
    assert env.finished == [False, False]
    steps = [env.step([short[number] if number < len(short) else None, long[number]]) for number in range(len(long))]
    of_first = [(step[0][0], step[1][0], step[2][0], "final_info" in step[4][0], step[4][0]["steps"]) for step in steps]
    last = "You move the apple 2 to the sidetable 1."
    assert of_first[3:] == [(last, 1.0, True, True, 4)] + [(last, 0.0, False, False, 4)] * 5
    assert env.all_finished
    assert env.step(["look", "look"])[1:4] == ([0.0, 0.0], [False, False], [False, False])


def test_what_a_caller_does_to_an_idle_info_stays_with_the_caller(kitchen):
    env = VectorAlfworldEnv([kitchen()], max_steps=1)
    env.reset()
    env.step(["look"])[4][0].clear()
    again = env.step(["look"])[4][0]
    assert again.pop("task") == "put a apple in sidetable."
    assert env.step(["look"])[4][0]["task"] == "put a apple in sidetable."


def test_slots_take_games_in_the_order_of_their_numbers(games):
    env = VectorAlfworldEnv(games, num_envs=3, max_steps=1)
    assert [info["game_index"] for info in env.reset()[1]] == [0, 1, 2]
    assert [info["game_index"] for info in env.step(["look"] * 3)[-1]] == [3, 4, 5]
    final = [info["final_info"]["game_index"] for info in env.step(["look"] * 3)[-1]]
    assert (final, env.all_finished) == ([3, 4, 5], True)


def test_endless_epochs_go_round_and_a_seed_shuffles_each(games):
    def handed_out(**arguments):
        env = VectorAlfworldEnv(games, num_envs=1, max_steps=1, epochs=None, **arguments)
        infos = [env.reset()[1], *(env.step(["look"])[-1] for _ in range(17))]
        assert not env.all_finished
        return [info[0]["game_index"] for info in infos]

    assert handed_out() == [0, 1, 2, 3, 4, 5] * 3
    assert handed_out(seed=3) == list(islice(GameOrder(6, None, 3), 18)) == handed_out(seed=3)


def test_reset_repeats_the_order_and_a_new_seed_stays(games):
    env = VectorAlfworldEnv(games, num_envs=6, seed=1)
    first = env.reset()
    env.step(["go to countertop 1"] * 6)
    assert env.reset() == first
    other = env.reset(seed=2)
    assert [info["game_index"] for info in other[1]] != [info["game_index"] for info in first[1]]
    assert env.reset() == other


def test_games_are_loaded_when_begun_and_a_broken_one_is_named(kitchen, tmp_path):
    missing, broken = tmp_path / "missing.tw-pddl", GameData("(define", "do.", ())
    env = VectorAlfworldEnv([kitchen(), broken, missing], num_envs=1, max_steps=1)
    env.reset()
    with pytest.raises(InvalidGame, match=r"game games\[1\] in slot 0: .*cut short"):
        env.step(["look"])
    with pytest.raises(ResetNeeded, match="after an error"):
        env.step(["look"])
    env.reset()
    with pytest.raises(GameDataNotFound, match=r"slot 1: .*missing\.tw-pddl"):
        VectorAlfworldEnv([kitchen(), missing]).reset()


def test_another_error_of_a_game_names_it_too(kitchen):
    class Unlucky:
        game_id = "mine/unlucky/1"

        def load(self):
            return {}["nothing"]

    with pytest.raises(RuntimeError, match=r"game mine/unlucky/1 in slot 1 raised KeyError: 'nothing'"):
        VectorAlfworldEnv([kitchen(), Unlucky()]).reset()


def test_an_error_in_a_step_names_the_game_and_a_reset_helps(kitchen):
    class Unreadable(str):
        def strip(self, *_):
            raise OverflowError("too much")

    env = VectorAlfworldEnv([kitchen(), kitchen("look")])
    first = env.reset()
    with pytest.raises(RuntimeError, match=r"game games\[1\] in slot 1 raised OverflowError: too much"):
        env.step(["look", Unreadable("look")])
    with pytest.raises(ResetNeeded, match="after an error"):
        env.step(["look", "look"])
    assert env.reset() == first


def test_a_step_wants_a_reset_and_one_text_a_slot(kitchen):
    env = VectorAlfworldEnv([kitchen(), kitchen()])
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(["look", "look"])
    env.reset()
    with pytest.raises(ValueError, match="wanted 2 commands, one a slot, got 1"):
        env.step(["look"])
    with pytest.raises(ValueError, match="got one text"):
        env.step("ok")
    with pytest.raises(TypeError, match="slot 1, got None"):
        env.step(["look", None])
    assert env.step(["look", "look"])[1] == [0.0, 0.0]
    env.close()
    env.close()
    with pytest.raises(ResetNeeded, match="closed"):
        env.reset()
    with pytest.raises(ResetNeeded):
        env.step(["look", "look"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"games": []}, "got none"),
        ({"num_envs": 0}, "from 1 to 2, .* got 0"),
        ({"num_envs": 3}, "from 1 to 2, .* got 3"),
        ({"num_envs": 0, "epochs": None}, "got 0"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"num_processes": -1}, "got -1"),
        ({"engine": "thor"}, "native, textworld"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_loaded(kitchen, arguments, message):
    with pytest.raises(ValueError, match=message):
        VectorAlfworldEnv(**{"games": [kitchen()] * 2, **arguments})


def test_more_slots_than_games_are_filled_from_later_epochs(games):
    env = VectorAlfworldEnv(games[:2], num_envs=4, epochs=2)
    assert [info["game_index"] for info in env.reset()[1]] == [0, 1, 0, 1]


def test_running_episodes_survive_pickling(games):
    env = VectorAlfworldEnv(games, num_envs=2, max_steps=3, seed=5)
    infos = env.reset()[1]
    for number in range(4):
        infos = env.step([command_for(number, 0, info) for info in infos])[-1]
    twin = pickle.loads(pickle.dumps(env))
    while not env.all_finished:
        commands = [info["admissible_commands"][-1] for info in infos]
        answer = env.step(commands)
        assert twin.step(commands) == answer
        infos = answer[-1]
    assert twin.all_finished


@pytest.mark.alfworld
def test_all_unseen_games_are_won_in_a_few_slots(real_games):
    env = VectorAlfworldEnv(real_games("unseen"), num_envs=8, seed=0)
    infos = env.reset()[1]
    total, played = 0.0, []
    while not env.all_finished:
        commands = [info["walkthrough"][info["steps"] % len(info["walkthrough"])] for info in infos]
        _, rewards, _, _, infos = env.step(commands)
        total += sum(rewards)
        played += [info["final_info"]["game_id"] for info in infos if "final_info" in info]
    assert total == 134.0
    assert sorted(played) == [game.game_id for game in real_games("unseen")]
