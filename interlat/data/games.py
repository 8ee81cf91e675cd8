"""Where games come from, as the rest of the library sees it: a protocol, and the two sources that fulfil it.

The only file of this package that reaches ``alfworld_env``, and it does so when a source is used, not on import.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

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
    """

    def __init__(self, root: str | None = None, seed: int = 0) -> None:
        self.root, self.seed = root, seed

    def games(self, split: Split, count: int | None) -> Sequence[Any]:
        """Games of a split in a seeded order."""
        from alfworld_env import list_games

        games = list(list_games(split, self.root))
        random.Random(self.seed).shuffle(games)
        return games[:count]

    def identity(self) -> dict[str, object]:
        """The order's seed; the games themselves are the release's."""
        return {"env": "alfworld", "seed": self.seed}


def games_named(env: EnvName) -> GameSource:
    """The source that a command line names."""
    return Alfworld() if env == "alfworld" else Household(rooms="small" if env == "household" else "measured")


def house_of(game: Any) -> str:
    """Where things are in a game, in words: what a sender with ``view: house`` sees."""
    from alfworld_env import house_view

    return house_view(game)
