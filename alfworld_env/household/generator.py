"""Draws household games: a scene, a task in it, and the things that lie about. Everything follows from the game's id and seed.

Solvable by construction: the walkthrough is built along with the game. A target never begins in the kind of receptacle it has
to end in, so no game is won before it begins.
"""

import hashlib
import random
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import get_args

from alfworld_env.games import GameData, Split, TaskType
from alfworld_env.household.catalogue import APPLIANCES, LAMP, OBJECTS, ROOMS, ObjectKind
from alfworld_env.household.problem_writer import (
    PlacedObject,
    PlacedReceptacle,
    looking_goal,
    placing_goal,
    write_problem,
)
from alfworld_env.problem import entity_names

TRAIN_SCENES = 24  # per kind of room; "seen" games are new games in these scenes
UNSEEN_SCENES = 6  # per kind of room, furnished unlike any training scene
NUM_OTHERS = (6, 10)  # other objects lying about
_TREATMENTS = {TaskType.CLEAN_AND_PLACE: "clean", TaskType.HEAT_AND_PLACE: "heat", TaskType.COOL_AND_PLACE: "cool"}
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


@dataclass(frozen=True, order=True)
class HouseholdGame:
    """One household game; ``load`` builds it.

    Args:
        game_id: ``household/<split>/<scene>/<seed>-<number>``.
        split: train, seen or unseen.
        task_type: one of the six.
        scene: kind of room and number.
        seed: of the generator.
        number: of the game.
    """

    game_id: str
    split: Split
    task_type: TaskType
    scene: str
    seed: int
    number: int

    def load(self) -> GameData:
        """Build the game."""
        return _build(self)


def household_games(split: Split, count: int, seed: int = 0) -> list[HouseholdGame]:
    """The first ``count`` games of a split; the six task types take turns.

    Args:
        split: ``train`` and ``seen`` share scenes, not games; ``unseen`` has scenes of its own.
        count: how many.
        seed: another seed gives other games in the same scenes.

    Raises:
        ValueError: There is no such split.
    """
    if split not in get_args(Split):
        raise ValueError(f"unknown split {split!r}; use one of {', '.join(get_args(Split))}")
    return [_draw(split, number, seed) for number in range(count)]


def scene_of(scene: str) -> tuple[PlacedReceptacle, ...]:
    """The furniture of a scene, e.g. ``kitchen-3`` or ``kitchen-unseen-1``."""
    room, _, rest = scene.partition("-")
    return _furnish(room, int(rest.rpartition("-")[2]), unseen=rest.startswith("unseen"))


def _rng(*parts: object) -> random.Random:
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _draw(split: Split, number: int, seed: int) -> HouseholdGame:
    types = list(TaskType)
    task_type = types[number % len(types)]
    rng = _rng("scene", split, seed, number)
    room = rng.choice(_ROOMS_FOR[task_type])
    scene = (
        f"{room}-unseen-{rng.randrange(UNSEEN_SCENES)}"
        if split == "unseen"
        else f"{room}-{rng.randrange(TRAIN_SCENES)}"
    )
    return HouseholdGame(f"household/{split}/{scene}/{seed}-{number:06d}", split, task_type, scene, seed, number)


@cache
def _furnish(room: str, number: int, unseen: bool) -> tuple[PlacedReceptacle, ...]:
    taken = _train_layouts(room) if unseen else frozenset()
    for attempt in range(1000):
        placed = _furnish_once(room, _rng("furniture", room, number, unseen, attempt))
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
            # "basin" in an id turns the name before the first bar into "…basin": sink + basin.
            stem, end = (
                (kind.name.removesuffix("Basin"), f"_bar_{kind.name}")
                if kind.name.endswith("Basin")
                else (kind.name, "")
            )
            placed.append(PlacedReceptacle(f"{stem}_bar_{spot}{end}", kind.name, kind.openable))
    return tuple(placed)


