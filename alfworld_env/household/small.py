"""Small rooms: a scene, a task in it, and the things that lie about, from tables written by hand.

Published numbers rest on exactly these games, so nothing here may change what a game's id stands for.
Solvable by construction: the walkthrough is built along with the game. A target never begins in the kind of receptacle
it has to end in, so no game is won before it begins.
"""

import random
from collections import Counter
from functools import cache

from alfworld_env.games import GameData, Split, TaskType
from alfworld_env.household.catalogue import LAMP, OBJECTS, ROOMS
from alfworld_env.household.chance import rng_of
from alfworld_env.household.guide import Guide, room_names
from alfworld_env.household.problem_writer import looking_goal, placing_goal, write_problem
from alfworld_env.household.things import (
    ABILITIES,
    APPLIANCES,
    LAMP_KIND,
    TREATMENTS,
    ObjectKind,
    PlacedObject,
    PlacedReceptacle,
    receptacle_identity,
)

TRAIN_SCENES = 24  # per kind of room; "seen" games are new games in these scenes
UNSEEN_SCENES = 6  # per kind of room, furnished unlike any training scene
NUM_OTHERS = (6, 10)  # other objects lying about
_SENTENCES: dict[TaskType, tuple[str, str]] = {
    TaskType.PICK_AND_PLACE: ("put a {0} in {1}.", "put some {0} on {1}."),
    TaskType.PICK_TWO: ("put two {0} in {1}.", "find two {0} and put them in {1}."),
    TaskType.CLEAN_AND_PLACE: ("put a clean {0} in {1}.", "clean some {0} and put it in {1}."),
    TaskType.HEAT_AND_PLACE: ("put a hot {0} in {1}.", "heat some {0} and put it in {1}."),
    TaskType.COOL_AND_PLACE: ("put a cool {0} in {1}.", "cool some {0} and put it in {1}."),
    TaskType.LOOK_IN_LIGHT: ("look at {0} under the desklamp.", "examine the {0} with the desklamp."),
}
_ROOMS_FOR: dict[TaskType, tuple[str, ...]] = {
    TaskType.PICK_AND_PLACE: tuple(ROOMS),
    TaskType.PICK_TWO: tuple(ROOMS),
    TaskType.CLEAN_AND_PLACE: ("kitchen", "kitchen", "bathroom"),
    TaskType.HEAT_AND_PLACE: ("kitchen",),
    TaskType.COOL_AND_PLACE: ("kitchen",),
    TaskType.LOOK_IN_LIGHT: ("bedroom", "livingroom"),
}


def draw_scene(split: Split, task_type: TaskType, number: int, seed: int) -> str:
    """The scene of a game, e.g. "kitchen-3" or "kitchen-unseen-1"."""
    rng = rng_of("scene", split, seed, number)
    room = rng.choice(_ROOMS_FOR[task_type])
    if split == "unseen":
        return f"{room}-unseen-{rng.randrange(UNSEEN_SCENES)}"
    return f"{room}-{rng.randrange(TRAIN_SCENES)}"


def scene_of(scene: str) -> tuple[PlacedReceptacle, ...]:
    """The furniture of a scene, e.g. of "kitchen-3" or "kitchen-unseen-1"."""
    room, _, rest = scene.partition("-")
    return _furnish(room, int(rest.rpartition("-")[2]), unseen=rest.startswith("unseen"))


def build(game_id: str, task_type: TaskType, scene: str) -> GameData:
    """The game of this id, whose task type and scene it has."""
    rng = rng_of("game", game_id)
    furniture = scene_of(scene)
    room = scene.partition("-")[0]
    thing, target = _choose(task_type, room, furniture, rng)
    objects = _place_objects(task_type, room, furniture, (thing, target), rng)
    if task_type is TaskType.LOOK_IN_LIGHT:
        goal = looking_goal(thing.name)
    else:
        count = 2 if task_type is TaskType.PICK_TWO else 1
        goal = placing_goal(thing.name, target, TREATMENTS.get(task_type), count)
    kinds = [*OBJECTS[room], LAMP]
    problem = write_problem(game_id.replace("/", "_"), furniture, objects, kinds, goal)
    sentence = rng.choice(_SENTENCES[task_type]).format(thing.name.lower(), target.lower())
    return GameData(problem, sentence, _walkthrough(task_type, furniture, objects, (thing, target), rng))


