"""`python -m alfworld_env.checker`: check this library's own environments, game by game."""

import argparse
import random
import sys
from collections.abc import Sequence
from functools import partial
from typing import get_args

from rich.console import Console

from alfworld_env.checker.answers import ContractBroken
from alfworld_env.checker.episodes import check_env
from alfworld_env.env import AlfworldEnv, EngineName
from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import Game, Split, list_games


def main(arguments: Sequence[str] | None = None) -> int:
    """Check games and say what is broken: 0 where nothing is, 1 where something is, 2 where there are no games."""
    parser = argparse.ArgumentParser(
        prog="python -m alfworld_env.checker", description="Check the environment's contract."
    )
    parser.add_argument("--env", choices=("household", "alfworld"), default="household", help="whose games to play")
    parser.add_argument("--engine", choices=get_args(EngineName), default="native", help="what plays them")
    parser.add_argument("--split", choices=get_args(Split), default="unseen")
    parser.add_argument("--games", type=int, default=6, help="how many")
    parser.add_argument("--steps", type=int, default=12, help="length of the episode that is repeated")
    parser.add_argument("--max-steps", type=int, default=20, help="step limit of the environments")
    parser.add_argument("--seed", type=int, default=0, help="which games")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        games = _games(options.env, options.split, options.games, options.seed)
    except AlfworldEnvError as error:
        console.print(str(error))
        return 2
    num_broken = 0
    for game in games:
        try:
            check_env(partial(AlfworldEnv, game, options.engine, options.max_steps), options.steps)
        except ContractBroken as error:
            num_broken += 1
            console.print(f"{game.game_id}: {error}")
    told = "the contract holds" if not num_broken else f"{num_broken} break the contract"
    console.print(f"{len(games)} {options.env} games on the {options.engine} engine: {told}")
    return 1 if num_broken else 0


def _games(env: str, split: Split, count: int, seed: int) -> list[Game]:
    if env == "household":
        from alfworld_env.household import household_games

        return list(household_games(split, count, seed))
    games = list_games(split)
    return random.Random(seed).sample(games, min(count, len(games)))


if __name__ == "__main__":
    sys.exit(main())