def _build(game: HouseholdGame) -> GameData:
    rng = _rng("game", game.game_id)
    furniture = scene_of(game.scene)
    room = game.scene.partition("-")[0]
    thing, target = _choose(game.task_type, room, furniture, rng)
    objects = _place_objects(game.task_type, room, furniture, (thing, target), rng)
    treatment = _TREATMENTS.get(game.task_type)
    looking = game.task_type is TaskType.LOOK_IN_LIGHT
    goal = (
        looking_goal(thing.name)
        if looking
        else placing_goal(thing.name, target, treatment, 2 if game.task_type is TaskType.PICK_TWO else 1)
    )
    kinds = [*OBJECTS[room], LAMP]
    problem = write_problem(game.game_id.replace("/", "_"), furniture, objects, kinds, goal)
    sentence = rng.choice(_SENTENCES[game.task_type]).format(thing.name.lower(), target.lower())
    return GameData(problem, sentence, _walkthrough(game.task_type, furniture, objects, (thing, target), rng))


def _choose(
    task_type: TaskType, room: str, furniture: tuple[PlacedReceptacle, ...], rng: random.Random
) -> tuple[ObjectKind, str]:
    """What the task is about and where it has to end; there is always another kind of place for it to begin."""
    present = {receptacle.kind for receptacle in furniture}
    treatment = _TREATMENTS.get(task_type)
    options = []
    for kind in OBJECTS[room]:
        places = [place for place in kind.places if place in present]
        if treatment is not None and treatment not in kind.abilities:
            continue
        ends = places if task_type is not TaskType.LOOK_IN_LIGHT else ["DeskLamp"]
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
            placed.append(PlacedObject(f"{kind.name}_bar_{spot}", kind, rng.choice(where).identity))
    return placed


def _walkthrough(
    task_type: TaskType,
    furniture: tuple[PlacedReceptacle, ...],
    objects: list[PlacedObject],
    task: tuple[ObjectKind, str],
    rng: random.Random,
) -> tuple[str, ...]:
    thing, target = task
    receptacles = {receptacle.identity.lower() for receptacle in furniture}
    names = entity_names(receptacles | {item.identity.lower() for item in objects})
    by_identity = {receptacle.identity: receptacle for receptacle in furniture}
    guide = _Guide(names)
    instances = [item for item in objects if item.kind == thing]
    if task_type is TaskType.LOOK_IN_LIGHT:
        lamp = next(item for item in objects if item.kind == LAMP)
        guide.fetch(rng.choice(instances), by_identity)
        guide.visit(by_identity[lamp.receptacle])
        return (*guide.steps, f"use {names[lamp.identity.lower()]}")
    goal = rng.choice([receptacle for receptacle in furniture if receptacle.kind == target])
    treatment = _TREATMENTS.get(task_type)
    for item in rng.sample(instances, 2 if task_type is TaskType.PICK_TWO else 1):
        guide.fetch(item, by_identity)
        name = names[item.identity.lower()]
        if treatment is not None:
            appliance = next(receptacle for receptacle in furniture if receptacle.kind == APPLIANCES[treatment])
            guide.visit(appliance)
            guide.steps.append(f"{treatment} {name} with {names[appliance.identity.lower()]}")
        guide.visit(goal, to_open=True)
        guide.steps.append(f"move {name} to {names[goal.identity.lower()]}")
    return tuple(guide.steps)


class _Guide:
    """Writes commands down, going nowhere twice in a row and opening nothing twice."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.steps: list[str] = []
        self.at: str | None = None
        self.opened: set[str] = set()

    def visit(self, receptacle: PlacedReceptacle, to_open: bool = False) -> None:
        name = self.names[receptacle.identity.lower()]
        if self.at != receptacle.identity:
            self.steps.append(f"go to {name}")
            self.at = receptacle.identity
        if to_open and receptacle.openable and receptacle.identity not in self.opened:
            self.steps.append(f"open {name}")
            self.opened.add(receptacle.identity)

    def fetch(self, item: PlacedObject, furniture: dict[str, PlacedReceptacle]) -> None:
        receptacle = furniture[item.receptacle]
        self.visit(receptacle, to_open=True)
        self.steps.append(f"take {self.names[item.identity.lower()]} from {self.names[receptacle.identity.lower()]}")
