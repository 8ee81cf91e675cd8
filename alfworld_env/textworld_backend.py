"""The reference engine: TextWorld with ALFWorld's naming, made safe; knows nothing of step limits or splits.

TextWorld environments are reused, because every new one leaks a private copy of the planner library. Its translator
overwrites `sys.argv` and ends the process on some broken games, and importing ALFWorld makes a folder in the home
directory; none of that gets out of here.
"""

import importlib.util
import json
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alfworld_env.errors import EngineUnavailable, InvalidGame, ResetNeeded
from alfworld_env.games import GameData

_HOW_TO_GET = "run: pip install 'interlat[alfworld]' (textworld and alfworld), or use the native engine"
_idle: list[Any] = []


class TextworldEngine:
    """One game in play on TextWorld, with the interface of `NativeEngine` but for snapshots.

    Args:
        data: The game; without domain and grammar it is played with those that ALFWorld ships.

    Raises:
        EngineUnavailable: textworld or alfworld is not installed.
        InvalidGame: TextWorld cannot load the game.
    """

    def __init__(self, data: GameData) -> None:
        game = {
            "pddl_domain": data.domain or _shipped("alfred.pddl"),
            "grammar": data.grammar or _grammar(data.task),
            "pddl_problem": data.problem,
            "walkthrough": list(data.walkthrough) or None,
        }
        self._env: Any = _idle.pop() if _idle else _new_environment()
        # Whoever is dropped gives its environment back, closed or not.
        self._return = weakref.finalize(self, _idle.append, self._env)
        self._state: Any = None
        try:
            with _contained():
                self._env.load(game)
        except (SystemExit, Exception) as error:
            self.close()
            raise InvalidGame(
                f"TextWorld cannot load this game ({type(error).__name__}: {error}); is its problem whole?"
            ) from error

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""
        return bool(self._current().won)

    def reset(self) -> str:
        """Start again and give the first observation, banner included."""
        if not self._return.alive:
            raise ResetNeeded("this engine was closed; make a new one")
        with _contained():
            self._state = self._env.reset()
        return str(self._state.feedback)

    def step(self, command: str) -> str:
        """Carry out a command and give the answer."""
        self._current()
        self._state, _, _ = self._env.step(command)
        return str(self._state.feedback)

    def admissible_commands(self) -> list[str]:
        """Every command that does something now, sorted."""
        return list(self._current().admissible_commands)

    def close(self) -> None:
        """Hand the environment to the next engine; this one cannot be used after."""
        self._state = None
        self._return()

    def _current(self) -> Any:
        if self._state is None:
            raise ResetNeeded("the game has not begun or was closed; call reset() first")
        return self._state


@contextmanager
def _contained() -> Iterator[None]:
    argv, stdout = sys.argv, sys.stdout
    try:
        yield
    finally:
        sys.argv, sys.stdout = argv, stdout


def _new_environment() -> Any:
    textworld, demangler = _packages()
    return demangler(textworld.envs.PddlEnv(textworld.EnvInfos(won=True, admissible_commands=True)))


@cache
def _packages() -> tuple[Any, Any]:
    # ALFWorld makes the folder ALFWORLD_DATA names, by default in the home directory, and sets the variable.
    given = os.environ.get("ALFWORLD_DATA")
    os.environ.setdefault("ALFWORLD_DATA", tempfile.gettempdir())
    try:
        import textworld
        import textworld.envs
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
    except ImportError as error:
        raise EngineUnavailable(f"engine 'textworld' cannot be imported ({error}); {_HOW_TO_GET}") from error
    finally:
        if given is None:
            del os.environ["ALFWORLD_DATA"]
    return textworld, AlfredDemangler


@cache
def _shipped(name: str) -> str:
    spec = importlib.util.find_spec("alfworld")
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(f"engine 'textworld' needs ALFWorld's own {name}; {_HOW_TO_GET}")
    return (Path(next(iter(spec.submodule_search_locations))) / "data" / name).read_text(encoding="utf-8")


def _grammar(task: str) -> str:
    return _shipped("alfred.twl2").replace("UNKNOWN GOAL.", json.dumps(task)[1:-1])
