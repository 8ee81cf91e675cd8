"""Chance that depends on names only, so that a name says everything; knows nothing of rooms."""

import hashlib
import random
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate


def rng_of(*parts: object) -> random.Random:
    """A generator of its own for these parts, alike on every machine."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def deal(numbers: Mapping[int, int], hands: int, rng: random.Random) -> list[int]:
    """Give each of ``hands`` rooms a number, so that together they have the distribution of ``numbers``.

    Drawn like a shuffled deck of cards: how many rooms get a number differs from its share by less than one room.

    Args:
        numbers: How often each number was counted.
        hands: How many are drawn.
        rng: Decides the rounding and the order.
    """
    values = sorted(numbers)
    bounds = list(accumulate(numbers[value] for value in values))
    start = rng.random()
    dealt = [values[bisect_right(bounds, (hand + start) / hands * bounds[-1])] for hand in range(hands)]
    rng.shuffle(dealt)
    return dealt


def draw(numbers: Mapping[int, int], rng: random.Random) -> int:
    """One number, each as likely as it was counted."""
    return rng.choices(list(numbers), list(numbers.values()))[0]
