"""Writes a plan in words from a walkthrough, for senders too small to make one up; knows nothing of models.

In ``view: house`` the writer may say where things are, because the sender sees it. In ``view: task`` it names kinds of
things only, because the sender cannot know more.
"""

import random
import re
from collections.abc import Sequence
from typing import Literal

_FIRST = ("First", "To begin,", "Start:", "Now")
_THEN = ("then", "next", "after that", "and then")


def write_plan(walkthrough: Sequence[str], view: Literal["task", "house"], seed: int | str = 0) -> str:
    """One sentence a visit: where to go and what to do there, in one of several wordings.

    Args:
        walkthrough: the commands that solve the game.
        view: what the sender sees.
        seed: chooses the wording.
    """
    rng = random.Random(seed)
    visits = _visits(walkthrough if view == "house" else [re.sub(r" \d+\b", "", step) for step in walkthrough])
    sentences = []
    for number, (place, deeds) in enumerate(visits):
        opener = "" if rng.random() < 0.5 else (rng.choice(_FIRST) if number == 0 else rng.choice(_THEN).capitalize())
        walk = f"go to {place}"
        body = ", ".join([walk, *deeds])
        sentences.append(f"{opener} {body}." if opener else f"{body[0].upper()}{body[1:]}.")
    return " ".join(sentences)


def _visits(walkthrough: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Group commands by the place where they happen, dropping the place from each."""
    visits: list[tuple[str, list[str]]] = []
    for command in walkthrough:
        if command.startswith("go to "):
            visits.append((command.removeprefix("go to "), []))
        elif visits:
            visits[-1][1].append(_deed(command))
    return visits


def _deed(command: str) -> str:
    """``take mug 2 from cabinet 3`` -> ``take mug 2``; ``open cabinet 3`` -> ``open it``."""
    if command.startswith(("open ", "close ")):
        return command.split(" ")[0] + " it"
    return re.split(r" (?:from|to|with) ", command)[0]
