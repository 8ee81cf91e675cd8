"""What a PDDL problem says about a house, as plain data; knows nothing of how the house changes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alfworld_env.errors import InvalidGame
from alfworld_env.goal import Goal, parse_goal, without_comments

_INIT = re.compile(r"\(\s*:init\b")
_GOAL = re.compile(r"\(\s*:goal\b")
_FACT = re.compile(r"\(\s*+(\w++)\s++([^()]*+)\)")
_COST = re.compile(r"\(\s*=\s*\(\s*total-?cost\s*\)[^()]*\)")  # problems made for a planner count costs; games do not
_PAIRS = ("receptacleatlocation", "objectatlocation", "inreceptacle", "inreceptacleobject", "cancontain")
_FLAGS = (
    "openable",
    "pickupable",
    "cleanable",
    "heatable",
    "coolable",
    "sliceable",
    "toggleable",
    "isreceptacleobject",
)
_STATES = ("opened", "isclean", "ishot", "iscool", "issliced", "istoggled")
_NUM_ARGUMENTS = {
    **dict.fromkeys((*_PAIRS, "atlocation", "receptacletype", "objecttype"), 2),
    **dict.fromkeys((*_FLAGS, *_STATES, "moveable", "ison"), 1),
}


@dataclass(frozen=True)
class Problem:
    """A house and a goal. Entities are the problem's own ids, in lower case; texts use `names`.

    Attributes:
        names: What the game calls each entity, such as "cabinet 3".
        start: The agent's first location.
        places: (receptacle, location) pairs, sorted.
        receptacles_at: The receptacles of each location, sorted.
        receptacle_types: The types of each receptacle.
        object_types: The types of each object.
        can_contain: (receptacle type, object type) pairs that may be combined.
        contents: What each receptacle holds at the start; every receptacle is a key.
        object_places: (object, location) pairs at the start.
        contents_of_objects: What lies in an object that is itself a container.
        flags: Unary facts, such as "openable" or "iscool", and the entities they hold for.
        goal: What wins.
    """

    names: Mapping[str, str]
    start: str
    places: tuple[tuple[str, str], ...]
    receptacles_at: Mapping[str, tuple[str, ...]]
    receptacle_types: Mapping[str, frozenset[str]]
    object_types: Mapping[str, frozenset[str]]
    can_contain: frozenset[tuple[str, str]]
    contents: Mapping[str, frozenset[str]]
    object_places: frozenset[tuple[str, str]]
    contents_of_objects: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, frozenset[str]]
    goal: Goal

    def fits(self, thing: str, receptacle: str) -> bool:
        """Whether a receptacle may hold an object, by their types."""
        kinds = self.object_types.get(thing, frozenset())
        return any((place, kind) in self.can_contain for place in self.receptacle_types[receptacle] for kind in kinds)


def parse_problem(text: str) -> Problem:
    """Read a problem in the form ALFWorld writes it.

    Raises:
        InvalidGame: A section is missing or cut short, a fact is of another domain or not well formed, an entity has
            no number, or the goal is unknown.
    """
    text = without_comments(text).lower()
    init = _INIT.search(text)
    goal = _GOAL.search(text, init.end()) if init else None
    if init is None or goal is None:
        raise InvalidGame("the problem has no (:init ...) followed by (:goal ...); is the file cut short?")
    opened, closed = text.count("("), text.count(")")
    if opened != closed:
        raise InvalidGame(f"the problem opens {opened} parentheses and closes {closed}; is the file cut short?")
    return _build(_facts(text[init.end() : goal.start()]), parse_goal(text[goal.start() :]))


def _facts(section: str) -> dict[str, list[tuple[str, ...]]]:
    """The facts of the (:init ...) section by predicate, from what follows ":init"."""
    found = _FACT.findall(section)
    # A regex steps over what it does not understand; the parentheses tell whether there was anything of that kind.
    if section.count("(") != len(found) or section.count(")") != len(found) + 1:
        section = _COST.sub("", section)
        found = _FACT.findall(section)
        if section.count("(") != len(found) or section.count(")") != len(found) + 1:
            odd = " ".join(_FACT.sub("", section).split())
            raise InvalidGame(f"(:init ...) must hold facts such as (openable Fridge_bar_01), got also: {odd[:200]}")
    facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for name, arguments in found:
        facts[name].append(tuple(arguments.split()))
    foreign = sorted(set(facts) - set(_NUM_ARGUMENTS))
    if foreign:
        raise InvalidGame(f"the problem uses {', '.join(foreign)}, which ALFWorld's domain does not start a game with")
    for name, rows in facts.items():
        wrong = set(map(len, rows)) - {_NUM_ARGUMENTS[name]}
        if wrong:
            raise InvalidGame(f"wanted {_NUM_ARGUMENTS[name]} arguments of {name} in the problem, got {wrong.pop()}")
    return facts


def _build(facts: Mapping[str, list[tuple[str, ...]]], goal: Goal) -> Problem:
    start = set(facts.get("atlocation", []))
    if len(start) != 1:
        raise InvalidGame(f"wanted one (atLocation agent location) in the problem, got {len(start)}")
    places = tuple(sorted({(place[0], place[1]) for place in facts.get("receptacleatlocation", [])}))
    if not places:
        raise InvalidGame("the problem has no receptacle at any location; is the file cut short?")
    if len(places) != len({receptacle for receptacle, _ in places}):
        raise InvalidGame("a receptacle of the problem is at two locations at once; every receptacle has one")
    inside = _grouped((pair[1], pair[0]) for pair in facts.get("inreceptacle", []))
    receptacles = {receptacle for receptacle, _ in places} | set(inside)
    _check_numbered(receptacles.union(*inside.values()))
    receptacle_types = _grouped((fact[0], fact[1]) for fact in facts.get("receptacletype", []))
    return Problem(
        names=entity_names({argument for rows in facts.values() for row in rows for argument in row}),
        start=start.pop()[1],
        places=places,
        receptacles_at={
            spot: tuple(sorted(found)) for spot, found in _grouped((spot, place) for place, spot in places).items()
        },
        receptacle_types={receptacle: receptacle_types.get(receptacle, frozenset()) for receptacle in receptacles},
        object_types=_grouped((fact[0], fact[1]) for fact in facts.get("objecttype", [])),
        can_contain=frozenset((fact[0], fact[1]) for fact in facts.get("cancontain", [])),
        contents={receptacle: inside.get(receptacle, frozenset()) for receptacle in sorted(receptacles)},
        object_places=frozenset((fact[0], fact[1]) for fact in facts.get("objectatlocation", [])),
        contents_of_objects={
            outer: tuple(sorted(inner))
            for outer, inner in _grouped((fact[1], fact[0]) for fact in facts.get("inreceptacleobject", [])).items()
        },
        flags={flag: frozenset(fact[0] for fact in facts.get(flag, [])) for flag in (*_FLAGS, *_STATES)},
        goal=goal,
    )


def _check_numbered(entities: Iterable[str]) -> None:
    """Commands name things by kind and number, so whatever can be seen must have both."""
    odd = sorted(entity for entity in entities if _kind(entity) is None)
    if odd:
        raise InvalidGame(f"wanted ids such as 'Mug_bar_01', of a kind and a place, got {', '.join(odd)[:200]}")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        groups[key].add(value)
    return {key: frozenset(values) for key, values in groups.items()}


def entity_names(ids: Iterable[str]) -> dict[str, str]:
    """Number entities as ALFWorld does: among sorted ids of one kind, the first gets the highest number.

    Args:
        ids: Entity ids, in lower case; the kind is what precedes "_bar_".
    """
    ordered = sorted(ids)
    kinds = {entity: _kind(entity) for entity in ordered}
    left = Counter(kind for kind in kinds.values() if kind is not None)
    names = {}
    for entity in ordered:
        kind = kinds[entity]
        if kind is None:
            names[entity] = f"{entity} "
            continue
        names[entity] = f"{kind} {left[kind]}"
        left[kind] -= 1
    return names


def _kind(entity: str) -> str | None:
    kind, bar, _ = entity.partition("_bar_")
    if not bar or not kind:
        return None
    return f"{kind}basin" if "basin" in entity else kind
