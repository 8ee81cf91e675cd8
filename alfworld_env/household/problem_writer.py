"""Writes a game as a PDDL problem of ALFWorld's domain; knows nothing of chance or of how rooms are furnished."""

from collections.abc import Sequence

from alfworld_env.household.things import ABILITIES, LAMP_KIND, ObjectKind, PlacedObject, PlacedReceptacle

_STATE = {"clean": "isClean", "heat": "isHot", "cool": "isCool"}


def write_problem(
    name: str,
    receptacles: Sequence[PlacedReceptacle],
    objects: Sequence[PlacedObject],
    kinds: Sequence[ObjectKind],
    goal: str,
) -> str:
    """The whole problem.

    Args:
        name: of the problem.
        receptacles: in the room.
        objects: in the room.
        kinds: every kind that may lie somewhere in such a room; says what may be put where.
        goal: the goal expression.
    """
    present = sorted({receptacle.kind for receptacle in receptacles})
    declared = sorted({kind.name for kind in kinds} | {item.kind.name for item in objects})
    lines = [f"(define (problem {name})", "(:domain alfred)", "(:objects", "  agent1 - agent"]
    lines += [f"  {kind}Type - otype" for kind in declared] + [f"  {kind}Type - rtype" for kind in present]
    lines += [f"  {item.identity} - object" for item in objects]
    lines += [f"  {receptacle.identity} - receptacle" for receptacle in receptacles]
    # A location is declared once, however many receptacles stand there.
    lines += [f"  {location} - location" for location in dict.fromkeys(place.location for place in receptacles)]
    lines += ["  loc_bar_start - location", ")", "(:init", "  (atLocation agent1 loc_bar_start)"]
    for receptacle in receptacles:
        lines += [
            f"  (receptacleType {receptacle.identity} {receptacle.kind}Type)",
            f"  (receptacleAtLocation {receptacle.identity} {receptacle.location})",
        ]
        if receptacle.openable:
            lines.append(f"  (openable {receptacle.identity})")
    for item in objects:
        lines += _object_facts(item)
    for kind in kinds:
        lines += [f"  (canContain {place}Type {kind.name}Type)" for place in kind.places if place in present]
    return "\n".join([*lines, ")", f"(:goal {goal})", ")"])


def placing_goal(thing: str, receptacle: str, treatment: str | None, count: int) -> str:
    """``count`` objects of a kind, each treated if asked for, in one receptacle of a kind."""

    def holds(variable: str) -> str:
        parts = [
            f"(objectType {variable} {thing}Type)",
            f"(receptacleType ?r {receptacle}Type)",
            f"(inReceptacle {variable} ?r)",
        ]
        if treatment is not None:
            parts += [f"({ABILITIES[treatment]} {variable})", f"({_STATE[treatment]} {variable})"]
        return " ".join(parts)

    if count == 1:
        return f"(and (exists (?r - receptacle) (exists (?o - object) (and {holds('?o')}))))"
    second = f"(exists (?o2 - object) (and (not (= ?o1 ?o2)) {holds('?o2')}))"
    return f"(and (exists (?r - receptacle) (exists (?o1 - object) (and {holds('?o1')} {second}))))"


def looking_goal(thing: str) -> str:
    """An object of a kind in hand, where a desk lamp has been switched on."""
    lamp = (
        f"(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?ot {LAMP_KIND}Type) (toggleable ?ot) "
        "(isToggled ?ot) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))"
    )
    return f"(and {lamp} (exists (?o - object ?a - agent) (and (objectType ?o {thing}Type) (holds ?a ?o))))"


def _object_facts(item: PlacedObject) -> list[str]:
    facts = [
        f"  (objectType {item.identity} {item.kind.name}Type)",
        f"  (objectAtLocation {item.identity} {item.receptacle.location})",
        f"  (inReceptacle {item.identity} {item.receptacle.identity})",
    ]
    facts += [f"  ({flag} {item.identity})" for flag in item.kind.flags]
    return facts + ([f"  (isCool {item.identity})"] if item.is_cool else [])
