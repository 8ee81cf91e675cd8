"""ALFWorld's rules: which commands are possible in a state and what they change; knows no text but the commands."""

from collections.abc import Callable
from typing import NamedTuple

from alfworld_env.problem import Problem
from alfworld_env.world import WorldState

# The games' domain lets both kinds of sink clean; the packaged one only the second, the only kind real games have.
APPLIANCES = {
    "clean": ("cleanable", frozenset({"sinktype", "sinkbasintype"})),
    "heat": ("heatable", frozenset({"microwavetype"})),
    "cool": ("coolable", frozenset({"fridgetype"})),
}
KNIVES = frozenset({"knifetype", "butterknifetype"})


class Action(NamedTuple):
    """A command resolved to entities: `thing` is what is acted on, `other` the receptacle, tool or location."""

    verb: str
    thing: str = ""
    other: str = ""


_ALWAYS = {verb: Action(verb) for verb in ("look", "inventory", "help")}


def is_reachable(problem: Problem, state: WorldState, receptacle: str) -> bool:
    """Whether things can be put in and taken out: not a closed receptacle."""
    return receptacle not in problem.flags["openable"] or receptacle in state.opened


Journeys = tuple[tuple[str, Action], ...]


def journeys(problem: Problem) -> Journeys:
    """Every "go to" command of a house; they are most of what is admissible, and the same from step to step."""
    return tuple((f"go to {problem.names[place]}", Action("go", place, spot)) for place, spot in problem.places)


def admissible_actions(problem: Problem, state: WorldState, going: Journeys) -> dict[str, Action]:
    """Every command that does something now, unsorted.

    Args:
        problem: The house.
        state: The state.
        going: The house's `journeys`.
    """
    actions = {command: action for command, action in going if action.other != state.location}
    actions |= _ALWAYS
    for receptacle in problem.receptacles_at.get(state.location, ()):
        _add_receptacle(actions, problem, state, receptacle)
    if state.held is not None:
        _add_held(actions, problem, state, state.held)
    return actions


def _add_receptacle(actions: dict[str, Action], problem: Problem, state: WorldState, receptacle: str) -> None:
    names = problem.names
    place = names[receptacle]
    actions[f"examine {place}"] = Action("examine receptacle", receptacle)
    if receptacle in problem.flags["openable"]:
        verb = "close" if receptacle in state.opened else "open"
        actions[f"{verb} {place}"] = Action(verb, receptacle)
    for lamp in state.contents[receptacle] & problem.flags["toggleable"]:
        actions[f"use {names[lamp]}"] = Action("use", lamp)
    if not is_reachable(problem, state, receptacle):
        return
    if state.held is None:
        for thing in state.contents[receptacle] & problem.flags["pickupable"]:
            actions[f"take {names[thing]} from {place}"] = Action("take", thing, receptacle)
    elif problem.fits(state.held, receptacle):
        actions[f"move {names[state.held]} to {place}"] = Action("move", state.held, receptacle)


def _add_held(actions: dict[str, Action], problem: Problem, state: WorldState, held: str) -> None:
    names = problem.names
    actions[f"examine {names[held]}"] = Action("examine object", held)
    for verb, (ability, kinds) in APPLIANCES.items():
        if held not in problem.flags[ability]:
            continue
        for receptacle in problem.receptacles_at.get(state.location, ()):
            if problem.receptacle_types[receptacle] & kinds:
                actions[f"{verb} {names[held]} with {names[receptacle]}"] = Action(verb, held, receptacle)
    if problem.object_types.get(held, frozenset()) & KNIVES:
        for thing in problem.flags["sliceable"]:
            if (thing, state.location) in state.object_places:
                actions[f"slice {names[thing]} with {names[held]}"] = Action("slice", thing, held)


def _go(state: WorldState, action: Action) -> WorldState:
    return state._replace(location=action.other)


def _open(state: WorldState, action: Action) -> WorldState:
    return state._replace(opened=state.opened | {action.thing})


def _close(state: WorldState, action: Action) -> WorldState:
    return state._replace(opened=state.opened - {action.thing})


def _take(state: WorldState, action: Action) -> WorldState:
    thing, receptacle = action.thing, action.other
    return state._replace(
        held=thing,
        contents={**state.contents, receptacle: state.contents[receptacle] - {thing}},
        object_places=state.object_places - {(thing, state.location)},
        taken_out=state.taken_out | {(thing, receptacle)},
    )


def _move(state: WorldState, action: Action) -> WorldState:
    thing, receptacle = action.thing, action.other
    return state._replace(
        held=None,
        contents={**state.contents, receptacle: state.contents[receptacle] | {thing}},
        object_places=state.object_places | {(thing, state.location)},
        taken_out=state.taken_out - {(thing, receptacle)},
    )


def _clean(state: WorldState, action: Action) -> WorldState:
    return state._replace(clean=state.clean | {action.thing})


def _heat(state: WorldState, action: Action) -> WorldState:
    return state._replace(hot=state.hot | {action.thing}, cool=state.cool - {action.thing})


def _cool(state: WorldState, action: Action) -> WorldState:
    return state._replace(cool=state.cool | {action.thing}, hot=state.hot - {action.thing})


def _use(state: WorldState, action: Action) -> WorldState:
    return state._replace(toggled=state.toggled | {action.thing})


def _slice(state: WorldState, action: Action) -> WorldState:
    return state._replace(sliced=state.sliced | {action.thing})


_EFFECTS: dict[str, Callable[[WorldState, Action], WorldState]] = {
    "go": _go,
    "open": _open,
    "close": _close,
    "take": _take,
    "move": _move,
    "clean": _clean,
    "heat": _heat,
    "cool": _cool,
    "use": _use,
    "slice": _slice,
}


def apply_action(state: WorldState, action: Action) -> WorldState:
    """The state after an admissible action; looking, examining and asking for help change nothing."""
    effect = _EFFECTS.get(action.verb)
    return state if effect is None else effect(state, action)
