"""Compares many games, here or in processes of their own; knows no file and no table."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context

from alfworld_env.errors import GameDataNotFound, InvalidGame
from alfworld_env.parity.comparison import Comparison, compare_game
from alfworld_env.parity.records import GameRecord, versions
from alfworld_env.parity.selection import Selected


def compare_games(selected: Sequence[Selected], steps: int, seed: int, jobs: int) -> Iterator[GameRecord]:
    """Compare games one after another, or several at once, giving each record as soon as it is made.

    Args:
        selected: The games.
        steps: Length of each random walk.
        seed: The walk of a game depends on it and on the game's name, on nothing else.
        jobs: Processes; with one, everything is done in this process and in order.

    Raises:
        EngineUnavailable: TextWorld is not installed.
        BrokenProcessPool: A process ended by itself.
    """
    compare = partial(_compared, steps=steps, seed=seed)
    if jobs <= 1:
        yield from map(compare, selected)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        for future in as_completed([pool.submit(compare, one) for one in selected]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # stopped half way, what has not begun is given up


def _compared(selected: Selected, steps: int, seed: int) -> GameRecord:
    kind, game = selected
    begun = time.perf_counter()
    try:
        found = compare_game(game.load(), steps, f"{seed} {game.game_id}")
    except (GameDataNotFound, InvalidGame) as error:
        found = Comparison(differences=[f"reading: raises {type(error).__name__}: {error}"])
    return GameRecord(
        kind=kind,
        game_id=game.game_id,
        task_type=str(game.task_type),
        steps=steps,
        seed=seed,
        walkthrough_steps=found.walkthrough_steps,
        random_steps=found.random_steps,
        verbs=dict(found.verbs),
        differences=found.differences,
        seconds=round(time.perf_counter() - begun, 3),
        versions=versions(),
    )
