"""Which tasks measured games have: (object, target) pairs as often as measured, some held out; knows no walkthroughs."""

import math
import random
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from alfworld_env.games import TaskType
from alfworld_env.household.chance import rng_of
from alfworld_env.household.furnishing import Scene, scene_of, scenes
from alfworld_env.household.statistics import load_statistics
from alfworld_env.household.things import APPLIANCES, LAMP_KIND, TREATMENTS

HELD_OUT_SHARE = 0.2  # of the (object, target) pairs of each task type; unseen games have these, all others the rest

Pair = tuple[str, str]


@dataclass(frozen=True)
class Task:
    """What is asked for, and where.

    Attributes:
        task_type: One of the six.
        thing: Kind of the object.
        target: Kind of the receptacle it ends in; the lamp for looking in light.
        scene: Name of the scene.
    """

    task_type: TaskType
    thing: str
    target: str
    scene: str


def choose_task(task_type: TaskType, unseen: bool, rng: random.Random) -> Task:
    """A task as likely as it was measured, in any scene that has what it takes."""
    options, bounds = _options(task_type, unseen)
    (thing, target), rooms = options[bisect_right(bounds, rng.random() * bounds[-1])]
    return Task(task_type, thing, target, rng.choice(rooms))


def possible_pairs(task_type: TaskType, unseen: bool) -> frozenset[Pair]:
    """The (object, target) pairs that games of a type can have."""
    return frozenset(pair for pair, _ in _options(task_type, unseen)[0])


def not_from(task_type: TaskType, target: str) -> frozenset[str]:
    """Kinds of receptacles that hold no object of the task's kind at the start, as in all measured games.

    So no game is won before it begins. What is to be cleaned, heated or cooled may lie where it has to end.
    """
    treatment = TREATMENTS.get(task_type)
    return frozenset({target if treatment is None else APPLIANCES[treatment]})


@cache
def held_out_pairs() -> frozenset[Pair]:
    """The pairs of unseen games; every kind of object and of target is left in some other pair."""
    by_type: dict[TaskType, list[Pair]] = {
        task_type: sorted({pair for room in load_statistics().rooms.values() for pair in room.tasks.get(task_type, ())})
        for task_type in TaskType
    }
    everything = {pair for pairs in by_type.values() for pair in pairs}
    things = Counter(thing for thing, _ in everything)
    targets = Counter(target for _, target in everything)
    held_out: set[Pair] = set()
    for task_type, pairs in by_type.items():
        wanted = math.ceil(HELD_OUT_SHARE * len(pairs)) - len(held_out & set(pairs))
        drawn = rng_of("held out", task_type).sample(pairs, len(pairs))
        for thing, target in drawn:
            if wanted > 0 and (thing, target) not in held_out and things[thing] > 1 and targets[target] > 1:
                held_out.add((thing, target))
                things[thing] -= 1
                targets[target] -= 1
                wanted -= 1
    return frozenset(held_out)


@cache
def _options(task_type: TaskType, unseen: bool) -> tuple[list[tuple[Pair, list[str]]], list[int]]:
    """Pairs with the scenes they are possible in, and running sums of how often they were measured."""
    options, weights = [], []
    for room, measured in load_statistics().rooms.items():
        for pair, number in measured.tasks.get(task_type, {}).items():
            if (pair in held_out_pairs()) is not unseen:
                continue
            fitting = [scene.name for scene in scenes(room, unseen) if _is_possible(task_type, pair, scene)]
            if fitting:
                options.append((pair, fitting))
                weights.append(number)
    return options, list(accumulate(weights))


def _is_possible(task_type: TaskType, pair: Pair, scene: Scene) -> bool:
    thing, target = pair
    space = _space(scene.name)
    treatment = TREATMENTS.get(task_type)
    if treatment is not None and APPLIANCES[treatment] not in space:
        return False
    if target not in (space if target != LAMP_KIND else {item.kind.name for item in scene.fixtures}):
        return False
    places = set(load_statistics().rooms[scene.room].objects[thing].places) - not_from(task_type, target)
    return sum(space.get(place, 0) for place in places) >= num_objects(task_type)


@cache
def _space(scene: str) -> dict[str, int]:
    """How many objects fit into all receptacles of each kind."""
    room = load_statistics().rooms[scene.partition("-")[0]]
    space = Counter[str]()
    for place in scene_of(scene).receptacles:
        space[place.kind] += room.receptacles[place.kind].capacity
    space.subtract(item.receptacle.kind for item in scene_of(scene).fixtures)
    return space


def num_objects(task_type: TaskType) -> int:
    """How many objects a task of this type is about."""
    return 2 if task_type is TaskType.PICK_TWO else 1
