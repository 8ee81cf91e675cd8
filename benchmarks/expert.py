"""How often the exploring expert wins, by task type and step limit: `python benchmarks/expert.py`.

ALFWorld's splits need ALFWORLD_DATA; without it only household games are played. Knows no model.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import get_args

from rich.console import Console
from rich.table import Table

from alfworld_env import Game, GameDataNotFound, TaskType, household_games, list_games, record_expert
from alfworld_env.search import Search

LIMITS = (20, 30, 50)
ALL = "all"


def steps_to_win(games: Iterable[Game], seed: int, search: Search) -> dict[str, list[int | None]]:
    """Steps each game took, None where it was not won, by task type and for all together."""
    steps: dict[str, list[int | None]] = defaultdict(list)
    for game in games:
        played = record_expert(game, seed, max(LIMITS), search)
        taken = len(played.turns) if played.won else None
        steps[game.task_type].append(taken)
        steps[ALL].append(taken)
    return steps


def shares(steps: Sequence[int | None]) -> str:
    """Percentages won within each limit, such as "57 / 83 / 100"."""
    won = [sum(n is not None and n <= limit for n in steps) for limit in LIMITS]
    return " / ".join(f"{100 * count / len(steps):.1f}" for count in won)


def columns(num_household: int) -> dict[str, Sequence[Game]]:
    """The games of each column."""
    found: dict[str, Sequence[Game]] = {}
    try:
        found = {f"ALFWorld {split}": list_games(split) for split in ("train", "seen", "unseen")}
    except GameDataNotFound as error:
        Console(stderr=True).print(f"household games only: {error}")
    small, measured = (household_games("unseen", num_household, rooms=rooms) for rooms in ("small", "measured"))
    return {**found, "household unseen": small, "household-measured unseen": measured}


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description="Success of the exploring expert, in percent.")
    parser.add_argument("--household", type=int, default=600, metavar="N", help="household games of each kind of rooms")
    parser.add_argument("--seed", type=int, default=0, help="of the expert")
    parser.add_argument("--search", default="common-sense", choices=get_args(Search), help="what the expert knows")
    options = parser.parse_args()
    results = {
        name: steps_to_win(games, options.seed, options.search) for name, games in columns(options.household).items()
    }
    table = Table("task type", title=f"won within {' / '.join(map(str, LIMITS))} steps, %")
    for name, steps in results.items():
        table.add_column(f"{name} ({len(steps[ALL])})", justify="right")
    for kind in (*TaskType, ALL):
        table.add_row(str(kind), *(shares(steps[kind]) if steps[kind] else "-" for steps in results.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
