"""How long work shows that it goes on: a function that hands items through. Knows no terminal."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

Item = TypeVar("Item")


@runtime_checkable
class Shown(Protocol):
    """Goes through items and shows how far it is."""

    def __call__(self, items: Sequence[Item], doing: str, /) -> Iterable[Item]:
        """The items, in order.

        Args:
            items: what is gone through.
            doing: what is done with them, in a word or two.
        """


def silently(items: Sequence[Item], doing: str, /) -> Iterable[Item]:
    """Show nothing."""
    return items


def batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """The items in runs of ``size``, the last one shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]
