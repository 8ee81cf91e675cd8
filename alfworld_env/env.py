"""One game as an episode: five-tuple steps, a step limit, the same text whichever engine plays; knows no agent."""

from pathlib import Path
from typing import Literal, Protocol, TypedDict, get_args

from alfworld_env.engine import NativeEngine
from alfworld_env.errors import ResetNeeded
from alfworld_env.games import Game, GameData, TaskType, read_game
from alfworld_env.observation import canonical_command
from alfworld_env.problem import parse_problem
from alfworld_env.textworld_backend import TextworldEngine

EngineName = Literal["native", "textworld"]
MAX_STEPS = 50  # the default of ALFWorld's own configuration; papers use 20 to 50 and should say which


class Info(TypedDict):
    """What comes beside each observation.

    `steps` counts the commands of this episode, `task` is the sentence after "Your task is to: ", `game_id` is empty
    for bare `GameData`, and `walkthrough` solves the game from its start.
    """

    admissible_commands: list[str]
    won: bool
    steps: int
    task: str
    game_id: str
    task_type: TaskType
    walkthrough: tuple[str, ...]


class Engine(Protocol):
    """What plays a game: text in, text out."""

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""

    def reset(self) -> str:
        """Start again and give the first observation, banner included."""

    def step(self, command: str) -> str:
        """Carry out a command and give the answer."""

    def admissible_commands(self) -> list[str]:
        """Every command that does something now, sorted."""

    def close(self) -> None:
        """Release what the engine holds."""


class AlfworldEnv:
    """An ALFWorld or household game, played to its goal or to a step limit.

    Args:
        game: A listed game, loaded data, or the path of a `game.tw-pddl`.
        engine: "native" (pure Python, exact) or "textworld" (the original; needs the `alfworld` extra).
        max_steps: Commands allowed in an episode.

    Raises:
        InvalidGame: The game cannot be played.
        GameDataNotFound: The path leads nowhere.
        EngineUnavailable: The textworld engine is not installed.

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
        if engine not in get_args(EngineName):
            raise ValueError(f"engine must be one of {', '.join(get_args(EngineName))}, got {engine!r}")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        self.game_id, self.data = _loaded(game)
        self.max_steps = max_steps
        self.engine: Engine
        if engine == "native":
            self.engine = native = NativeEngine(self.data)
            self._task_type = native.problem.goal.task_type
        else:
            self.engine = TextworldEngine(self.data)
            self._task_type = parse_problem(self.data.problem).goal.task_type
        self._steps = 0
        self._running = False

    def reset(self) -> tuple[str, Info]:
        """Begin an episode: the first observation (banner, room, task) and its info."""
        observation = self.engine.reset()
        self._steps = 0
        self._running = True
        return observation, self._info()

    def step(self, command: str) -> tuple[str, float, bool, bool, Info]:
        """Carry out a command.

        Args:
            command: A command in the games' wording; `put X in/on Y` is taken as `move X to Y`. What the game does not
                understand is answered "Nothing happens." and costs a step.

        Returns:
            observation, reward (1.0 on the step that wins, else 0.0), terminated (won), truncated (limit met), info.

        Raises:
            ResetNeeded: No episode is running.
        """
        if not self._running:
            raise ResetNeeded("wanted a running episode, but it has not begun or has ended; call reset() first")
        observation = self.engine.step(canonical_command(command))
        self._steps += 1
        info = self._info()
        truncated = not info["won"] and self._steps >= self.max_steps
        self._running = not (info["won"] or truncated)
        return observation, float(info["won"]), info["won"], truncated, info

    def close(self) -> None:
        """Release the engine; the environment cannot be used after."""
        self._running = False
        self.engine.close()

    def _info(self) -> Info:
        return Info(
            admissible_commands=self.engine.admissible_commands(),
            won=self.engine.won,
            steps=self._steps,
            task=self.data.task,
            game_id=self.game_id,
            task_type=self._task_type,
            walkthrough=self.data.walkthrough,
        )


def _loaded(game: Game | GameData | Path | str) -> tuple[str, GameData]:
    if isinstance(game, GameData):
        return "", game
    if isinstance(game, str | Path):
        return "/".join(Path(game).absolute().parent.parts[-3:]), read_game(game)
    return game.game_id, game.load()
