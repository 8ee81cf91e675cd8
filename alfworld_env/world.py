"""The changing part of a house: one immutable value a moment; knows no rules and no text."""

from collections.abc import Mapping
from dataclasses import dataclass

from alfworld_env.games import TaskType
from alfworld_env.problem import Problem

_MARK_OF_TASK = {
    TaskType.CLEAN_AND_PLACE: ("clean", "cleanable"),
    TaskType.HEAT_AND_PLACE: ("hot", "heatable"),
    TaskType.COOL_AND_PLACE: ("cool", "coolable"),
}


@dataclass(frozen=True)
class WorldState:
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


def goal_reached(problem: Problem, state: WorldState) -> bool:
    """Whether the game is won in this state."""
    goal = problem.goal
    if goal.task_type is TaskType.LOOK_IN_LIGHT:
        return _seen_in_light(problem, state)
    need = 2 if goal.task_type is TaskType.PICK_TWO else 1
    mark, ability = _MARK_OF_TASK.get(goal.task_type, (None, None))
    for receptacle, things in state.contents.items():
        if goal.receptacle_type not in problem.receptacle_types[receptacle]:
            continue
        wanted = {thing for thing in things if goal.object_type in problem.object_types.get(thing, ())}
        if mark is not None and ability is not None:
            wanted &= getattr(state, mark) & problem.flags[ability]
        if len(wanted) >= need:
            return True
    return False


def _seen_in_light(problem: Problem, state: WorldState) -> bool:
    goal = problem.goal
    if state.held is None or goal.object_type not in problem.object_types.get(state.held, ()):
        return False
    lit = state.toggled & problem.flags["toggleable"]
    return any(
        goal.lamp_type in problem.object_types.get(lamp, ())
        for receptacle in problem.receptacles_at.get(state.location, ())
        for lamp in state.contents[receptacle] & lit
    )
