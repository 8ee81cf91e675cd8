"""Compare household games with ALFWorld's: `python -m alfworld_env.household.compare --games 600`.

Prints how large and how full rooms are, how long walkthroughs are, and how often the exploring expert wins. Needs
ALFWORLD_DATA.
"""

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import Game, TaskType, list_games
from alfworld_env.household.game import household_games
from alfworld_env.household.measure import sample_of
from alfworld_env.household.tally import summary
from alfworld_env.problem import parse_problem
from alfworld_env.trajectories import record_expert

LIMITS = (20, 30, 50)  # steps
ALL = "all"
_LABEL_WIDTH, _COLUMN_WIDTH = 32, 22


def sizes(games: Sequence[Game]) -> dict[str, dict[str, list[int]]]:
    """Receptacles, locations and objects of each game by kind of room, and commands of walkthroughs by task type."""
    rows: dict[str, dict[str, list[int]]] = {
        name: defaultdict(list) for name in ("receptacles", "locations", "objects", "walkthrough")
    }
    for game in games:
        sample = sample_of(game)
        problem = parse_problem(sample.data.problem)
        for room in (sample.room, ALL):
            rows["receptacles"][room].append(len(problem.places))
            rows["locations"][room].append(len(problem.receptacles_at))
            rows["objects"][room].append(len(set().union(*problem.contents.values())))
        for task_type in (game.task_type, ALL):
            rows["walkthrough"][task_type].append(len(sample.data.walkthrough))
    return rows


def expert_steps(games: Sequence[Game], seed: int = 0) -> dict[str, list[int]]:
    """Steps the exploring expert took, by task type; one more than the highest limit where it did not win."""
    steps: dict[str, list[int]] = defaultdict(list)
    for game in games:
        played = record_expert(game, seed, max_steps=max(LIMITS))
        for task_type in (game.task_type, ALL):
            steps[task_type].append(len(played.turns) if played.won else max(LIMITS) + 1)
    return steps


def columns(num_games: int) -> dict[str, Sequence[Game]]:
    """The games of each column.

    Args:
        num_games: At most this many in each.

    Raises:
        GameDataNotFound: ALFWorld's games are not installed.
    """
    real = list_games("train")
    return {
        "ALFWorld train": random.Random(0).sample(real, min(num_games, len(real))),
        "measured train": household_games("train", num_games, rooms="measured"),
        "measured unseen": household_games("unseen", num_games, rooms="measured"),
        "small unseen": household_games("unseen", num_games, rooms="small"),
    }


def _spread(values: Sequence[int]) -> str:
    measured = summary(values)
    return f"{measured['mean']:.2f} / {measured['p5']:.0f} / {measured['p95']:.0f}"


def _shares(steps: Sequence[int]) -> str:
    return " / ".join(f"{100 * sum(taken <= limit for taken in steps) / len(steps):.1f}" for limit in LIMITS)


def _table(
    title: str,
    names: Sequence[str],
    results: Mapping[str, Mapping[str, Sequence[int]]],
    shown: Callable[[Sequence[int]], str],
) -> str:
    lines = [f"{title:{_LABEL_WIDTH}}" + "".join(f"{column:>{_COLUMN_WIDTH}}" for column in results)]
    for name in (*names, ALL):
        cells = (shown(rows[name]) if rows.get(name) else "-" for rows in results.values())
        lines.append(f"  {name:{_LABEL_WIDTH - 2}}" + "".join(f"{cell:>{_COLUMN_WIDTH}}" for cell in cells))
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0, or 1 where ALFWorld's games are missing."""
    parser = argparse.ArgumentParser(description="Compare household games with ALFWorld's.")
    parser.add_argument("--games", type=int, default=600, metavar="N", help="games in each column")
    options = parser.parse_args(arguments)
    try:
        games = columns(options.games)
    except AlfworldEnvError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sized = {name: sizes(listed) for name, listed in games.items()}
    rooms = ("kitchen", "livingroom", "bedroom", "bathroom")
    for what in ("receptacles", "locations", "objects"):
        rows = {name: found[what] for name, found in sized.items()}
        sys.stdout.write(_table(f"{what}: mean / 5 % / 95 %", rooms, rows, _spread))
    lengths = {name: found["walkthrough"] for name, found in sized.items()}
    sys.stdout.write(_table("walkthrough: mean / 5 % / 95 %", tuple(TaskType), lengths, _spread))
    steps = {name: expert_steps(listed) for name, listed in games.items()}
    limits = " / ".join(map(str, LIMITS))
    sys.stdout.write(_table(f"expert wins in {limits} steps, %", tuple(TaskType), steps, _shares))
    return 0


if __name__ == "__main__":
    sys.exit(main())
