"""What wins a game: the six goal shapes ALFWorld writes in PDDL, as data; knows no state."""

import re
from dataclasses import dataclass

from alfworld_env.errors import InvalidGame
from alfworld_env.games import TaskType

_LITERAL = re.compile(r"\(\s*([\w=]+)\s+([^()]+?)\s*\)")
_TASK_OF_PROPERTY = {
    "isclean": TaskType.CLEAN_AND_PLACE,
    "ishot": TaskType.HEAT_AND_PLACE,
    "iscool": TaskType.COOL_AND_PLACE,
}
_KNOWN = {"objecttype", "receptacletype", "inreceptacle", "receptacleatlocation", "atlocation", "holds", "="} | {
    "toggleable",
    "istoggled",
    "cleanable",
    "heatable",
    "coolable",
    *_TASK_OF_PROPERTY,
}


@dataclass(frozen=True)
class Goal:
    """The condition that wins a game; types are lower case and end in "type", as the problem writes them.

    Attributes:
        task_type: Which of the six shapes it is.
        object_type: The kind of object wanted.
        receptacle_type: Where it must be; None for the look-in-light task, where it must be held.
        lamp_type: The kind of lamp to be switched on beside the agent; None for all other tasks.
    """

    task_type: TaskType
    object_type: str
    receptacle_type: str | None = None
    lamp_type: str | None = None


def parse_goal(text: str) -> Goal:
    """Recognise the goal section of a problem.

    Args:
        text: The section from `(:goal` on, in lower case.

    Raises:
        InvalidGame: It is none of the six shapes.
    """
    literals = [(name, args.split()) for name, args in _LITERAL.findall(text)]
    types = {args[0]: args[1] for name, args in literals if name == "objecttype"}
    receptacles = {args[1] for name, args in literals if name == "receptacletype"}
    names = {name for name, _ in literals}
    if names <= _KNOWN | {"or"} and "istoggled" in names and not receptacles:
        return _look_goal(literals, types)
    if not names <= _KNOWN or len(receptacles) != 1 or len(set(types.values())) != 1:
        raise _unknown(text)
    properties = [name for name in _TASK_OF_PROPERTY if name in names]
    two = len(types) == 2 and "=" in names
    if len(properties) + two > 1 or (len(types) == 2 and not two):
        raise _unknown(text)
    kind = TaskType.PICK_TWO if two else _TASK_OF_PROPERTY[properties[0]] if properties else TaskType.PICK_AND_PLACE
    return Goal(kind, next(iter(types.values())), receptacles.pop())


def _look_goal(literals: list[tuple[str, list[str]]], types: dict[str, str]) -> Goal:
    lamps = {args[0] for name, args in literals if name == "istoggled"}
    held = {args[-1] for name, args in literals if name == "holds"}
    if len(lamps) != 1 or len(held) != 1 or not lamps | held <= set(types):
        raise _unknown(str(literals))
    return Goal(TaskType.LOOK_IN_LIGHT, types[held.pop()], None, types[lamps.pop()])


def _unknown(text: str) -> InvalidGame:
    wanted = "one of ALFWorld's six goals (place, clean, heat, cool, two, look in light)"
    return InvalidGame(f"wanted {wanted}, got: {' '.join(text.split())[:400]}")