@cache
def _furnish(room: str, number: int, unseen: bool) -> tuple[PlacedReceptacle, ...]:
    taken = _train_layouts(room) if unseen else frozenset()
    for attempt in range(1000):
        placed = _furnish_once(room, rng_of("furniture", room, number, unseen, attempt))
        if _layout(placed) not in taken:
            return placed
    raise RuntimeError(f"every layout of a {room} that chance offered is taken by a training scene; lower TRAIN_SCENES")


@cache
def _train_layouts(room: str) -> frozenset[tuple[tuple[str, int], ...]]:
    return frozenset(_layout(_furnish(room, number, unseen=False)) for number in range(TRAIN_SCENES))


def _layout(placed: tuple[PlacedReceptacle, ...]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(receptacle.kind for receptacle in placed).items()))


def _furnish_once(room: str, rng: random.Random) -> tuple[PlacedReceptacle, ...]:
    placed = []
    for kind in ROOMS[room]:
        for spot in rng.sample(range(1000, 10000), rng.randint(kind.low, kind.high)):
            identity = receptacle_identity(kind.name, spot)
            # Each stands at a location of its own.
            placed.append(PlacedReceptacle(identity, kind.name, kind.openable, f"loc_bar_{identity.lower()}"))
    return tuple(placed)


def _choose(
    task_type: TaskType, room: str, furniture: tuple[PlacedReceptacle, ...], rng: random.Random
) -> tuple[ObjectKind, str]:
    """What the task is about and where it has to end; there is always another kind of place for it to begin."""
    present = {receptacle.kind for receptacle in furniture}
    treatment = TREATMENTS.get(task_type)
    options = []
    for kind in OBJECTS[room]:
        places = [place for place in kind.places if place in present]
        if treatment is not None and ABILITIES[treatment] not in kind.flags:
            continue
        ends = places if task_type is not TaskType.LOOK_IN_LIGHT else [LAMP_KIND]
        if treatment is not None:
            # Washed things do not go back to the sink; heated ones not to the microwave, cooled ones not to the fridge.
            ends = [place for place in ends if place != APPLIANCES[treatment]]
        options += [(kind, end) for end in ends if len(set(places) - {end}) >= 1]
    name = rng.choice(sorted({kind.name for kind, _ in options}))
    return rng.choice([option for option in options if option[0].name == name])


def _place_objects(
    task_type: TaskType,
    room: str,
    furniture: tuple[PlacedReceptacle, ...],
    task: tuple[ObjectKind, str],
    rng: random.Random,
) -> list[PlacedObject]:
    thing, target = task
    wanted = [thing] * (2 if task_type is TaskType.PICK_TWO else 1)
    others = [kind for kind in OBJECTS[room] if kind != thing]
    wanted += [rng.choice(others) for _ in range(rng.randint(*NUM_OTHERS))]
    if room in _ROOMS_FOR[TaskType.LOOK_IN_LIGHT]:
        wanted.append(LAMP)
    spots = rng.sample(range(1000, 10000), len(wanted))
    placed = []
    for kind, spot in zip(wanted, spots, strict=True):
        banned = target if kind == thing else None
        where = [receptacle for receptacle in furniture if receptacle.kind in kind.places and receptacle.kind != banned]
        if where:
            placed.append(PlacedObject(f"{kind.name}_bar_{spot}", kind, rng.choice(where)))
    return placed


def _walkthrough(
    task_type: TaskType,
    furniture: tuple[PlacedReceptacle, ...],
    objects: list[PlacedObject],
    task: tuple[ObjectKind, str],
    rng: random.Random,
) -> tuple[str, ...]:
    thing, target = task
    guide = Guide(room_names(furniture, objects))
    instances = [item for item in objects if item.kind == thing]
    if task_type is TaskType.LOOK_IN_LIGHT:
        guide.fetch(rng.choice(instances))
        guide.switch_on(next(item for item in objects if item.kind == LAMP))
        return tuple(guide.steps)
    goal = rng.choice([receptacle for receptacle in furniture if receptacle.kind == target])
    treatment = TREATMENTS.get(task_type)
    for item in rng.sample(instances, 2 if task_type is TaskType.PICK_TWO else 1):
        guide.fetch(item)
        if treatment is not None:
            guide.treat(item, treatment, next(place for place in furniture if place.kind == APPLIANCES[treatment]))
        guide.deliver(item, goal)
    return tuple(guide.steps)
