"""The reference engine: TextWorld with ALFWorld's naming, made safe; knows nothing of step limits or splits.

TextWorld environments are reused, because every new one leaks a private copy of the planner library. Its translator
overwrites `sys.argv`, swaps `sys.stdout` and ends the process on some broken games, and importing ALFWorld makes a
folder in the home directory; none of that gets out of here. One game is loaded at a time, whichever thread asks.
"""

import gc
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
from threading import RLock
from typing import Any

from alfworld_env.errors import EngineUnavailable, InvalidGame, ResetNeeded
from alfworld_env.games import GameData

_HOW_TO_GET = "run: pip install 'interlat[alfworld]' (textworld and alfworld), or use the native engine"
_idle: list[Any] = []
_loading = RLock()


class TextworldEngine:
    """One game in play on TextWorld, with the interface of `NativeEngine` but for snapshots and goal conditions.

    Args:
        data: The game; without domain and grammar it is played with those that ALFWorld ships.

    Raises:
        EngineUnavailable: textworld or alfworld is not installed.
        InvalidGame: TextWorld cannot load the game, or finds that it cannot be won.
    """

    def __init__(self, data: GameData) -> None:
        game = {
            "pddl_domain": data.domain or _shipped("alfred.pddl"),
            "grammar": data.grammar or _grammar(data.task),
            "pddl_problem": data.problem,
            "walkthrough": list(data.walkthrough) or None,
        }
        self._env = _environment()
        # Whoever is dropped gives its environment back, closed or not. What is left of a game that failed does no
        # harm: loading replaces all of it.
        self._return = weakref.finalize(self, _idle.append, self._env)
        self._return.atexit = False
        self._state: Any = None
        with self._refusing("load"):
            self._env.load(game)

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""
        return bool(self._current().won)

    def reset(self) -> str:
        """Start again and give the first observation, banner included.

        Raises:
            ResetNeeded: The engine was closed.
            InvalidGame: TextWorld cannot say where the game begins; its grammar is not ALFWorld's.
        """
        if not self._return.alive:
            raise ResetNeeded("this engine was closed; make a new one")
        with self._refusing("begin"):
            self._state = self._env.reset()
        return str(self._state.feedback)

    def step(self, command: str) -> str:
        """Carry out a command and give the answer.

        Raises:
            ResetNeeded: There was no `reset` yet, or the engine was closed.
            InvalidGame: TextWorld cannot word the answer; the game's grammar is not ALFWorld's.
        """
        self._current()
        with self._refusing("go on with"):
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
    def _refusing(self, deed: str) -> Iterator[None]:
        """Keep what TextWorld does to the process inside, and turn any failure of it into InvalidGame."""
        with _loading:
            argv, stdout = sys.argv, sys.stdout
            try:
                yield
            except (SystemExit, Exception) as error:
                self.close()
                raise InvalidGame(
                    f"TextWorld cannot {deed} this game ({_reason(error)}); is its problem whole?"
                ) from error
            finally:
                sys.argv, sys.stdout = argv, stdout
                _forget_callers()


def _reason(error: BaseException) -> str:
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # The translator writes a goal that it finds out of reach in a form that TextWorld does not expect.
    return f"the goal can never be reached, {told}" if told == "KeyError: 'val1'" else told


def _forget_callers() -> None:
    # TextWorld's two parsers keep the last error they met, and with it the frames of all callers and what those hold.
    for module in ("textworld.envs.pddl.logic", "textworld.envs.pddl.textgen"):
        parser = getattr(sys.modules.get(module), "_PARSER", None)
        if parser is not None and hasattr(parser, "_furthest_exception"):
            parser._furthest_exception = None


def _environment() -> Any:
    if not _idle:
        gc.collect()  # finds engines that were dropped without close() but are held by cycles; cheaper than a new one
    return _idle.pop() if _idle else _new_environment()


def _new_environment() -> Any:
    textworld, demangler = _packages()
    asked = textworld.EnvInfos(won=True, admissible_commands=True)
    try:
        return demangler(textworld.envs.PddlEnv(asked))
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineUnavailable(
            f"engine 'textworld' cannot load its planner library ({error}); {_HOW_TO_GET}"
        ) from error


@cache
def _packages() -> tuple[Any, Any]:
    # ALFWorld makes the folder ALFWORLD_DATA names, by default in the home directory, and sets the variable.
    given = os.environ.get("ALFWORLD_DATA")
    if not given or not Path(given).is_dir():
        os.environ["ALFWORLD_DATA"] = tempfile.gettempdir()
    try:
        import textworld
        import textworld.envs
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
    except ImportError as error:
        raise EngineUnavailable(f"engine 'textworld' cannot be imported ({error}); {_HOW_TO_GET}") from error
    finally:
        os.environ.pop("ALFWORLD_DATA", None)
        if given is not None:
            os.environ["ALFWORLD_DATA"] = given
    return textworld, AlfredDemangler


@cache
def _shipped(name: str) -> str:
    spec = importlib.util.find_spec("alfworld")
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(f"engine 'textworld' needs ALFWorld's own {name}; {_HOW_TO_GET}")
    return (Path(next(iter(spec.submodule_search_locations))) / "data" / name).read_text(encoding="utf-8")


def _grammar(task: str) -> str:
    return _shipped("alfred.twl2").replace("UNKNOWN GOAL.", json.dumps(task)[1:-1])
