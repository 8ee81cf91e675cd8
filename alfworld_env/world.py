"""The changing part of a house: one immutable value a moment; knows no rules and no text."""

from collections.abc import Mapping
from typing import NamedTuple

from alfworld_env.problem import Problem


class WorldState(NamedTuple):
    """Where everything is. Replaced, never changed, so that keeping one is a snapshot.

    Attributes:
        location: Where the agent stands.
        held: The object in hand.
        contents: What each receptacle holds.
        object_places: (object, location) pairs.
        taken_out: (object, receptacle) pairs of objects taken out and not put back; `look` mentions some of them.
        opened: Receptacles now open.
        clean: Objects that were cleaned; `hot`, `cool`, `sliced` and `toggled` likewise.
    """

    location: str
    held: str | None
    contents: Mapping[str, frozenset[str]]
    object_places: frozenset[tuple[str, str]]
    taken_out: frozenset[tuple[str, str]]
    opened: frozenset[str]
    clean: frozenset[str]
    hot: frozenset[str]
    cool: frozenset[str]
    sliced: frozenset[str]
    toggled: frozenset[str]


def initial_state(problem: Problem) -> WorldState:
    """The house before the first command."""
    return WorldState(
        location=problem.start,
        held=None,
        contents=problem.contents,
        object_places=problem.object_places,
        taken_out=frozenset(),
        opened=problem.flags["opened"],
        clean=problem.flags["isclean"],
        hot=problem.flags["ishot"],
        cool=problem.flags["iscool"],
        sliced=problem.flags["issliced"],
        toggled=problem.flags["istoggled"],
    )
