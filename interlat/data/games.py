"""Where games come from, as the rest of the library sees it: a protocol, and the two sources that fulfil it.

The only file of this package that reaches ``alfworld_env``, and it does so when a source is used, not on import.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

Split = Literal["train", "seen", "unseen"]


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
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def games(self, split: Split, count: int | None) -> Sequence[Any]:
        """The first games of a split; 134 where no number is given, as many as ALFWorld's unseen split has."""
        from alfworld_env import household_games

        return household_games(split, count or 134, self.seed)

    def identity(self) -> dict[str, object]:
        """The generator's seed."""
        return {"env": "household", "seed": self.seed}


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


def house_of(game: Any) -> str:
    """Where things are in a game, in words: what a sender with ``view: house`` sees."""
    from alfworld_env import house_view

    return house_view(game)
