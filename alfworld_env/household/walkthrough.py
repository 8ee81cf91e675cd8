"""Finds the shortest way to do a task in a room, as the planner did that wrote ALFWorld's walkthroughs."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations, product

from alfworld_env.games import TaskType
from alfworld_env.household.guide import Guide, room_names
from alfworld_env.household.tasks import Task, num_objects
from alfworld_env.household.things import APPLIANCES, LAMP_KIND, TREATMENTS, PlacedObject, PlacedReceptacle


def shortest_walkthrough(
    task: Task, receptacles: Sequence[PlacedReceptacle], objects: Sequence[PlacedObject], rng: random.Random
) -> tuple[str, ...]:
    """Commands that do the task, as few as it takes; chance decides between equals.

    Args:
        task: What is asked for.
        receptacles: In the room.
        objects: In the room, with enough of what the task is about.
        rng: Decides.
    """
    names = room_names(receptacles, objects)
    plans = _look_plans if task.task_type is TaskType.LOOK_IN_LIGHT else _place_plans
    shuffled = rng.sample(receptacles, len(receptacles)), rng.sample(objects, len(objects))
    return min((tuple(guide.steps) for guide in plans(task, *shuffled, names)), key=len)


def _look_plans(
    task: Task, receptacles: Sequence[PlacedReceptacle], objects: Sequence[PlacedObject], names: dict[str, str]
) -> Iterator[Guide]:
    for item, lamp in product(_of_kind(task.thing, objects), _of_kind(LAMP_KIND, objects)):
        guide = Guide(names)
        guide.fetch(item)
        guide.switch_on(lamp)
        yield guide


def _place_plans(
    task: Task, receptacles: Sequence[PlacedReceptacle], objects: Sequence[PlacedObject], names: dict[str, str]
) -> Iterator[Guide]:
    treatment = TREATMENTS.get(task.task_type, "")
    appliances: list[PlacedReceptacle | None] = [
        place for place in receptacles if place.kind == APPLIANCES.get(treatment)
    ]
    appliances = appliances or [None]
    instances = _of_kind(task.thing, objects)
    passed = {item.receptacle.location for item in instances} | {place.location for place in appliances if place}
    goals = _representatives((place for place in receptacles if place.kind == task.target), passed)
    for items, appliance, goal in product(permutations(instances, num_objects(task.task_type)), appliances, goals):
        guide = Guide(names)
        for item in items:
            guide.fetch(item)
            if appliance is not None:
                guide.treat(item, treatment, appliance)
            guide.deliver(item, goal)
        yield guide


def _of_kind(kind: str, objects: Iterable[PlacedObject]) -> list[PlacedObject]:
    return [item for item in objects if item.kind.name == kind]


def _representatives(goals: Iterable[PlacedReceptacle], passed: set[str]) -> list[PlacedReceptacle]:
    """One of each sort of goals that take as many commands: with a door or without, where one comes by or elsewhere."""
    sorts = {(place.openable, place.location if place.location in passed else None): place for place in goals}
    return list(sorts.values())
