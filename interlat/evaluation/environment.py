"""What a game must offer to be played here. Knows no game: the command line passes the real ones in."""

from collections.abc import Callable
from typing import Any, Protocol, TypedDict, runtime_checkable

NOT_UNDERSTOOD = "Nothing happens."  # a game's answer to a command that does nothing; it costs a step all the same


class Info(TypedDict):
    """What is needed of the facts that come beside an observation."""

    admissible_commands: list[str]
    won: bool
    task: str


@runtime_checkable
class Game(Protocol):
    """A game that is not loaded yet: an identity."""

    @property
    def game_id(self) -> str:
        """A unique and stable name."""

    @property
    def task_type(self) -> str:
        """The kind of task; results are broken down by it."""


@runtime_checkable
class Environment(Protocol):
    """One game being played, to its goal or to a step limit of its own."""

    def reset(self) -> tuple[str, Info]:
        """Begin; the first observation states the task and has no banner."""

    def step(self, command: str) -> tuple[str, float, bool, bool, Info]:
        """Observation, reward, terminated (won), truncated (step limit met), info."""

    def close(self) -> None:
        """Release what the game holds."""


EnvironmentFactory = Callable[[Any], Environment]  # takes a game; which kind it needs is its own matter
