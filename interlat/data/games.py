"""Where games come from, as the rest of the library sees it: a protocol, and the two sources that fulfil it.

``alfworld_env`` is reached when a source is used, not on import.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from interlat.data.demonstrations import demonstrations_identity, load_demonstrations
from interlat.data.trajectories import TaskRecord, Turns, record_games
from interlat.errors import InvalidSetting

Split = Literal["train", "seen", "unseen"]
EnvName: TypeAlias = Literal["alfworld", "household", "household-measured"]
Rooms: TypeAlias = Literal["small", "measured"]


class GameSource(ABC):
    """A set of games with their splits."""

    @abstractmethod
    def games(self, split: Split, count: int | None) -> Sequence[Any]:
        """The first ``count`` games of a split in a fixed order, or all."""

    @abstractmethod
    def identity(self) -> dict[str, object]:
        """What determines the games, for content-addressed caching and provenance."""

    def demonstrations(self) -> Mapping[str, Turns]:
        """How to play, by game id, where somebody has shown it; all other games are shown by their walkthrough."""
        return {}

    def record(self, games: Sequence[Any], max_explore_steps: int, seed: int) -> Iterator[TaskRecord]:
        """Games of this source as training needs them: played by their walkthrough, or as shown, and by an expert that has to search."""
        return record_games(games, max_explore_steps, seed, self.demonstrations())


class Household(GameSource):
    """Procedural household games: always there, any number.

    Args:
        seed: of the generator.
        rooms: "small": about twenty receptacles and ten things, which the tiny agents that come with the library were
            taught on. "measured": rooms with as much in them as ALFWorld's.
    """

    def __init__(self, seed: int = 0, rooms: Rooms = "small") -> None:
        self.seed = seed
        self.rooms: Rooms = rooms

    def games(self, split: Split, count: int | None) -> Sequence[Any]:
        """The first games of a split; 134 where no number is given, as many as ALFWorld's unseen split has."""
        from alfworld_env import household_games

        return household_games(split, count or 134, self.seed, self.rooms)

    def identity(self) -> dict[str, object]:
        """The kind of rooms and the generator's seed."""
        return {"env": "household" if self.rooms == "small" else f"household-{self.rooms}", "seed": self.seed}


class Alfworld(GameSource):
    """ALFWorld's own games.

    Args:
        root: data folder; None takes ``ALFWORLD_DATA``.
        seed: shuffles the order, so that the first games are of all types and scenes.
        shown_by: whose games to learn from: ETO's data set ("agent-eto/eto-sft-trajectory", or the path of its file), as
            papers do, or a file of `interlat-data record`; None takes walkthroughs. Train games that nobody has won in it
            are left out.
    """

    def __init__(self, root: str | None = None, seed: int = 0, shown_by: str | None = None) -> None:
        self.root, self.seed, self.shown_by = root, seed, shown_by
        self._shown: Mapping[str, Turns] | None = None

    def games(self, split: Split, count: int | None) -> Sequence[Any]:
        """Games of a split in a seeded order.

        Raises:
            InvalidSetting: if no train game was won in `shown_by`.
        """
        from alfworld_env import list_games

        games = list(list_games(split, self.root))
        random.Random(self.seed).shuffle(games)
        if split == "train" and self.shown_by is not None:
            shown = self.demonstrations()
            games = [game for game in games if game.game_id in shown]
            if not games:
                raise InvalidSetting(
                    f"none of the {len(shown)} games won in {self.shown_by} is a train game here; name another file"
                )
        return games[:count]

    def identity(self) -> dict[str, object]:
        """The order's seed, and what is learned from; the games themselves are the release's."""
        shown = {} if self.shown_by is None else {"shown_by": demonstrations_identity(self.shown_by)}
        return {"env": "alfworld", "seed": self.seed, **shown}

    def demonstrations(self) -> Mapping[str, Turns]:
        """What `shown_by` holds."""
        if self.shown_by is None:
            return {}
        if self._shown is None:
            self._shown = load_demonstrations(self.shown_by)
        return self._shown


def games_named(env: EnvName) -> GameSource:
    """The source that a command line names."""
    return Alfworld() if env == "alfworld" else Household(rooms="small" if env == "household" else "measured")


@dataclass(frozen=True)
class Briefing:
    """What is known of a game before it is played.

    Args:
        opening: the first observation, which states the task; for a problem, the question.
        house: where things are, in words; empty for a problem.
        walkthrough: the commands that solve it; for a problem, the sentences of its plan.
    """

    opening: str
    house: str
    walkthrough: tuple[str, ...]


def briefing(game: Any) -> Briefing:
    """What a sender may be told of a game or a problem."""
    from interlat.data.reasoning.problem import Problem

    if isinstance(game, Problem):
        return Briefing(game.question, "", game.plan)
    from alfworld_env import AlfworldEnv, house_view, strip_banner

    first, info = AlfworldEnv(game).reset()
    return Briefing(strip_banner(first), house_view(game), tuple(info["walkthrough"]))
