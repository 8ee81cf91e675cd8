"""Who plays: the protocol every policy keeps, and policies that follow a script. Knows no model and no game."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from interlat.agents.account import AgentAccount


@dataclass(frozen=True)
class Opening:
    """What is known when an episode begins.

    Args:
        game_id: the game.
        task_type: its kind of task.
        task: the task sentence.
        observation: the first observation, which states room and task; without banner.
    """

    game_id: str
    task_type: str
    task: str
    observation: str


@dataclass(frozen=True)
class Decision:
    """What a policy answers to an observation.

    Args:
        text: the answer as it was given.
        action: the command in it; empty if there is none, which the game takes as a step that does nothing.
        num_tokens: tokens generated for it.
    """

    text: str
    action: str
    num_tokens: int


@runtime_checkable
class Policy(Protocol):
    """Plays a batch of episodes, one slot each."""

    def start(self, openings: Sequence[Opening]) -> None:
        """Begin a batch; whatever came before is forgotten."""

    def act(
        self, slots: Sequence[int], observations: Sequence[str], admissible: Sequence[Sequence[str]]
    ) -> list[Decision]:
        """Decide for the slots still running, in their order.

        Args:
            slots: indices into the openings that the batch began with.
            observations: the latest of each slot; at the first call its opening.
            admissible: the commands that would do something now; a policy that learns must not look.
        """

    def message_seconds(self, slot: int) -> float:
        """Time it took to make the message of a slot; 0 where there is none."""

    def accounts(self, slot: int) -> Sequence[AgentAccount]:
        """What each agent spent on the episode of a slot so far, in order; empty where nobody counts."""


Script = Callable[[str, Sequence[str]], str]
"""Gives the command for an observation and the admissible commands."""


class ScriptedPolicy:
    """Plays every episode by a script of its own.

    Args:
        make_script: begins a script for an opening.
    """

    def __init__(self, make_script: Callable[[Opening], Script]) -> None:
        self.make_script = make_script
        self._scripts: list[Script] = []

    def start(self, openings: Sequence[Opening]) -> None:
        """Begin one script a slot."""
        self._scripts = [self.make_script(opening) for opening in openings]

    def act(
        self, slots: Sequence[int], observations: Sequence[str], admissible: Sequence[Sequence[str]]
    ) -> list[Decision]:
        """Ask each slot's script."""
        seen = zip(slots, observations, admissible, strict=True)
        commands = [self._scripts[slot](observation, possible) for slot, observation, possible in seen]
        return [Decision(command, command, 0) for command in commands]

    def message_seconds(self, slot: int) -> float:
        """No message, no time."""
        return 0.0

    def accounts(self, slot: int) -> Sequence[AgentAccount]:
        """A script spends nothing that is counted."""
        return ()


def random_policy(seed: int) -> ScriptedPolicy:
    """Draws from the admissible commands; a game's draws depend on the seed and the game alone."""

    def make_script(opening: Opening) -> Script:
        rng = random.Random(f"random/{seed}/{opening.game_id}")
        return lambda observation, admissible: rng.choice(list(admissible))

    return ScriptedPolicy(make_script)


def walkthrough_policy(walkthrough_of: Callable[[str], Sequence[str]]) -> ScriptedPolicy:
    """Follows a solution that is known beforehand: an upper bound, and a check of the games.

    Args:
        walkthrough_of: gives the commands that solve a game, by its id.
    """

    def make_script(opening: Opening) -> Script:
        commands = iter(walkthrough_of(opening.game_id))
        return lambda observation, admissible: next(commands, "look")

    return ScriptedPolicy(make_script)
