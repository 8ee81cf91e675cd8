"""Records and a game small enough to follow by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from interlat.evaluation.episodes import EpisodeRecord


@dataclass(frozen=True)
class Corridor:
    """A game that is won by "east" said ``doors`` times; anything else but "wait" is not understood."""

    game_id: str
    doors: int
    task_type: str = "walk"


class CorridorEnv:
    """Plays a corridor and keeps the tape of calls."""

    def __init__(self, game: Corridor, max_steps: int = 4) -> None:
        self.game, self.max_steps = game, max_steps
        self.passed = self.steps = 0
        self.tape: list[str] = []

    def reset(self) -> tuple[str, Any]:
        self.tape.append("reset")
        return f"{self.game.doors} doors. Your task is to: walk east.", self._info()

    def step(self, command: str) -> tuple[str, float, bool, bool, Any]:
        self.tape.append(command)
        self.steps += 1
        self.passed += command == "east"
        observation = {"east": f"Door {self.passed}.", "wait": "Time passes."}.get(command, "Nothing happens.")
        won = self.passed == self.game.doors
        return observation, float(won), won, not won and self.steps == self.max_steps, self._info()

    def close(self) -> None:
        self.tape.append("close")

    def _info(self) -> dict[str, Any]:
        return {
            "admissible_commands": ["east", "wait"],
            "won": self.passed == self.game.doors,
            "task": "walk east.",
        }


@pytest.fixture
def corridor() -> type[Corridor]:
    return Corridor


@pytest.fixture
def corridor_env() -> type[CorridorEnv]:
    return CorridorEnv


@pytest.fixture(scope="session")
def episode() -> Callable[..., EpisodeRecord]:
    """``episode(game_id, won, steps, ...)`` makes a record whose other fields are plain."""

    def make(game_id: str = "a", won: bool = True, steps: int = 2, **others: Any) -> EpisodeRecord:
        plain: dict[str, Any] = {
            "task_type": "walk",
            "message": "none",
            "length": None,
            "control": None,
            "run": 0,
            "seed": 0,
            "observations": ("here",) * (steps + 1),
            "actions": ("east",) * steps,
            "invalid_actions": 0,
            "message_seconds": 0.0,
            "output_tokens": 0,
        }
        return EpisodeRecord(game_id=game_id, won=won, steps=steps, **{**plain, **others})

    return make
