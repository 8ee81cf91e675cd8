"""The contract's checker: sound environments pass, and each way of breaking a rule is named."""

import os
import random
import sys

import numpy
import pytest

from alfworld_env import AlfworldEnv, ResetNeeded, check_env
from alfworld_env.checker import ContractBroken
from alfworld_env.checker.__main__ import main


class Broken:
    """A sound environment with some answers changed."""

    def __init__(self, data, change=None, begin=None, max_steps=12):
        self.env, self.change, self.begin = AlfworldEnv(data, max_steps=max_steps), change, begin
        self.max_steps = max_steps

    def reset(self):
        answer = self.env.reset()
        return answer if self.begin is None else self.begin(*answer)

    def step(self, command):
        answer = self.env.step(command)
        return answer if self.change is None else self.change(*answer)


class Bare:
    """A sound environment that tells no step limit."""

    def __init__(self, data):
        self._env = AlfworldEnv(data)
        self.reset, self.step = self._env.reset, self._env.step


@pytest.mark.parametrize("kind", ["place", "two", "look", "clean", "heat", "cool"])
def test_the_library_own_environment_keeps_the_contract(kitchen, kind):
    check_env(lambda: AlfworldEnv(kitchen(kind)), num_steps=40)
    check_env(lambda: AlfworldEnv(kitchen(kind), max_steps=9), num_steps=20)
    check_env(lambda: Bare(kitchen(kind)))


def with_info(key, value):
    """An answer whose info says something else under a key."""
    return lambda text, reward, won, cut, info: (text, reward, won, cut, info | {key: value(info[key])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text, reward, won, cut, info: (text, reward, won or cut, info), "five-tuple"),
        (lambda text, reward, won, cut, info: (text.encode(), reward, won, cut, info), "a str observation"),
        (lambda text, reward, won, cut, info: (" \n", reward, won, cut, info), "observation that is not empty"),
        (lambda text, reward, won, cut, info: (text, int(reward), won, cut, info), "float reward"),
        (lambda text, reward, won, cut, info: (text, reward, int(won), cut, info), "to be bools"),
        (lambda text, reward, won, cut, info: (text, reward, True, True, info), "not both true"),
        (lambda text, reward, won, cut, info: (text, 0.0, won, cut, info), "reward 1.0"),
        (lambda text, reward, won, cut, info: (text, 0.5, won, cut, info), "reward 1.0"),
        (lambda text, reward, won, cut, info: (text, reward, False, cut, info), "terminated to be info"),
        (lambda text, reward, won, cut, info: (text, reward, won, False, info), "truncated exactly at step 12"),
        (
            lambda text, reward, won, cut, info: (text, reward, won, info["steps"] > 7, info),
            "truncated exactly at step 12",
        ),
        (lambda text, reward, won, cut, info: (text, reward, won, cut, [info]), "info to be a dict"),
        (lambda text, reward, won, cut, info: (text, reward, won, cut, {"won": won}), "admissible_commands"),
        (
            lambda text, reward, won, cut, info: ("Nothing happens.", reward, won, cut, info),
            "an admissible command, in the papers' wording .* to be carried out",
        ),
        (
            lambda text, reward, won, cut, info: (text.replace("Nothing", "Something"), reward, won, cut, info),
            "not admissible",
        ),
        (with_info("steps", lambda steps: steps + 1), "steps"),
        (with_info("steps", lambda steps: steps == 1), r"info\['steps'\] to be <class 'int'>"),
        (with_info("task", lambda task: task.upper()), "stay the same"),
        (with_info("game_id", lambda game_id: None), "game_id"),
        (with_info("task_type", lambda task_type: "cook"), "task_type"),
        (with_info("walkthrough", lambda walkthrough: walkthrough[1:]), "stay the same"),
        (with_info("walkthrough", lambda walkthrough: [None]), "walkthrough of strings"),
        (with_info("admissible_commands", lambda commands: commands[::-1]), "sorted"),
        (with_info("admissible_commands", lambda commands: commands * 2), "unique"),
        (with_info("admissible_commands", lambda commands: []), "not empty"),
        (with_info("admissible_commands", lambda commands: [f" {command}" for command in commands]), "without spaces"),
        (with_info("admissible_commands", lambda commands: [1, 2]), "to be strings"),
        (with_info("goal_condition_success_rate", lambda share: 1.0), "exactly where won"),
        (with_info("goal_condition_success_rate", lambda share: share - 1.0), "from 0 to 1"),
        (with_info("won", lambda won: True), "won"),
        (lambda *answer: (*answer[:4], answer[4] | {"seen": {1, 2}}), "JSON"),
        (lambda *answer: (*answer[:4], answer[4] | {"loss": float("nan")}), "JSON"),
    ],
)
def test_each_breach_of_a_step_is_named(kitchen, change, message):
    with pytest.raises(ContractBroken, match=message):
        check_env(lambda: Broken(kitchen(), change))


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (lambda text, info: text, "observation, info"),
        (lambda text, info: (text, info, {}), "observation, info"),
        (lambda text, info: (None, info), "a str observation"),
        (lambda text, info: ("", info), "not empty"),
        (lambda text, info: (text.partition("Your task")[0], info), "first observation to say"),
        (lambda text, info: (text, info | {"steps": 1}), "steps"),
        (lambda text, info: (text, info | {"won": True, "goal_condition_success_rate": 1.0}), "not won before"),
    ],
)
def test_each_breach_of_a_reset_is_named(kitchen, begin, message):
    with pytest.raises(ContractBroken, match=message):
        check_env(lambda: Broken(kitchen(), begin=begin))


