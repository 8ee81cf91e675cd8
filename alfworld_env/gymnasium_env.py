"""The games behind Gymnasium's interface: one at a time, or many slots as a `VectorEnv`; needs the `gymnasium` extra.

Nothing else in the package imports this module. Gymnasium has had no plugin mechanism since 1.0 and would have ids
registered by importing; here importing changes nothing, and `register()` adds the ids.
"""

import operator
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alfworld_env.env import MAX_STEPS, EngineName
from alfworld_env.errors import AlfworldEnvError
from alfworld_env.game_order import GameOrder
from alfworld_env.games import Split, list_games
from alfworld_env.household import household_games
from alfworld_env.slots import AnyGame, Assigned, Slots
from alfworld_env.vector import VectorAlfworldEnv


class GymnasiumUnavailable(AlfworldEnvError, ImportError):  # noqa: N818
    """Gymnasium is not installed."""


try:
    import gymnasium
    import numpy as np
    from gymnasium.spaces import Text
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
    from numpy.typing import NDArray
except ImportError as error:
    raise GymnasiumUnavailable(
        f"alfworld_env.gymnasium_env needs Gymnasium 1.1 or later ({error}); run: pip install 'interlat[gymnasium]', or "
        "use AlfworldEnv and VectorAlfworldEnv, which do not need it"
    ) from error

# All that ALFWorld's and household games say is in ASCII: letters, digits, " !'(),-.:=" and line breaks.
CHARACTERS = string.digits + string.ascii_letters + string.punctuation + " \n"
MAX_OBSERVATION = 4096  # characters; the longest of ALFWorld's games is an opening of 909
MAX_COMMAND = 256  # characters; the longest command ALFWorld's games admit has 58
IDS = ("alfworld_env/Alfworld-v0", "alfworld_env/Household-v0")


def observation_space() -> Text:
    """Everything a game may say; games of one's own making with other alphabets fall outside."""
    return Text(MAX_OBSERVATION, charset=CHARACTERS)


def action_space() -> Text:
    """Texts, of which few are commands: `info["admissible_commands"]` lists those that do something.

    Texts outside the space are taken too, and answered "Nothing happens.".
    """
    return Text(MAX_COMMAND, min_length=0, charset=CHARACTERS)


