"""Recorded games in ReAct form: a thought, an action and the observation after it; knows no model."""

import random
from dataclasses import dataclass
from typing import Literal

from alfworld_env.env import AlfworldEnv
from alfworld_env.expert import ExploringExpert
from alfworld_env.games import Game, Split
from alfworld_env.observation import strip_banner
from alfworld_env.search import Search

_INTENTIONS = ("Next: {0}.", "Now I {0}.", "The next step is to {0}.", "I {0}.")


@dataclass(frozen=True)
class Turn:
    """One step of a game.

    Attributes:
        thought: Why; says nothing that has not been seen.
        action: The command.
        observation: The answer to it.
    """

    thought: str
    action: str
    observation: str


@dataclass(frozen=True)
class Trajectory:
    """One game played to its end or to a step limit.

    Attributes:
        game_id: The game.
        split: Its split.
        task_type: Its kind of task.
        task: The task sentence.
        opening: The first observation, without the banner.
        turns: The steps.
        won: Whether the goal was reached.
        source: Who played.
    """

    game_id: str
    split: Split
    task_type: str
    task: str
    opening: str
    turns: tuple[Turn, ...]
    won: bool
    source: Literal["walkthrough", "expert", "eto"]


def record_walkthrough(game: Game, seed: int = 0) -> Trajectory:
    """Play a game by its walkthrough. Thoughts state the intention only: a walkthrough knows more than it has seen."""
    env = AlfworldEnv(game, max_steps=1000)
    opening, info = env.reset()
    rng = random.Random(f"walkthrough/{seed}/{game.game_id}")
    turns = []
    won = False
    for command in info["walkthrough"]:
        observation, _, won, _, _ = env.step(command)
        turns.append(Turn(rng.choice(_INTENTIONS).format(command), command, observation))
    return _trajectory(game, info["task"], opening, turns, won, "walkthrough")


def record_expert(game: Game, seed: int = 0, max_steps: int = 50, search: Search = "common-sense") -> Trajectory:
    """Play a game by the exploring expert, which searches as `search.next_place` says."""
    env = AlfworldEnv(game, max_steps=max_steps)
    opening, info = env.reset()
    expert = ExploringExpert(opening, seed, search)
    observation, turns = opening, []
    won = truncated = False
    while not (won or truncated):
        step = expert.act(observation, info["admissible_commands"])
        observation, _, won, truncated, info = env.step(step.command)
        turns.append(Turn(step.thought, step.command, observation))
    return _trajectory(game, info["task"], opening, turns, won, "expert")


def _trajectory(
    game: Game, task: str, opening: str, turns: list[Turn], won: bool, source: Literal["walkthrough", "expert"]
) -> Trajectory:
    return Trajectory(
        game.game_id, game.split, str(game.task_type), task, strip_banner(opening), tuple(turns), won, source
    )