def test_answers_that_differ_each_time_are_caught(kitchen):
    count = iter(range(10_000))
    with pytest.raises(ContractBroken, match=r"second reset\(\)"):
        check_env(lambda: Broken(kitchen(), with_info("goal_condition_success_rate", lambda _: next(count) / 1e6)))


def test_an_environment_that_differs_from_the_one_before_is_caught(kitchen):
    kinds = iter(("place", "two"))
    with pytest.raises(ContractBroken, match="second environment"):
        check_env(lambda: AlfworldEnv(kitchen(next(kinds))))


SIDE_EFFECTS = {
    "sets arguments": lambda: sys.argv.append("--over"),
    "sets the environment": lambda: os.environ.update(ALFWORLD_TEST="changed"),
    "changes folder": lambda: os.chdir("/"),
    "draws chance": random.random,
    "draws numpy's chance": numpy.random.random,
}


class Deviant(AlfworldEnv):
    """A sound environment with one habit of its own."""

    def __init__(self, data, habit):
        super().__init__(data, max_steps=12)
        self.habit, self.given = habit, {}
        if habit == "runs before its reset":
            super().reset()

    def step(self, command):
        hears = {"hears no spaces": command == command.strip(), "knows no put": not command.startswith("put ")}
        if not hears.get(self.habit, True):
            command = "nonsense"
        if self.habit == "moves on nonsense" and command not in self.engine.admissible_commands():
            self.engine.step("go to fridge 1")
        if not self._running and self._steps and self.habit in ("never ends", "breaks when over"):
            return self.last if self.habit == "never ends" else {}["over"]
        if self.habit == "changes what it gave":
            self.given["steps"] = -1
        SIDE_EFFECTS.get(self.habit, str)()
        self.last = super().step(command)
        self.given = self.last[4]
        return self.last


@pytest.mark.parametrize(
    ("habit", "message"),
    [
        ("runs before its reset", "before the first reset"),
        ("hears no spaces", r"spaces around it too, to be carried out; ' ..go to"),
        ("knows no put", "papers' wording.*put apple 2 in/on"),
        ("moves on nonsense", "change nothing"),
        ("never ends", "after the end of an episode"),
        ("breaks when over", "ResetNeeded, got KeyError"),
        ("changes what it gave", "earlier steps as it was"),
        ("sets arguments", "sys.argv"),
        ("sets the environment", "os.environ"),
        ("changes folder", "working folder"),
        ("draws chance", "Python's global random state"),
        ("draws numpy's chance", "NumPy's global random state"),
    ],
)
def test_each_bad_habit_is_named(kitchen, monkeypatch, tmp_path, habit, message):
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setenv("ALFWORLD_TEST", "as it was")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractBroken, match=message):
        check_env(lambda: Deviant(kitchen(), habit))


def test_a_walkthrough_that_does_not_win_or_wins_early_is_caught(kitchen):
    data = kitchen()
    for walkthrough, message in (
        (data.walkthrough[:-1], "walkthrough to win"),
        ((*data.walkthrough, "look"), "its last step"),
    ):
        with pytest.raises(ContractBroken, match=message):
            check_env(lambda walkthrough=walkthrough: AlfworldEnv(type(data)(data.problem, data.task, walkthrough)))
    check_env(lambda: AlfworldEnv(type(data)(data.problem, data.task, ())))


def test_a_limit_too_short_for_the_walkthrough_is_the_callers_mistake(kitchen):
    with pytest.raises(ValueError, match="at least 4"):
        check_env(lambda: AlfworldEnv(kitchen(), max_steps=3))


def test_what_was_opened_is_closed(kitchen):
    closed = []

    class Closing(AlfworldEnv):
        def close(self):
            closed.append(self)
            super().close()

    check_env(lambda: Closing(kitchen()))
    assert len(closed) == 2
    with pytest.raises(ResetNeeded):
        closed[0].step("look")


def test_the_command_checks_household_games(capsys):
    assert main(["--games", "6", "--steps", "8"]) == 0
    assert capsys.readouterr().out == "6 household games on the native engine: the contract holds\n"


def test_the_command_says_what_is_broken(capsys, monkeypatch):
    monkeypatch.setattr("alfworld_env.engine.NOTHING_HAPPENS", "What?")
    assert main(["--games", "2"]) == 1
    out = capsys.readouterr().out
    assert out.count("Nothing happens.") == 2
    assert out.endswith("2 household games on the native engine: 2 break the contract\n")


def test_the_command_without_games_says_how_to_get_them(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert main(["--env", "alfworld"]) == 2
    assert "alfworld-download" in capsys.readouterr().out


@pytest.mark.alfworld
def test_real_games_keep_the_contract(real_games):
    for game in random.Random(0).sample(real_games("unseen"), 3):
        check_env(lambda game=game: AlfworldEnv(game, max_steps=20), num_steps=20)
