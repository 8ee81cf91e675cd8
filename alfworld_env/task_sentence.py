"""Reads a task sentence as a player does; knows no engine."""

import re
from dataclasses import dataclass
from typing import Literal

Deed = Literal["place", "two", "clean", "heat", "cool", "look"]
_FORMS: tuple[tuple[str, Deed], ...] = (
    (r"look at ([a-z]+) under the ([a-z]+)", "look"),
    (r"examine the ([a-z]+) with the ([a-z]+)", "look"),
    (r"put two ([a-z]+) (?:in|on) ([a-z]+)", "two"),
    (r"find two ([a-z]+) and put them (?:in|on) ([a-z]+)", "two"),
    (r"put a clean ([a-z]+) (?:in|on) ([a-z]+)", "clean"),
    (r"clean some ([a-z]+) and put it (?:in|on) ([a-z]+)", "clean"),
    (r"put a hot ([a-z]+) (?:in|on) ([a-z]+)", "heat"),
    (r"heat some ([a-z]+) and put it (?:in|on) ([a-z]+)", "heat"),
    (r"put a cool ([a-z]+) (?:in|on) ([a-z]+)", "cool"),
    (r"cool some ([a-z]+) and put it (?:in|on) ([a-z]+)", "cool"),
    (r"put (?:an?|some) ([a-z]+) (?:in|on) ([a-z]+)", "place"),
)


@dataclass(frozen=True)
class Assignment:
    """What a task sentence asks for.

    Attributes:
        deed: What has to be done.
        thing: Kind of the object.
        target: Kind of the receptacle it ends in; the lamp for ``look``.
    """

    deed: Deed
    thing: str
    target: str


def parse_task(sentence: str) -> Assignment:
    """What a task sentence asks for.

    Raises:
        ValueError: The sentence is in none of ALFWorld's forms.
    """
    for form, deed in _FORMS:
        found = re.fullmatch(rf"{form}\.?", sentence.strip())
        if found:
            return Assignment(deed, found.group(1), found.group(2))
    raise ValueError(
        f"wanted a task sentence in one of ALFWorld's forms, such as 'put a hot mug in fridge.', got {sentence!r}"
    )
