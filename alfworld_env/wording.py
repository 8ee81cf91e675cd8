"""The sentences ALFWorld answers with, byte for byte; knows no rules."""

from collections.abc import Iterable, Sequence

from alfworld_env.actions import Action
from alfworld_env.problem import Problem
from alfworld_env.world import WorldState

BANNER = "-= Welcome to TextWorld, ALFRED! =-"
TASK_PREFIX = "Your task is to: "
NOTHING_HAPPENS = "Nothing happens."
HELP = """Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""

_SENTENCES = {
    "close": "You close the {thing}.",
    "take": "You pick up the {thing} from the {other}.",
    "move": "You move the {thing} to the {other}.",
    "clean": "You clean the {thing} using the {other}.",
    "heat": "You heat the {thing} using the {other}.",
    "cool": "You cool the {thing} using the {other}.",
    "use": "You turn on the {thing}.",
    "slice": "You sliced the {thing} with the {other}.",
}


def enumerate_names(names: Sequence[str]) -> str:
    """Join as the game does: "nothing", "a", "a, and b", "a, b, and c"."""
    if not names:
        return "nothing"
    return ", and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def opening(problem: Problem, state: WorldState, task: str) -> str:
    """The first observation, banner included."""
    view = look(problem, state)
    if not problem.receptacles_at.get(state.location):
        view = _middle_of_room(problem, [receptacle for receptacle, _ in problem.places])
    return f"{BANNER}\n\n{view}\n\n{TASK_PREFIX}{task}"


def look(problem: Problem, state: WorldState) -> str:
    """What `look` answers; in the middle of the room it sees nothing, unlike the first observation."""
    here = problem.receptacles_at.get(state.location, ())
    if not here:
        return _middle_of_room(problem, ())
    facing = enumerate_names([problem.names[receptacle] for receptacle in here])
    # The game lists what was taken out of a receptacle and lies elsewhere at the same spot, once a receptacle left.
    around = [
        thing
        for thing, location in sorted(state.object_places)
        if location == state.location
        for receptacle in here
        if (thing, receptacle) in state.taken_out
    ]
    return f"You are facing the {facing}. Next to it, you see {_indefinite(problem, around)}."


def describe(problem: Problem, state: WorldState, action: Action) -> str:
    """What the game answers to an action.

    Args:
        problem: The house.
        state: The state after the action.
        action: The action.
    """
    names = problem.names
    if action.verb in _SENTENCES:
        return _SENTENCES[action.verb].format(thing=names[action.thing], other=names.get(action.other, ""))
    match action.verb:
        case "go":
            return f"You arrive at {names[action.thing]}. {_receptacle(problem, state, action.thing)}"
        case "open":
            return f"You open the {names[action.thing]}. {_receptacle(problem, state, action.thing)}"
        case "examine receptacle":
            return _receptacle(problem, state, action.thing)
        case "examine object":
            return _object(problem, state, action.thing)
        case "inventory":
            return "You are not carrying anything." if state.held is None else _carrying(problem, state.held)
        case "look":
            return look(problem, state)
    return HELP


def _middle_of_room(problem: Problem, seen: Iterable[str]) -> str:
    return f"You are in the middle of a room. Looking quickly around you, you see {_indefinite(problem, seen)}."


def _indefinite(problem: Problem, entities: Iterable[str]) -> str:
    return enumerate_names([f"a {problem.names[entity]}" for entity in entities])


def _carrying(problem: Problem, held: str) -> str:
    return f"You are carrying: a {problem.names[held]}."


def _receptacle(problem: Problem, state: WorldState, receptacle: str) -> str:
    name = problem.names[receptacle]
    inside = _indefinite(problem, sorted(state.contents[receptacle]))
    if receptacle not in problem.flags["openable"]:
        return f"On the {name}, you see {inside}."
    if receptacle in state.opened:
        return f"The {name} is open. In it, you see {inside}."
    return f"The {name} is closed."


def _object(problem: Problem, state: WorldState, thing: str) -> str:
    name = problem.names[thing]
    if thing in problem.flags["isreceptacleobject"]:
        inside = _indefinite(problem, problem.contents_of_objects.get(thing, ()))
        return f"This is a normal {name}. In it, you see {inside}."
    clean, hot, cool, sliced = (thing in marked for marked in (state.clean, state.hot, state.cool, state.sliced))
    if not (clean or hot or cool or sliced):
        on = thing in problem.flags["toggleable"] and thing in state.toggled
        return f"This {name} is on." if on else f"There's nothing special about {name}."
    # A cool thing that is neither clean nor sliced is "cold"; hot wins over cool where the game gave both.
    if cool and not (hot or clean or sliced):
        return f"This is a cold {name}."
    heat = "hot" if hot else "cool" if cool else ""
    words = " and ".join(filter(None, (heat, "clean" if clean else "")))
    return f"This is a {' '.join(filter(None, (words, 'sliced' if sliced else '', name)))}."
