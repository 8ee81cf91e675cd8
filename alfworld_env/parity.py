"""Compare the native engine with the reference, step by step: `python -m alfworld_env.parity --games 20 --steps 60`.

Every game is played twice: its walkthrough, and a seeded random walk of admissible and inadmissible commands. After
every step the observation, the admissible commands and whether the goal holds are compared.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from typing import get_args

from alfworld_env.engine import NativeEngine
from alfworld_env.games import Game, GameData, Split, list_games
from alfworld_env.textworld_backend import TextworldEngine

NONSENSE = ("go to nowhere 1", "open", "take everything", "", "LOOK", " look ", "put mug 1 in/on desk 1")
SHARE_NONSENSE = 0.05
SHARE_REPEATED = 0.15


def differences(data: GameData, steps: int, seed: int) -> Iterator[str]:
    """Every difference between the two engines on one game, over its walkthrough and then a random walk.

    Args:
        data: The game.
        steps: Length of the random walk.
        seed: Seed of the random walk.
    """
    native, reference = NativeEngine(data), TextworldEngine(data)
    rng = random.Random(seed)
    yield from _compare("reset", native.reset(), reference.reset(), native, reference)
    for command in data.walkthrough:
        yield from _both(command, native, reference)
    native.reset()
    reference.reset()
    seen: list[str] = []
    for _ in range(steps):
        seen += reference.admissible_commands()
        yield from _both(_draw(rng, reference.admissible_commands(), seen), native, reference)
    reference.close()


def _draw(rng: random.Random, admissible: Sequence[str], seen: Sequence[str]) -> str:
    # What was possible earlier is often impossible now: the refusals worth testing.
    chance = rng.random()
    if chance < SHARE_NONSENSE:
        return rng.choice(NONSENSE)
    return rng.choice(seen if chance < SHARE_NONSENSE + SHARE_REPEATED else admissible)


def _both(command: str, native: NativeEngine, reference: TextworldEngine) -> Iterator[str]:
    yield from _compare(repr(command), native.step(command), reference.step(command), native, reference)


def _compare(where: str, got: str, wanted: str, native: NativeEngine, reference: TextworldEngine) -> Iterator[str]:
    if got != wanted:
        yield f"{where}: native says {got!r}, textworld {wanted!r}"
    ours, theirs = native.admissible_commands(), reference.admissible_commands()
    if ours != theirs:
        yield f"{where}: only one engine admits {sorted(set(ours) ^ set(theirs))}"
    if native.won != reference.won:
        yield f"{where}: won is {native.won} natively, {reference.won} in textworld"


def sample_games(
    num_games: int, num_household: int, seed: int, splits: Sequence[Split] = get_args(Split)
) -> list[Game]:
    """ALFWorld's games drawn from these splits together, then household games."""
    games: list[Game] = []
    if num_games:
        everything = [game for split in splits for game in list_games(split)]
        games += random.Random(seed).sample(everything, min(num_games, len(everything)))
    if num_household:
        from alfworld_env.household import household_games

        games += household_games("unseen", num_household, seed)
    return games


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every difference; 0 where there is none, else 1."""
    parser = argparse.ArgumentParser(description="Compare the native engine with textworld.")
    parser.add_argument("--games", type=int, default=20, help="ALFWorld's games, drawn from the splits")
    parser.add_argument("--splits", nargs="+", choices=get_args(Split), default=get_args(Split))
    parser.add_argument("--steps", type=int, default=60, help="random steps in each game, after its walkthrough")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--household", type=int, default=0, metavar="N", help="household games")
    options = parser.parse_args(arguments)
    games = sample_games(options.games, options.household, options.seed, options.splits)
    num_differences = 0
    for number, game in enumerate(games):
        for difference in differences(game.load(), options.steps, options.seed + number):
            num_differences += 1
            print(f"{game.game_id}: {difference}")
    print(f"{len(games)} games, walkthrough and {options.steps} random steps each: {num_differences} differences")
    return 1 if num_differences else 0


if __name__ == "__main__":
    sys.exit(main())
