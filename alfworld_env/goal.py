"""What wins a game: the six goal shapes ALFWorld writes in PDDL, as data; knows no state.

A goal is read for what it means: its quantifiers and conjunctions are flattened, its variables renamed apart, and what
is left is compared, as a set, with each of the six shapes. So order, nesting, names, case and spacing do not matter,
and a goal that asks for anything more or less is refused rather than misread.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from alfworld_env.errors import InvalidGame
from alfworld_env.games import TaskType

Expression: TypeAlias = "str | list[Expression]"
Literal: TypeAlias = tuple[str, ...]

_TOKEN = re.compile(r"[()]|[^\s()]+")
_COMMENT = re.compile(r";[^\n]*")
_MAX_DEPTH = 32  # ALFWorld's deepest goal has 9 levels; a bound keeps hostile text from exhausting the stack
_TREATMENTS = {
    TaskType.CLEAN_AND_PLACE: ("cleanable", "isclean"),
    TaskType.HEAT_AND_PLACE: ("heatable", "ishot"),
    TaskType.COOL_AND_PLACE: ("coolable", "iscool"),
}
_AGENT = "?agent"


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
        text: The problem from `(:goal` on, in any case. A metric and the parenthesis that ends the problem may follow.

    Raises:
        InvalidGame: It is none of the six shapes, or its parentheses do not match.
    """
    text = without_comments(text).lower()
    sections = _expressions(text)
    match sections:
        case [[":goal", condition], *others] if all(other[0] == ":metric" for other in others):
            literals = set(_literals(condition, {}, iter(range(len(text)))))
        case _:
            raise _unknown(text)
    goal = _placing_goal(literals) or _looking_goal(literals)
    if goal is None:
        raise _unknown(text)
    return goal


def without_comments(text: str) -> str:
    """PDDL text without its comments, which run from a semicolon to the end of the line."""
    return _COMMENT.sub("", text) if ";" in text else text


def _expressions(text: str) -> list[Expression]:
    """The expressions one after the other; one closing parenthesis too many may end the text."""
    stack: list[list[Expression]] = [[]]
    ended = False
    for token in _TOKEN.findall(text):
        if ended or len(stack) > _MAX_DEPTH:
            raise _unknown(text)
        if token == "(":
            stack.append([])
        elif token != ")":
            stack[-1].append(token)
        elif len(stack) > 1:
            done = stack.pop()
            stack[-1].append(done or ["and"])
        else:
            ended = True
    if len(stack) > 1:
        raise _unknown(text)
    return stack[0]


def _literals(expression: Expression, scope: Mapping[str, str], fresh: Iterator[int]) -> Iterator[Literal]:
    """What must hold, with every variable renamed apart and its kind told by a literal of its own.

    Args:
        expression: A condition.
        scope: The new name of every variable it may speak of. All agents are one: a game has a single agent.
        fresh: Numbers not used before.
    """
    match expression:
        case ["and", *parts]:
            for part in parts:
                yield from _literals(part, scope, fresh)
        case ["exists", [*variables], body]:
            inner = dict(scope)
            for variable, kind in _declared(variables):
                inner[variable] = _AGENT if kind == "agent" else f"?{kind}-{next(fresh)}"
            yield from _literals(body, inner, fresh)
        case ["not", ["=", str(one), str(other)]]:
            yield ("differ", *sorted((_resolved(one, scope), _resolved(other, scope))))
        case [str(name), *arguments]:
            yield (name, *(_resolved(argument, scope) for argument in arguments))
        case _:
            raise _unknown(str(expression))


def _declared(tokens: list[Expression]) -> Iterator[tuple[str, str]]:
    """(variable, kind) of a typed list such as `?a ?b - object`; what has no kind is an object, as in PDDL."""
    waiting: list[str] = []
    rest = iter(tokens)
    for token in rest:
        if token == "-":
            kind = next(rest, None)
            if not isinstance(kind, str):
                raise _unknown(str(tokens))
            yield from ((variable, kind) for variable in waiting)
            waiting = []
        elif isinstance(token, str) and token.startswith("?"):
            waiting.append(token)
        else:
            raise _unknown(str(tokens))
    yield from ((variable, "object") for variable in waiting)


def _resolved(argument: Expression, scope: Mapping[str, str]) -> str:
    if not isinstance(argument, str) or (argument.startswith("?") and argument not in scope):
        raise _unknown(str(argument))
    return scope.get(argument, argument)


def _kinds(literals: set[Literal], predicate: str, variable: str) -> dict[str, str]:
    """What a predicate says of variables of a kind, such as the types of objects."""
    found = (literal[1:] for literal in literals if literal[0] == predicate and len(literal) == 3)
    return {one: kind for one, kind in found if one.startswith(f"?{variable}-") and not kind.startswith("?")}


def _placing_goal(literals: set[Literal]) -> Goal | None:
    things, places = _kinds(literals, "objecttype", "object"), _kinds(literals, "receptacletype", "receptacle")
    if len(things) not in (1, 2) or len(places) != 1 or len(set(things.values())) != 1:
        return None
    (place, receptacle_type), object_type = places.popitem(), next(iter(things.values()))
    wanted: set[Literal] = {("receptacletype", place, receptacle_type)}
    for thing in things:
        wanted |= {("objecttype", thing, object_type), ("inreceptacle", thing, place)}
    if len(things) == 2:
        shapes = {TaskType.PICK_TWO: wanted | {("differ", *sorted(things))}}
    else:
        shapes = {TaskType.PICK_AND_PLACE: wanted}
        for task_type, marks in _TREATMENTS.items():
            shapes[task_type] = wanted | {(mark, thing) for mark in marks for thing in things}
    found = [task_type for task_type, shape in shapes.items() if shape == literals]
    return Goal(found[0], object_type, receptacle_type) if found else None


def _looking_goal(literals: set[Literal]) -> Goal | None:
    things = _kinds(literals, "objecttype", "object")
    held = {literal[2] for literal in literals if literal[:2] == ("holds", _AGENT) and len(literal) == 3}
    spots = [literal[1:] for literal in literals if literal[0] == "receptacleatlocation" and len(literal) == 3]
    if len(things) != 2 or len(held) != 1 or not held <= set(things) or len(spots) != 1:
        return None
    thing, (place, spot) = held.pop(), spots[0]
    lamp = next(other for other in things if other != thing)
    if not (place.startswith("?receptacle-") and spot.startswith("?location-")):
        return None
    shape: set[Literal] = {
        ("objecttype", thing, things[thing]),
        ("holds", _AGENT, thing),
        ("objecttype", lamp, things[lamp]),
        ("toggleable", lamp),
        ("istoggled", lamp),
        ("inreceptacle", lamp, place),
        ("receptacleatlocation", place, spot),
        ("atlocation", _AGENT, spot),
    }
    return Goal(TaskType.LOOK_IN_LIGHT, things[thing], None, things[lamp]) if shape == literals else None


def _unknown(text: str) -> InvalidGame:
    wanted = "one of ALFWorld's six goals (place, clean, heat, cool, two, look in light)"
    return InvalidGame(f"wanted {wanted}, got: {' '.join(text[:1000].split())[:400]}; is the file cut short?")
