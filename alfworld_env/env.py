"""One game as an episode: five-tuple steps, a step limit, the same text whichever engine plays; knows no agent."""

from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypedDict, get_args

from alfworld_env.engine import NativeEngine
from alfworld_env.errors import AlfworldEnvError, ResetNeeded
from alfworld_env.games import Game, GameData, TaskType, read_game
from alfworld_env.observation import canonical_command
from alfworld_env.textworld_backend import TextworldEngine
from alfworld_env.world import WorldState

EngineName = Literal["native", "textworld"]
MAX_STEPS = 50  # the default of ALFWorld's own configuration; papers use 20 to 50 and should say which


class Info(TypedDict):
    """What comes beside each observation.

    `goal_condition_success_rate` is the share of the goal's conditions that hold now (`goal_conditions.GoalCheck` says
    which they are; ALFWorld gives it in its visual environment only), 1.0 exactly where `won`. `steps` counts the
    commands of this episode, `task` is the sentence after "Your task is to: ", `game_id` is empty for bare `GameData`,
    and `walkthrough` solves the game from its start.
    """

    admissible_commands: list[str]
    won: bool
    goal_condition_success_rate: float
    steps: int
    task: str
    game_id: str
    task_type: TaskType
    walkthrough: tuple[str, ...]


class EpisodeSnapshot(NamedTuple):
    """A moment of an episode, for `AlfworldEnv.restore`: plain data, shared and not copied."""

    state: WorldState
    steps: int
    running: bool


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
        # TextWorld does not tell which conditions of a goal hold, so a native game is played beside it.
        self._native = NativeEngine(self.data)
        self.engine: Engine = self._native if engine == "native" else TextworldEngine(self.data)
        self._steps = 0
        self._running = False

    def reset(self) -> tuple[str, Info]:
        """Begin an episode: the first observation (banner, room, task) and its info."""
        observation = self.engine.reset()
        if self.engine is not self._native:
            self._native.reset()
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
        command = canonical_command(command)
        observation = self.engine.step(command)
        if self.engine is not self._native:
            self._native.step(command)
        self._steps += 1
        info = self._info()
        truncated = not info["won"] and self._steps >= self.max_steps
        self._running = not (info["won"] or truncated)
        return observation, float(info["won"]), info["won"], truncated, info

    def snapshot(self) -> EpisodeSnapshot:
        """This moment of the episode, to come back to: a search over commands costs nothing but its steps.

        Raises:
            AlfworldEnvError: The engine is TextWorld's, which cannot go back.
        """
        self._require_native("snapshot()")
        return EpisodeSnapshot(self._native.snapshot(), self._steps, self._running)

    def restore(self, snapshot: EpisodeSnapshot) -> Info:
        """Go to a moment of this game that `snapshot` gave, of this environment or another, and give its info.

        Raises:
            AlfworldEnvError: The engine is TextWorld's, which cannot go back.
        """
        self._require_native("restore()")
        state, self._steps, self._running = snapshot
        self._native.restore(state)
        return self._info()

    def close(self) -> None:
        """Release the engine; the environment cannot be used after."""
        self._running = False
        self.engine.close()

    def _info(self) -> Info:
        return Info(
            admissible_commands=self.engine.admissible_commands(),
            won=self.engine.won,
            goal_condition_success_rate=self._native.goal_conditions().share,
            steps=self._steps,
            task=self.data.task,
            game_id=self.game_id,
            task_type=self._native.problem.goal.task_type,
            walkthrough=self.data.walkthrough,
        )

    def _require_native(self, call: str) -> None:
        if self.engine is not self._native:
            raise AlfworldEnvError(f"{call} wants engine='native', got TextWorld's engine; make the environment native")


def _loaded(game: Game | GameData | Path | str) -> tuple[str, GameData]:
    if isinstance(game, GameData):
        return "", game
    if isinstance(game, str | Path):
        return "/".join(Path(game).absolute().parent.parts[-3:]), read_game(game)
    return game.game_id, game.load()
