"""Checks sets of games, and keeps them in one file; knows nothing of networks and experts."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast, get_args

from rich.table import Table

from alfworld_env import AlfworldEnv, Game, TaskType
from alfworld_env.distilled import list_distilled, write_distilled
from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import FileGame, Split, data_root, game_sets, published_size
from alfworld_env.problem import parse_problem
from interlat.cli.terminal import shown, table_console
from interlat.errors import GameDataNotFound, InvalidSetting

REQUIRED_SETS: tuple[Split, ...] = get_args(Split)
SHOWN_FAULTS = 5
WALKTHROUGH_LIMIT = 1000  # a walkthrough has about ten commands
_ADVICE = "interlat-data fetch --force gets all of them again"


def verify(root: Path | None) -> None:
    """Count games by set and task type, play every one by its walkthrough, and print the table.

    Args:
        root: data folder or distilled file; None takes ``ALFWORLD_DATA``.

    Raises:
        GameDataNotFound: a game cannot be read or is not won by its walkthrough, or a set is not as it was published. A
            distilled file may hold any sets.
    """
    place = data_root(root)
    sets = game_sets(place)
    began = time.perf_counter()
    wanting = [] if place.is_file() else [f"there is no {name} game" for name in REQUIRED_SETS if name not in sets]
    faults = [*wanting, *_odd_counts(sets), *_unplayable(sets)]
    table_console().print(_table(sets, place))
    if faults:
        more = f", and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise GameDataNotFound(
            f"{len(faults)} of the {_count(sets)} games and sets in {place} are not as published: "
            f"{'; '.join(faults[:SHOWN_FAULTS])}{more}. {_ADVICE}"
        )
    seconds = time.perf_counter() - began
    print(f"All {_count(sets)} games in {place} were won by their walkthroughs, in {seconds:.1f} s.")


def distil(out: Path, root: Path | None, splits: Sequence[str] | None, household: int | None) -> None:
    """Write games to one file, read it back, and print the sizes.

    Args:
        out: the file.
        root: where ALFWorld's games are; None takes ``ALFWORLD_DATA``.
        splits: which sets; None takes all there are.
        household: number of household games a split, in place of ALFWorld's.

    Raises:
        InvalidSetting: a number below 1, or a set that there is not.
        AlfworldEnvError: a game cannot be read or kept.
    """
    sets = _alfworld_sets(root, splits) if household is None else _household_sets(household, splits)
    write_distilled({name: shown(games, f"writing {name}") for name, games in sets.items()}, out)
    kept = list_distilled(out)
    for game in shown([game for games in kept.values() for game in games], "reading back"):
        parse_problem(game.load().problem)
    counts = ", ".join(f"{len(games)} {name}" for name, games in kept.items())
    before = [game.path.stat().st_size for games in sets.values() for game in games if isinstance(game, FileGame)]
    from_size = f" from {sum(before) / 1e6:.1f} MB" if before else ""
    print(f"{counts}: {out.stat().st_size / 1e6:.2f} MB{from_size} in {out}")
    print(f"Play them with: export ALFWORLD_DATA={out.absolute()}")


def _alfworld_sets(root: Path | None, splits: Sequence[str] | None) -> dict[str, list[Game]]:
    sets = game_sets(root)
    missing = [name for name in splits or () if name not in sets]
    if missing:
        raise InvalidSetting(f"there are no games of {', '.join(missing)}, but of {', '.join(sets)}; ask for these")
    return {name: games for name, games in sets.items() if splits is None or name in splits}


def _household_sets(count: int, splits: Sequence[str] | None) -> dict[str, list[Game]]:
    from alfworld_env import household_games

    odd = sorted(set(splits or ()) - set(REQUIRED_SETS))
    if count < 1 or odd:
        raise InvalidSetting(
            f"wanted --household of at least 1, and splits of {', '.join(REQUIRED_SETS)}; "
            f"got {count}{''.join(f', {name}' for name in odd)}"
        )
    return {name: list(household_games(cast(Split, name), count)) for name in splits or REQUIRED_SETS}


def _count(sets: dict[str, list[Game]]) -> int:
    return sum(map(len, sets.values()))


def _odd_counts(sets: dict[str, list[Game]]) -> Iterator[str]:
    for name, games in sets.items():
        published = published_size(name, games)
        if published is not None and len(games) != published:
            yield f"{name} has {len(games)} games, published are {published}"


def _unplayable(sets: dict[str, list[Game]]) -> Iterator[str]:
    for name, games in sets.items():
        for game in shown(games, f"playing {name}"):
            try:
                fault = _fault(game)
            except AlfworldEnvError as error:
                fault = str(error)
            if fault is not None:
                yield f"{game.game_id}: {fault}"


def _fault(game: Game) -> str | None:
    env = AlfworldEnv(game, max_steps=WALKTHROUGH_LIMIT)
    _, info = env.reset()
    if info["task_type"] != game.task_type:
        return f"its goal is {info['task_type']}, not {game.task_type}"
    for number, command in enumerate(info["walkthrough"], start=1):
        _, _, won, truncated, _ = env.step(command)
        if won and number == len(info["walkthrough"]):
            return None
        if won or truncated:
            return f"its walkthrough ends the game at step {number} of {len(info['walkthrough'])}"
    return "its walkthrough does not win it"


def _table(sets: dict[str, list[Game]], place: Path) -> Table:
    table = Table("task type", title=f"games in {place}", title_justify="left")
    counts = {name: Counter(game.task_type for game in games) for name, games in sets.items()}
    for name in sets:
        table.add_column(name, justify="right")
    for kind in TaskType:
        table.add_row(str(kind), *(str(count[kind]) for count in counts.values()))
    table.add_section()
    table.add_row("all", *(str(len(games)) for games in sets.values()))
    table.add_row("published", *(str(published_size(name, games) or "-") for name, games in sets.items()))
    return table
