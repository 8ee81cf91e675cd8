"""The environments of some slots, all in this process; knows neither the order of games nor other processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from alfworld_env.env import AlfworldEnv, EngineName, Info
from alfworld_env.errors import AlfworldEnvError, EngineUnavailable, GameDataNotFound, InvalidGame
from alfworld_env.games import Game, GameData

AnyGame = Game | GameData | Path | str
Start = tuple[str, Info]  # what AlfworldEnv.reset gives
Outcome = tuple[str, float, bool, bool, Info]  # what AlfworldEnv.step gives


class SlotFailed(AlfworldEnvError, RuntimeError):  # noqa: N818
    """A slot cannot play on: its game raised something unforeseen, or its worker process died."""


class Assigned(NamedTuple):
    """A game handed to a slot, and its place in the list of games."""

    number: int
    game: AnyGame

    @property
    def name(self) -> str:
        """What to call the game in an error."""
        match self.game:
            case GameData():
                return f"games[{self.number}]"
            case str() | Path():
                return str(self.game)
        return self.game.game_id


class SlotHost(Protocol):
    """Whatever holds the environments of the slots: this process or others."""

    def begin(self, games: Mapping[int, Assigned]) -> dict[int, Start]:
        """Begin a game in each of these slots."""

    def step(self, commands: Mapping[int, str]) -> dict[int, Outcome]:
        """Carry out a command in each of these slots."""

    def close(self) -> None:
        """Release everything held."""


class Slots:
    """Slots in this process; each loads a game when it begins it and plays one episode of it.

    Args:
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
    """

    def __init__(self, engine: EngineName, max_steps: int) -> None:
        self._engine: EngineName = engine
        self._max_steps = max_steps
        self._playing: dict[int, tuple[int, str, AlfworldEnv]] = {}  # slot: number, name and environment of its game

    def begin(self, games: Mapping[int, Assigned]) -> dict[int, Start]:
        """Begin a game in each of these slots; one that a slot already holds is not loaded again.

        Raises:
            InvalidGame: A game cannot be played; the error names it and its slot.
            GameDataNotFound: A game is not where it should be; likewise.
            EngineUnavailable: The engine is not installed.
            SlotFailed: Something else was raised; likewise.
        """
        return {slot: self._begin(slot, assigned) for slot, assigned in games.items()}

    def step(self, commands: Mapping[int, str]) -> dict[int, Outcome]:
        """Carry out a command in each of these slots.

        Raises:
            SlotFailed: An engine raised; the error names the game and its slot.
        """
        outcomes = {}
        for slot, command in commands.items():
            _, name, env = self._playing[slot]
            try:
                outcomes[slot] = env.step(command)
            except Exception as error:
                self._drop(slot)
                raise failure(slot, name, error) from error
        return outcomes

    def close(self) -> None:
        """Release every engine."""
        for slot in list(self._playing):
            self._drop(slot)

    def _begin(self, slot: int, assigned: Assigned) -> Start:
        try:
            if slot in self._playing and self._playing[slot][0] != assigned.number:
                self._drop(slot)  # before the next is made, so that it can take over what an engine gives back
            if slot not in self._playing:
                env = AlfworldEnv(assigned.game, self._engine, self._max_steps)
                self._playing[slot] = assigned.number, assigned.name, env
            return self._playing[slot][2].reset()
        except Exception as error:
            self._drop(slot)
            raise failure(slot, assigned.name, error) from error

    def _drop(self, slot: int) -> None:
        if slot in self._playing:
            self._playing.pop(slot)[2].close()


def failure(slot: int, game: str, error: Exception) -> Exception:
    """The error to raise for what a slot's game raised, naming both; what is no fault of the game stays as it is.

    Args:
        slot: The slot.
        game: What to call its game.
        error: What was raised.
    """
    if isinstance(error, EngineUnavailable):
        return error
    for kind in (InvalidGame, GameDataNotFound):
        if isinstance(error, kind):
            return kind(f"game {game} in slot {slot}: {error}")
    return SlotFailed(
        f"game {game} in slot {slot} raised {type(error).__name__}: {error}. Leave the game out, or report it if it is "
        "one of ALFWorld's or a household game"
    )
