"""One game behind the five-tuple contract: step limit, reward and info around an engine."""

import re
from pathlib import Path
from typing import Any, Literal, Protocol

from alfworld_env.engine import NativeEngine
from alfworld_env.errors import ResetNeeded
from alfworld_env.games import Game, GameData, read_game
from alfworld_env.textworld_backend import TextworldEngine

Info = dict[str, Any]
EngineName = Literal["native", "textworld"]
MAX_STEPS = 50  # the default of ALFWorld's own configuration; papers use 20 to 50 and should say which
_PUT = re.compile(r"put (.+) (?:in/on|in|on|into|onto) (.+)")


class Engine(Protocol):
    """What plays a game."""

    def reset(self) -> str: ...
    def step(self, command: str) -> str: ...
    def admissible_commands(self) -> list[str]: ...
    @property
    def won(self) -> bool: ...


def canonical_command(command: str) -> str:
    """The games' wording of a command: papers' ``put X in/on Y`` is ``move X to Y`` here; everything else stays."""
    put = _PUT.fullmatch(command.strip())
    return f"move {put.group(1)} to {put.group(2)}" if put else command


class AlfworldEnv:
    """One text game.

    Args:
        game: from ``list_games`` or ``household_games``, loaded data, or the path of a ``game.tw-pddl`` file.
        engine: ``native`` (pure Python, exact) or ``textworld`` (the reference).
        max_steps: after this many steps the episode is truncated.

    Example:
        >>> from alfworld_env import AlfworldEnv, household_games
        >>> env = AlfworldEnv(household_games("unseen", 1)[0], max_steps=20)
        >>> observation, info = env.reset()
        >>> for command in info["walkthrough"]:
        ...     observation, reward, terminated, truncated, info = env.step(command)
        >>> info["won"], reward
        (True, 1.0)
    """

    def __init__(
        self, game: Game | GameData | Path | str, engine: EngineName = "native", max_steps: int = MAX_STEPS
    ) -> None:
        if engine not in ("native", "textworld"):
            raise ValueError(f"engine must be 'native' or 'textworld', got {engine!r}")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        if isinstance(game, str | Path):
            self.data, self._identity = read_game(Path(game)), _identity_of(Path(game))
        elif isinstance(game, GameData):
            self.data, self._identity = game, {"game_id": "", "task_type": ""}
        else:
            self.data, self._identity = game.load(), {"game_id": game.game_id, "task_type": str(game.task_type)}
        self.max_steps = max_steps
        self.engine: Engine = NativeEngine(self.data) if engine == "native" else TextworldEngine(self.data)
        self._steps: int | None = None

    def reset(self) -> tuple[str, Info]:
        """Begin an episode: the intro (banner, room, task) and info."""
        observation = self.engine.reset()
        self._steps = 0
        return observation, self._info()

    def step(self, command: str) -> tuple[str, float, bool, bool, Info]:
        """Carry out one command.

        Args:
            command: matched exactly, after outer blanks are cut; one that is not admissible costs a step.

        Returns:
            Observation; reward (1 when the goal has been reached, else 0); terminated (goal reached); truncated (step limit
            reached without it); info.

        Raises:
            ResetNeeded: before ``reset`` or after the end.
        """
        if self._steps is None:
            raise ResetNeeded("wanted a running episode, but it has not begun or has ended; call reset() first")
        observation = self.engine.step(canonical_command(command))
        self._steps += 1
        info = self._info()
        won = bool(info["won"])
        truncated = not won and self._steps >= self.max_steps
        if won or truncated:
            self._steps = None
        return observation, float(won), won, truncated, info

    def _info(self) -> Info:
        return {
            "admissible_commands": self.engine.admissible_commands(),
            "won": self.engine.won,
            "steps": self._steps,
            "task": self.data.task,
            "walkthrough": self.data.walkthrough,
            **self._identity,
        }


def _identity_of(path: Path) -> dict[str, str]:
    kind = path.parent.parent.name.split("-")[0]
    return {"game_id": "/".join(path.parts[-4:-1]), "task_type": kind}
