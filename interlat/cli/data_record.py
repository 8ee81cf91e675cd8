"""Records an expert playing many games, and sums up how often it wins; knows nothing of training."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rich.table import Table

from alfworld_env import Game, Split, TaskType
from alfworld_env.search import Search
from alfworld_env.trajectories import Trajectory, record_expert, record_walkthrough
from alfworld_env.trajectory_file import Form, write_trajectories
from interlat.cli.terminal import shown, table_console
from interlat.data.games import EnvName, games_named
from interlat.errors import InvalidSetting

Policy: TypeAlias = Literal["expert", "walkthrough"]
STEP_LIMITS = (20, 30, 50)  # the limits papers give results for
ALL = "all"


@dataclass(frozen=True)
class RecordSettings:
    """What is recorded.

    Args:
        out: the file.
        env: whose games.
        split: which of them.
        policy: who plays: one that has to search, or one that knows the way.
        form: with thoughts or without.
        max_steps: commands allowed to the expert; a walkthrough has ten at most.
        seed: of the expert.
        games: how many; None takes all.
        won_only: whether games that were not won are left out of the file.
        search: what the expert knows of where things usually are.
    """

    out: Path
    env: EnvName = "alfworld"
    split: Split = "train"
    policy: Policy = "expert"
    form: Form = "react"
    max_steps: int = 50
    seed: int = 0
    games: int | None = None
    won_only: bool = False
    search: Search = "common-sense"

    def __post_init__(self) -> None:
        if self.max_steps < 1 or (self.games is not None and self.games < 1):
            raise InvalidSetting(f"--max-steps and --games must be at least 1, got {self.max_steps} and {self.games}")


def record(settings: RecordSettings) -> None:
    """Play, write one JSON line a game, and print how often it was won within 20, 30 and 50 steps.

    Raises:
        GameDataNotFound: ALFWorld's games are asked for and are not there.
        InvalidSetting: there are fewer games than asked for.
    """
    games = _games(settings)
    taken: dict[str, list[int | None]] = defaultdict(list)
    write_trajectories(_played(games, settings, taken), settings.out, settings.form)
    table_console().print(_table(taken, settings))
    lost = taken[ALL].count(None)
    kept = len(games) - lost if settings.won_only else len(games)
    print(f"{kept} games in {settings.out}, {lost} not won{' left out' if settings.won_only else ''}")


def _games(settings: RecordSettings) -> Sequence[Game]:
    games: Sequence[Game] = games_named(settings.env).games(settings.split, settings.games)
    if settings.games is not None and len(games) < settings.games:
        raise InvalidSetting(
            f"--games {settings.games} is more than the {len(games)} games of {settings.env} {settings.split}"
        )
    return games


def _played(
    games: Sequence[Game], settings: RecordSettings, taken: dict[str, list[int | None]]
) -> Iterator[Trajectory]:
    """The recordings to keep; the steps each game took are added to ``taken``, None where it was not won."""
    for played in (_play(game, settings) for game in shown(games, "recording")):
        steps = len(played.turns) if played.won else None
        taken[played.task_type].append(steps)
        taken[ALL].append(steps)
        if played.won or not settings.won_only:
            yield played


def _play(game: Game, settings: RecordSettings) -> Trajectory:
    if settings.policy == "expert":
        return record_expert(game, settings.seed, settings.max_steps, settings.search)
    return record_walkthrough(game, settings.seed)


def _table(taken: dict[str, list[int | None]], settings: RecordSettings) -> Table:
    limits = [limit for limit in STEP_LIMITS if limit < settings.max_steps] + [settings.max_steps]
    title = f"{settings.policy} on {settings.env} {settings.split}, % won within so many steps"
    table = Table("task type", title=title, title_justify="left")
    for heading in ("games", *map(str, limits), "mean steps when won"):
        table.add_column(heading, justify="right")
    for kind in (*TaskType, ALL):
        steps = taken.get(kind, [])
        won = [number for number in steps if number is not None]
        shares = [
            f"{100 * sum(number <= limit for number in won) / len(steps):.1f}" if steps else "-" for limit in limits
        ]
        table.add_row(str(kind), str(len(steps)), *shares, f"{sum(won) / len(won):.1f}" if won else "-")
    return table
