"""Which games are compared; knows nothing of comparing them."""

import random
from collections.abc import Sequence
from typing import NamedTuple, get_args

from alfworld_env.games import Game, Split, list_games
from alfworld_env.household import household_games
from alfworld_env.household.game import Rooms

ALL = "all"
HOUSEHOLD: dict[Rooms, str] = {"small": "household", "measured": "household-measured"}


class Selected(NamedTuple):
    """A game and the name of the set it is counted under: a split, or the kind of household games."""

    kind: str
    game: Game


def parse_counts(words: Sequence[str]) -> int | dict[Split, int | None]:
    """What follows `--games`: one number, or a number or "all" (None) for each split.

    Raises:
        ValueError: It is neither.
    """
    if len(words) == 1 and words[0].isdecimal():
        return int(words[0])
    counts: dict[Split, int | None] = {}
    for word in words:
        name, _, count = word.partition("=")
        known: dict[str, Split] = {split: split for split in get_args(Split)}
        if name not in known or name in counts or not (count == ALL or count.isdecimal()):
            raise ValueError(
                f"wanted a number, or a number or 'all' for each split as in 'seen=all train=200', got {' '.join(words)!r}"
            )
        counts[known[name]] = None if count == ALL else int(count)
    return counts


def select_games(
    counts: int | dict[Split, int | None],
    splits: Sequence[Split],
    num_household: int,
    seed: int,
    rooms: Sequence[Rooms] = ("small",),
) -> list[Selected]:
    """Draw the games; the same arguments give the same games.

    Args:
        counts: As `parse_counts` gives them. One number is drawn from all of `splits` together.
        splits: Used with one number only.
        num_household: How many household games of each kind of rooms come after them.
        seed: Which games are drawn.
        rooms: The kinds of rooms.

    Raises:
        GameDataNotFound: ALFWorld's games are asked for and are not there.
    """
    drawn: list[Game] = []
    if isinstance(counts, int):
        together = [game for split in splits for game in list_games(split)] if counts else []
        drawn += random.Random(seed).sample(together, min(counts, len(together)))
    else:
        for split, count in counts.items():
            games = list_games(split)
            everyone = count is None or count >= len(games)
            drawn += games if everyone else random.Random(f"{seed} {split}").sample(games, count or 0)
    selected = [Selected(game.split, game) for game in drawn]
    for kind in rooms:
        selected += [Selected(HOUSEHOLD[kind], game) for game in household_games("unseen", num_household, seed, kind)]
    return selected
