"""Writes a PDDL problem small and builds it again; knows nothing of games, files or engines.

A problem of ALFWorld spells every id of 30 letters out five times or more. Here each thing is named once, beside a number for
the facts that all things of its sort share and numbers for the things it is related to. What comes back is the problem in
one canonical form: lower case, facts sorted and said once, and only those objects declared that a fact or the goal names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alfworld_env.errors import InvalidGame
from alfworld_env.goal import without_comments
from alfworld_env.problem import parse_problem

_LITERAL = re.compile(r"\(\s*+(\w++)\s++([^()]*+)\)")
_INIT = re.compile(r"\(\s*:init\b")
_GOAL = re.compile(r"\(\s*:goal\b")
_OBJECT_FLAGS = "pickupable moveable cleanable heatable coolable sliceable toggleable isreceptacleobject ison"
_OBJECT_STATES = "isclean ishot iscool issliced istoggled"
_ARGUMENT_TYPES: Mapping[str, tuple[str, ...]] = {
    "atlocation": ("agent", "location"),
    "holds": ("agent", "object"),
    "receptacleatlocation": ("receptacle", "location"),
    "objectatlocation": ("object", "location"),
    "inreceptacle": ("object", "receptacle"),
    "inreceptacleobject": ("object", "object"),
    "receptacletype": ("receptacle", "rtype"),
    "objecttype": ("object", "otype"),
    "cancontain": ("rtype", "otype"),
    "openable": ("receptacle",),
    "opened": ("receptacle",),
    **dict.fromkeys((*_OBJECT_FLAGS.split(), *_OBJECT_STATES.split()), ("object",)),
}
"""The type of each argument of each predicate, as ALFWorld's domain declares them."""


@dataclass(frozen=True)
class Thing:
    """One thing of a problem: an object, a receptacle or a location.

    Attributes:
        name: Its id.
        pddl_type: What it is declared as.
        kind: The facts that begin with it, one a line; "(0)" stands for it and "(1)", "(2)" for what it is related to.
        related: Positions, in the problem's things, of what "(1)", "(2)" stand for.
    """

    name: str
    pddl_type: str
    kind: str
    related: tuple[int, ...]


@dataclass(frozen=True)
class CompactProblem:
    """A problem with nothing said twice.

    Attributes:
        things: Everything with a place of its own, by type and then by name.
        fixed: The facts that name none of them, such as what may be put where, one a line.
        constants: Declarations of what is not a thing: the agent and the types.
        goal: The problem from `(:goal` to its end.
    """

    things: tuple[Thing, ...]
    fixed: str
    constants: str
    goal: str

    def text(self) -> str:
        """The problem in canonical form."""
        declared = [self.constants] if self.constants else []
        facts = [self.fixed] if self.fixed else []
        for thing in self.things:
            declared.append(f"{thing.name} - {thing.pddl_type}")
            kind = thing.kind.replace("(0)", thing.name)
            for number, position in enumerate(thing.related, start=1):
                kind = kind.replace(f"({number})", self.things[position].name)
            if kind:
                facts.append(kind)
        objects, init = "\n".join(declared), "\n".join(facts)
        return f"(define (problem game)\n(:domain alfred)\n(:objects\n{objects}\n)\n(:init\n{init}\n)\n{self.goal}\n"


def compact_problem(text: str) -> CompactProblem:
    """Write a problem small.

    Args:
        text: A problem in the form ALFWorld writes it.

    Raises:
        InvalidGame: It is no problem of ALFWorld's domain, or its canonical form would not be the same house and goal.
    """
    problem = parse_problem(text)
    plain = without_comments(text).lower()
    _, init = _INIT.split(plain, maxsplit=1)
    start = _goal_of(init)
    facts, conditions = _literals(init[:start]), _literals(init[start:])
    compact = _compact(facts, _types(facts | conditions), " ".join(init[start:].split()))
    if parse_problem(compact.text()) != problem:
        raise InvalidGame("the problem cannot be written small without changing it; keep this game as a file")
    return compact


def _goal_of(text: str) -> int:
    found = _GOAL.search(text)
    return found.start() if found else len(text)


def _literals(text: str) -> set[tuple[str, ...]]:
    return {(name, *arguments.split()) for name, arguments in _LITERAL.findall(text)}


def _types(literals: Iterable[tuple[str, ...]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for name, *arguments in sorted(literals):
        for argument, kind in zip(arguments, _ARGUMENT_TYPES.get(name, ()), strict=False):
            if not argument.startswith("?"):
                types.setdefault(argument, kind)
    return types


def _compact(facts: set[tuple[str, ...]], types: Mapping[str, str], goal: str) -> CompactProblem:
    names = sorted((name for name in types if "_bar_" in name), key=lambda name: (types[name], name))
    position = {name: number for number, name in enumerate(names)}
    kinds: dict[str, list[str]] = {name: [] for name in names}
    related: dict[str, list[int]] = {name: [] for name in names}
    fixed = []
    for fact in sorted(facts):
        subject = next((argument for argument in fact[1:] if argument in position), None)
        words = list(fact)
        if subject is None:
            fixed.append(f"({' '.join(words)})")
            continue
        first = words.index(subject, 1)
        words[first] = "(0)"
        for place in range(first + 1, len(words)):
            if words[place] in position:
                related[subject].append(position[words[place]])
                words[place] = f"({len(related[subject])})"
        kinds[subject].append(f"({' '.join(words)})")
    things = tuple(Thing(name, types[name], "\n".join(kinds[name]), tuple(related[name])) for name in names)
    constants = [f"{name} - {kind}" for name, kind in sorted(types.items()) if name not in position]
    return CompactProblem(things, "\n".join(fixed), "\n".join(constants), goal)
