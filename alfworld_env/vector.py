"""Many games stepped in lockstep, each slot refilled as soon as its episode ends; knows no agent and no engine."""

from collections.abc import Iterable, Sequence
from typing import Any, NotRequired, Self, cast, get_args

from alfworld_env.env import MAX_STEPS, EngineName, Info
from alfworld_env.errors import ResetNeeded
from alfworld_env.game_order import GameOrder
from alfworld_env.slots import AnyGame, Assigned, SlotHost, Slots
from alfworld_env.worker_pool import WorkerPool


class VectorInfo(Info):
    """What comes beside each observation of a slot.

    Attributes:
        game_index: Which of `games` is played.
        episode_number: How many episodes were handed out before this one since `reset`, so that results can be put in order.
        final_observation: The last observation of the episode that ended in this step; a key on that step only.
        final_info: The info that goes with it; a key on that step only.
    """

    game_index: int
    episode_number: int
    final_observation: NotRequired[str]
    final_info: NotRequired["VectorInfo"]


Steps = tuple[list[str], list[float], list[bool], list[bool], list[VectorInfo]]


class VectorAlfworldEnv:
    """Slots that play a list of games, all stepped together.

    A slot whose episode ends takes the next game in the same `step` (Gymnasium's SAME_STEP autoreset): the observation
    and info are the next game's first, the reward and flags are the ended episode's, and the info holds its
    `final_observation` and `final_info`. Slots that end in the same step take games in the order of their numbers, so
    who plays what depends on the commands alone, not on processes. A game is loaded when its slot begins it.

    When no game is left the slot is idle from then on. On the step that ends its last episode it gives that episode's
    last observation and info, `final_...` keys included; after that it repeats them without those keys, with reward
    0.0 and both flags False, and ignores its commands. So a flag, and `final_info`, is seen once an episode.

    Pickling keeps running episodes where there are no worker processes and the engine is native.

    Args:
        games: What to play: listed games, loaded data or paths of `game.tw-pddl`.
        num_envs: How many slots; by default one a game.
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
        epochs: How often each game is played; None means without end, so that no slot is ever idle.
        seed: Shuffles the games anew each epoch; None plays them in the order given.
        num_processes: Worker processes to divide the slots over, at most one a slot; 0 plays in this process. Answers
            are the same. Meant for the textworld engine, at about 100 ms a step. A message to a worker costs this
            process some 25 us, and 5 us a slot, where a native step takes 30 to 40 us: by these numbers that engine
            gains with 8 slots a worker or more and idle cores. On two cores busy with other work it only lost.
            Games must pickle.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> from alfworld_env import VectorAlfworldEnv, household_games
        >>> with VectorAlfworldEnv(household_games("unseen", 6), num_envs=2, max_steps=30) as env:
        ...     observations, infos = env.reset()
        ...     won = 0.0
        ...     while not env.all_finished:
        ...         commands = [info["walkthrough"][info["steps"] % len(info["walkthrough"])] for info in infos]
        ...         observations, rewards, terminated, truncated, infos = env.step(commands)
        ...         won += sum(rewards)
        >>> won
        6.0
    """

    def __init__(  # noqa: PLR0913 - what to play, how many at once, how long, in which order, on how many cores
        self,
        games: Sequence[AnyGame],
        num_envs: int | None = None,
        *,
        engine: EngineName = "native",
        max_steps: int = MAX_STEPS,
        epochs: int | None = 1,
        seed: int | None = None,
        num_processes: int = 0,
    ) -> None:
        self.games = list(games)
        self.num_envs = len(self.games) if num_envs is None else num_envs
        self._epochs, self._seed = epochs, seed
        if engine not in get_args(EngineName):
            raise ValueError(f"engine must be one of {', '.join(get_args(EngineName))}, got {engine!r}")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        self._check_counts(num_processes)
        self._order = GameOrder(0)
        self._begun = 0
        self._finished = [True] * self.num_envs
        self._last: list[tuple[str, VectorInfo]] = []  # of each slot; empty where there is nothing to go on from
        self._closed = False
        workers = min(num_processes, self.num_envs)
        self._host: SlotHost = (
            WorkerPool(workers, self.num_envs, engine, max_steps) if workers else Slots(engine, max_steps)
        )

    def __len__(self) -> int:
        return self.num_envs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def finished(self) -> list[bool]:
        """Which slots are idle because no game is left; all of them before the first `reset`."""
        return list(self._finished)

    @property
    def all_finished(self) -> bool:
        """Whether every episode is over."""
        return all(self._finished)

    @property
    def process_ids(self) -> list[int]:
        """The ids of the worker processes; empty where there are none."""
        return self._host.process_ids if isinstance(self._host, WorkerPool) else []

    def reset(self, seed: int | None = None) -> tuple[list[str], list[VectorInfo]]:
        """Begin from the first game again, in every slot; running episodes are dropped.

        Args:
            seed: Takes the place of the order's seed from now on; None keeps it, so the order is the same again.

        Raises:
            InvalidGame: A game cannot be played; the error names it and its slot.
            GameDataNotFound: A game is not where it should be; likewise.
            EngineUnavailable: The engine is not installed.
            SlotFailed: A game raised something else, or a worker process died; likewise.
            ResetNeeded: The environment was closed.
        """
        if self._closed:
            raise ResetNeeded("this environment was closed; make a new one")
        self._seed = self._seed if seed is None else seed
        self._order = GameOrder(len(self.games), self._epochs, self._seed)
        self._begun, self._last = 0, []
        starts = self._refill(range(self.num_envs))
        self._last = [starts[slot] for slot in range(self.num_envs)]
        self._finished = [False] * self.num_envs
        return [observation for observation, _ in self._last], [info.copy() for _, info in self._last]

    def step(self, commands: Sequence[str]) -> Steps:
        """Carry out one command a slot.

        Args:
            commands: As many as there are slots; those of idle slots are ignored.

        Returns:
            The five of `AlfworldEnv.step` as lists, with the class's rules for slots whose episode ended or that are
            idle. `terminated` and `truncated` are True exactly on the step that ended an episode.

        Raises:
            ValueError: The number of commands is not the number of slots.
            TypeError: A command is not a text.
            ResetNeeded: There was no `reset` yet, or none since an error or `close`.
            AlfworldEnvError: As `reset`; what the other slots answered in this step is lost.
        """
        running = {slot: command for slot, command in enumerate(self._checked(commands)) if not self._finished[slot]}
        last, self._last = self._last, []  # an error leaves nothing to go on from
        rewards, terminated, truncated = [0.0] * self.num_envs, [False] * self.num_envs, [False] * self.num_envs
        finals: dict[int, tuple[str, VectorInfo]] = {}
        for slot, (observation, reward, won, out_of_steps, info) in self._host.step(running).items():
            last[slot] = observation, _labelled(info, last[slot][1]["game_index"], last[slot][1]["episode_number"])
            rewards[slot], terminated[slot], truncated[slot] = reward, won, out_of_steps
            if won or out_of_steps:
                finals[slot] = last[slot]
        starts = self._refill(finals)
        for slot in finals:
            last[slot] = starts.get(slot, last[slot])
            self._finished[slot] = slot not in starts
        self._last = last
        infos = [info.copy() for _, info in last]
        for slot, (observation, info) in finals.items():
            infos[slot]["final_observation"], infos[slot]["final_info"] = observation, info.copy()
        return [observation for observation, _ in last], rewards, terminated, truncated, infos

    def close(self) -> None:
        """Release every engine and end the worker processes; the environment cannot be used after."""
        self._closed, self._last = True, []
        self._host.close()

    def _refill(self, slots: Iterable[int]) -> dict[int, tuple[str, VectorInfo]]:
        """Begin the next games in these slots, lowest first, as far as games go."""
        games = {
            slot: Assigned(index, self.games[index]) for slot, index in zip(sorted(slots), self._order, strict=False)
        }
        begun = self._host.begin(games)
        starts = {}
        for slot, assigned in games.items():
            observation, info = begun[slot]
            starts[slot] = observation, _labelled(info, assigned.number, self._begun)
            self._begun += 1
        return starts

    def _checked(self, commands: Sequence[Any]) -> Sequence[str]:
        if not self._last:
            raise ResetNeeded("nothing to go on from: call reset() first, and again after an error")
        if isinstance(commands, str) or len(commands) != self.num_envs:
            got = "one text" if isinstance(commands, str) else f"{len(commands)}"
            raise ValueError(f"wanted {self.num_envs} commands, one a slot, got {got}")
        for slot, command in enumerate(commands):
            if not isinstance(command, str) and not self._finished[slot]:
                raise TypeError(f"wanted a text as the command of slot {slot}, got {command!r}")
        return commands

    def _check_counts(self, num_processes: int) -> None:
        if not self.games:
            raise ValueError("wanted at least one game, got none; is the split empty?")
        if self._epochs is not None and self._epochs < 1:
            raise ValueError(f"epochs must be at least 1, or None for no end, got {self._epochs}")
        most = None if self._epochs is None else len(self.games) * self._epochs
        if self.num_envs < 1 or (most is not None and self.num_envs > most):
            raise ValueError(
                f"num_envs must be from 1 to {most}, the number of games times epochs, got {self.num_envs}; a slot "
                "without a game has nothing to say"
            )
        if num_processes < 0:
            raise ValueError(f"num_processes must be 0 (none) or more, got {num_processes}")


def _labelled(info: Info, game_index: int, episode_number: int) -> VectorInfo:
    return cast("VectorInfo", {**info, "game_index": game_index, "episode_number": episode_number})