class AlfworldGymEnv(gymnasium.Env[str, str]):
    """A list of games as a `gymnasium.Env`, one game an episode.

    Each `reset` takes the next game: in the order given until a seed is given, then in an order shuffled by it, anew
    each time all were played. Infos are those of `AlfworldEnv` and `game_index`, the game's place in `games`. The step
    limit is the environment's own, so it needs no `TimeLimit`.

    Args:
        games: As for `VectorAlfworldEnv`; loaded when begun.
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
        render_mode: "ansi" lets `render` give the last command and observation; None does not.

    Raises:
        ValueError: There are no games, or an argument is out of its range.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - Gymnasium's own declaration

    def __init__(
        self,
        games: Sequence[AnyGame],
        *,
        engine: EngineName = "native",
        max_steps: int = MAX_STEPS,
        render_mode: str | None = None,
    ) -> None:
        if not games:
            raise ValueError("wanted at least one game, got none; is the split empty?")
        if render_mode not in {None, *self.metadata["render_modes"]}:
            raise ValueError(f"render_mode must be 'ansi' or None, got {render_mode!r}")
        self.observation_space, self.action_space = observation_space(), action_space()
        self.render_mode = render_mode
        self.games = list(games)
        self._order = GameOrder(len(self.games), epochs=None)
        self._slot = Slots(engine, max_steps)
        self._game_index = 0
        self._shown = ""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin the next game.

        Args:
            seed: Shuffles the games from here on; None goes on in the order there is.
            options: `{"game": i}` begins the game at place `i` in `games` and leaves the order as it was.

        Raises:
            ValueError: An option is unknown, or there is no such game.
            AlfworldEnvError: As `VectorAlfworldEnv.reset`.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._order = GameOrder(len(self.games), None, _order_seed(self.np_random))
        chosen = _option(options, "game")
        self._game_index = next(self._order) if chosen is None else self._place(chosen)
        observation, info = self._slot.begin({0: Assigned(self._game_index, self.games[self._game_index])})[0]
        self._shown = observation
        return observation, {**info, "game_index": self._game_index}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Carry out a command, as `AlfworldEnv.step`."""
        observation, reward, terminated, truncated, info = self._slot.step({0: action})[0]
        self._shown = f"> {action}\n{observation}"
        return observation, reward, terminated, truncated, {**info, "game_index": self._game_index}

    def render(self) -> str | None:
        """The last command and observation, where `render_mode` is "ansi"."""
        return self._shown if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Release the engine."""
        self._slot.close()

    def _place(self, chosen: Any) -> int:
        place = operator.index(chosen)
        if not 0 <= place < len(self.games):
            raise ValueError(f"options['game'] must be from 0 to {len(self.games) - 1}, got {place}")
        return place


class AlfworldGymVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], NDArray[Any]]):
    """A list of games as a `gymnasium.vector.VectorEnv`, over `VectorAlfworldEnv`.

    Episodes follow one another within a step (`AutoresetMode.SAME_STEP`); infos are arrays with masks, `final_obs` and
    `final_info` included, as Gymnasium's own vector environments give them. With a number of epochs, slots go idle when
    games run out, as `finished` tells; by default they never do.

    Args:
        games: As for `VectorAlfworldEnv`.
        num_envs: How many slots.
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
        epochs: As for `VectorAlfworldEnv`, but without end by default.
        num_processes: As for `VectorAlfworldEnv`.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - as above

    def __init__(
        self,
        games: Sequence[AnyGame],
        num_envs: int = 1,
        *,
        engine: EngineName = "native",
        max_steps: int = MAX_STEPS,
        epochs: int | None = None,
        num_processes: int = 0,
    ) -> None:
        self.env = VectorAlfworldEnv(
            games, num_envs, engine=engine, max_steps=max_steps, epochs=epochs, num_processes=num_processes
        )
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = observation_space(), action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which slots are idle because no game is left."""
        return np.array(self.env.finished)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Begin in every slot; running episodes are dropped.

        Args:
            seed: Shuffles the games. Without one, the order is as given until there was a seed, and after that a new
                order that follows from it.
            options: None are known.

        Raises:
            ValueError: There are options.
            AlfworldEnvError: As `VectorAlfworldEnv.reset`.
        """
        super().reset(seed=seed)
        _option(options)
        seeded = self._np_random is not None
        observations, infos = self.env.reset(_order_seed(self.np_random) if seeded else None)
        return tuple(observations), self._as_arrays(infos)

    def step(
        self, actions: Sequence[str]
    ) -> tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Carry out one command a slot, as `VectorAlfworldEnv.step`."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        arrays = np.array(rewards, np.float64), np.array(terminated, np.bool_), np.array(truncated, np.bool_)
        return tuple(observations), *arrays, self._as_arrays(infos)

    def close_extras(self, **_: Any) -> None:
        """Release the engines and end the worker processes."""
        self.env.close()

    def _as_arrays(self, infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        for slot, info in enumerate(infos):
            named = {"final_obs" if key == "final_observation" else key: value for key, value in info.items()}
            arrays = self._add_info(arrays, named, slot)
        return arrays


def register() -> None:
    """Add `alfworld_env/Alfworld-v0` and `alfworld_env/Household-v0` to Gymnasium's ids; a second call does nothing.

    `gymnasium.make(id, split="train")` makes an `AlfworldGymEnv` and `gymnasium.make_vec(id, num_envs=8, split="train")`
    an `AlfworldGymVectorEnv`; both take their further arguments. Alfworld takes `root` as `list_games` does, Household
    takes `count` and `game_seed` as `household_games` does.
    """
    for name, games in zip(IDS, ("alfworld", "household"), strict=True):
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"{__name__}:make_{games}",
                vector_entry_point=f"{__name__}:make_{games}_vector",
                reward_threshold=1.0,
            )


def make_alfworld(split: Split = "train", root: Path | str | None = None, **arguments: Any) -> AlfworldGymEnv:
    """ALFWorld's own games, as `gymnasium.make` wants them made."""
    return AlfworldGymEnv(list_games(split, root), **arguments)


def make_alfworld_vector(
    num_envs: int, split: Split = "train", root: Path | str | None = None, **arguments: Any
) -> AlfworldGymVectorEnv:
    """ALFWorld's own games, as `gymnasium.make_vec` wants them made."""
    return AlfworldGymVectorEnv(list_games(split, root), num_envs, **arguments)


def make_household(split: Split = "train", count: int = 100, game_seed: int = 0, **arguments: Any) -> AlfworldGymEnv:
    """Household games, as `gymnasium.make` wants them made."""
    return AlfworldGymEnv(household_games(split, count, game_seed), **arguments)


def make_household_vector(
    num_envs: int, split: Split = "train", count: int = 100, game_seed: int = 0, **arguments: Any
) -> AlfworldGymVectorEnv:
    """Household games, as `gymnasium.make_vec` wants them made."""
    return AlfworldGymVectorEnv(household_games(split, count, game_seed), num_envs, **arguments)


def _order_seed(generator: np.random.Generator) -> int:
    return int(generator.integers(2**63))


def _option(options: Mapping[str, Any] | None, *known: str) -> Any:
    """The first known option, or None; others are refused."""
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise ValueError(f"unknown reset options {', '.join(unknown)}; known: {', '.join(known) or 'none'}")
    return (options or {}).get(known[0]) if known else None
