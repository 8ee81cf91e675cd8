"""Reading what the game says: banner, task sentence, receptacles; knows no engine."""

import re

from alfworld_env.wording import BANNER, TASK_PREFIX

_SEEN = re.compile(r"you see (.*?)\.(?:\n|$)")
_PUT = re.compile(r"put (.+?) (?:in/on|in|on) (.+)", re.DOTALL)  # the dot takes all, or a long command takes minutes


def strip_banner(observation: str) -> str:
    """The first observation without its banner; any other observation as it is."""
    return observation.removeprefix(BANNER).lstrip("\n") if observation.startswith(BANNER) else observation


def parse_receptacles(intro: str) -> list[str]:
    """The receptacles a first observation lists, in its order.

    Raises:
        ValueError: The text is not a first observation.
    """
    seen = _SEEN.search(intro)
    if seen is None:
        raise ValueError(f"wanted a first observation ('... you see a bed 1, ...'), got {intro[:120]!r}")
    return [name.removeprefix("and ").removeprefix("a ") for name in seen.group(1).split(", ")]


def task_of(intro: str) -> str:
    """The task sentence of a first observation.

    Raises:
        ValueError: The text names no task.
    """
    _, found, task = intro.partition(TASK_PREFIX)
    if not found:
        raise ValueError(f"wanted a first observation with {TASK_PREFIX!r}, got {intro[-120:]!r}")
    return task.strip()


def canonical_command(command: str) -> str:
    """The games' own wording of a command: papers write `put X in/on Y` where these games say `move X to Y`."""
    command = command.strip()
    put = _PUT.fullmatch(command)
    return command if put is None else f"move {put.group(1)} to {put.group(2)}"
