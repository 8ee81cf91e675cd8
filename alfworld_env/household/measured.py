"""Measured rooms: games drawn from what was measured on ALFWorld's train games, as large, as full and as varied.

Solvable by construction: the walkthrough is built along with the game, and nothing the task is about begins where it
has to end.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from alfworld_env.games import GameData, Split, TaskType
from alfworld_env.household.chance import draw, rng_of
from alfworld_env.household.furnishing import Scene, scene_of
from alfworld_env.household.placing import Placer
from alfworld_env.household.problem_writer import looking_goal, placing_goal, write_problem
from alfworld_env.household.statistics import load_statistics
from alfworld_env.household.tasks import Task, choose_task, not_from, num_objects
from alfworld_env.household.things import APPLIANCES, TREATMENTS, PlacedObject
from alfworld_env.household.walkthrough import shortest_walkthrough


def draw_task(split: Split, task_type: TaskType, number: int, seed: int) -> Task:
    """The task of a game, and the scene it plays in."""
    return choose_task(task_type, split == "unseen", rng_of("measured task", split, seed, number))


def build(game_id: str, task: Task) -> GameData:
    """The game of this id, whose task it has."""
    rng = rng_of("measured game", game_id)
    scene = scene_of(task.scene)
    objects = [*scene.fixtures, *_place_objects(task, scene, rng)]
    if task.task_type is TaskType.LOOK_IN_LIGHT:
        goal = looking_goal(task.thing)
    else:
        goal = placing_goal(task.thing, task.target, TREATMENTS.get(task.task_type), num_objects(task.task_type))
    kinds = sorted({item.kind for item in objects}, key=lambda kind: kind.name)
    problem = write_problem(game_id.replace("/", "_"), scene.receptacles, objects, kinds, goal)
    sentences = load_statistics().task_types[task.task_type].sentences
    (sentence,) = rng.choices(list(sentences), list(sentences.values()))
    walkthrough = shortest_walkthrough(task, scene.receptacles, objects, rng)
    return GameData(problem, sentence.format(task.thing.lower(), task.target.lower()), walkthrough)


def _place_objects(task: Task, scene: Scene, rng: random.Random) -> Iterator[PlacedObject]:
    measured = load_statistics()
    room = measured.rooms[scene.room]
    placer = Placer(room.objects, room.receptacles, scene.receptacles, rng, scene.fixtures)
    # What the task is about comes first, so that there is space for it.
    number = draw(measured.task_types[task.task_type].instances, rng)
    yield from _chilled(placer.put(measured.kinds[task.thing], number, not_from(task.task_type, task.target)), rng)
    for kind in rng.sample(list(room.objects), len(room.objects)):
        if kind != task.thing:
            yield from _chilled(placer.put(measured.kinds[kind], draw(room.objects[kind].numbers, rng)), rng)


def _chilled(objects: list[PlacedObject], rng: random.Random) -> Iterator[PlacedObject]:
    share = load_statistics().cool_in_fridge
    for item in objects:
        in_fridge = item.receptacle.kind == APPLIANCES["cool"]
        yield replace(item, is_cool=in_fridge and rng.random() < share.get(item.kind.name, 0.0))
