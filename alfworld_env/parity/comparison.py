"""Plays one game on both engines and tells where they differ; knows no other game and no file."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from alfworld_env.env import AlfworldEnv, EngineName
from alfworld_env.errors import EngineUnavailable
from alfworld_env.games import GameData
from alfworld_env.parity.walk import RandomWalk

Answers = dict[str, Any]
REFUSED = "refused"


@dataclass
class Comparison:
    """What comparing one game found.

    Attributes:
        walkthrough_steps: Commands of the walkthrough that were compared.
        random_steps: Commands of the random walk that were compared.
        verbs: How often each verb was carried out; "refused" counts what was not admissible.
        differences: One line for each thing that differed.
    """

    walkthrough_steps: int = 0
    random_steps: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compare_game(data: GameData, steps: int, seed: int | str) -> Comparison:
    """Play a game's walkthrough and then a random walk on both engines, as episodes of `AlfworldEnv`.

    After every step observation, admissible commands, won, reward, terminated and truncated are compared; the step
    limit is the length of the longer of the two, so that the random walk ends by truncation. A walk that has won goes
    on without an episode. What an engine raises is an answer like any other.

    Args:
        data: The game.
        steps: Length of the random walk.
        seed: Seed of the random walk.

    Raises:
        EngineUnavailable: TextWorld is not installed.
    """
    found = Comparison()
    limit = max(1, steps, len(data.walkthrough))
    try:
        native, reference = (AlfworldEnv(data, engine, limit) for engine in ("native", "textworld"))
    except EngineUnavailable:
        raise
    except Exception as error:
        found.differences.append(f"loading: raises {_told(error)}")
        return found
    with closing(native), closing(reference):
        pair = _Pair(native, reference, found)
        pair.reset()
        for command in data.walkthrough:
            pair.step(command)
            found.walkthrough_steps += 1
        if steps:
            walk = RandomWalk(seed)
            pair.reset()
            for _ in range(steps):
                pair.step(walk.draw(pair.admissible))
                found.random_steps += 1
    return found


def differences(data: GameData, steps: int, seed: int | str) -> list[str]:
    """Only what differed; the arguments are those of `compare_game`."""
    return compare_game(data, steps, seed).differences


class _Pair:
    """One game in play on both engines."""

    def __init__(self, native: AlfworldEnv, reference: AlfworldEnv, found: Comparison) -> None:
        self._envs: dict[EngineName, AlfworldEnv] = {"native": native, "textworld": reference}
        self._found = found
        self._over = False
        self.admissible: list[str] = ["look"]

    def reset(self) -> None:
        self._over = False
        self._compare("reset", _begun)

    def step(self, command: str) -> None:
        verb = command.strip().partition(" ")[0] if command.strip() in self.admissible else REFUSED
        self._found.verbs[verb] += 1
        told = repr(command) if len(command) < 100 else f"{command[:60]!r}... ({len(command)} characters)"
        self._compare(told, lambda env: _moved_on(env, command) if self._over else _stepped(env, command))

    def _compare(self, where: str, ask: Callable[[AlfworldEnv], Answers]) -> None:
        ours, theirs = (_asked(ask, env) for env in self._envs.values())
        for key in sorted({*ours, *theirs}):
            got, wanted = ours.get(key), theirs.get(key)
            if got != wanted:
                self._found.differences.append(f"{where}: {_difference(key, got, wanted)}")
        self.admissible = theirs.get("admissible commands") or self.admissible
        self._over = self._over or any(theirs.get(flag) for flag in ("terminated", "truncated"))


def _asked(ask: Callable[[AlfworldEnv], Answers], env: AlfworldEnv) -> Answers:
    try:
        return ask(env)
    except Exception as error:
        return {"observation": f"raises {_told(error)}"}


def _begun(env: AlfworldEnv) -> Answers:
    observation, info = env.reset()
    return {"observation": observation, "admissible commands": info["admissible_commands"], "won": info["won"]}


def _stepped(env: AlfworldEnv, command: str) -> Answers:
    observation, reward, terminated, truncated, info = env.step(command)
    return {
        "observation": observation,
        "admissible commands": info["admissible_commands"],
        "won": info["won"],
        "reward": reward,
        "terminated": terminated,
        "truncated": truncated,
    }


def _moved_on(env: AlfworldEnv, command: str) -> Answers:
    """A step beyond the end of the episode, which only the engine takes."""
    observation, engine = env.engine.step(command), env.engine
    return {"observation": observation, "admissible commands": engine.admissible_commands(), "won": engine.won}


def _difference(key: str, got: Any, wanted: Any) -> str:
    if isinstance(got, list) and isinstance(wanted, list) and set(got) != set(wanted):
        return f"only one engine admits {sorted(set(got) ^ set(wanted))}"
    return f"{key} is {got!r} natively, {wanted!r} in textworld"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
