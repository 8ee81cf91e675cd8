"""Furnishes measured scenes: which receptacles stand where, and what is fixed in them; knows no tasks.

Numbers of each kind are dealt to all scenes of a room together, so that even thirty scenes have nearly the measured
distribution. A layout that was measured is never used.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from alfworld_env.household.chance import deal, rng_of
from alfworld_env.household.placing import Placer
from alfworld_env.household.statistics import ReceptacleStatistics, RoomStatistics, load_statistics
from alfworld_env.household.tally import layout_digest
from alfworld_env.household.things import PlacedObject, PlacedReceptacle, receptacle_identity

TRAIN_SCENES = 30  # per kind of room; "seen" games are new games in these scenes
UNSEEN_SCENES = 10  # per kind of room, furnished unlike any training scene
_ATTEMPTS = 10_000


@dataclass(frozen=True)
class Scene:
    """A room without what lies about in it.

    Attributes:
        name: E.g. "kitchen-3" or "kitchen-unseen-1".
        room: Kind of room.
        receptacles: Its furniture.
        fixtures: What cannot be picked up.
    """

    name: str
    room: str
    receptacles: tuple[PlacedReceptacle, ...]
    fixtures: tuple[PlacedObject, ...]


@cache
def scenes(room: str, unseen: bool) -> tuple[Scene, ...]:
    """All scenes of a kind of room."""
    measured = load_statistics().rooms[room]
    hands = UNSEEN_SCENES if unseen else TRAIN_SCENES
    rng = rng_of("measured scenes", room, unseen)
    furniture = _deal_furniture(room, measured, unseen, rng)
    fixtures = {kind: deal(each.numbers, hands, rng) for kind, each in measured.fixtures.items()}
    return tuple(
        _furnish(
            f"{room}-{'unseen-' if unseen else ''}{number}",
            {kind: dealt[number] for kind, dealt in furniture.items()},
            {kind: dealt[number] for kind, dealt in fixtures.items()},
        )
        for number in range(hands)
    )


def scene_of(name: str) -> Scene:
    """A scene by its name."""
    room, _, rest = name.partition("-")
    return scenes(room, rest.startswith("unseen"))[int(rest.rpartition("-")[2])]


def _deal_furniture(room: str, measured: RoomStatistics, unseen: bool, rng: random.Random) -> dict[str, list[int]]:
    """How many of each kind each scene has: no two scenes alike, none like a measured one, none of an unmeasured size."""
    hands = UNSEEN_SCENES if unseen else TRAIN_SCENES
    taken = measured.layouts | (_layouts(room, unseen=False) if unseen else frozenset())
    low, high = measured.size
    for _ in range(_ATTEMPTS):
        dealt = {kind: deal(each.numbers, hands, rng) for kind, each in measured.receptacles.items()}
        rooms = list(zip(*dealt.values(), strict=True))
        if not all(low <= sum(numbers) <= high for numbers in rooms):
            continue
        layouts = {
            layout_digest(kind for kind, number in zip(dealt, numbers, strict=True) for _ in range(number))
            for numbers in rooms
        }
        if len(layouts) == hands and not layouts & taken:
            return dealt
    raise RuntimeError(
        f"chance offered no {hands} layouts of a {room} that are all new; measure more games or ask for fewer"
    )


def _layouts(room: str, unseen: bool) -> frozenset[str]:
    return frozenset(layout_digest(place.kind for place in scene.receptacles) for scene in scenes(room, unseen))


def _furnish(name: str, furniture: Mapping[str, int], fixtures: Mapping[str, int]) -> Scene:
    rng = rng_of("measured scene", name)
    room = name.partition("-")[0]
    measured = load_statistics().rooms[room]
    receptacles: list[PlacedReceptacle] = []
    for kind in sorted(furniture):
        for spot in rng.sample(range(1000, 10000), furniture[kind]):
            location = _location(measured.receptacles[kind], receptacles, rng)
            openable = rng.random() < measured.receptacles[kind].openable
            receptacles.append(PlacedReceptacle(receptacle_identity(kind, spot), kind, openable, location))
    placer = Placer(measured.fixtures, measured.receptacles, receptacles, rng)
    fixed = [item for kind, number in fixtures.items() for item in placer.put(load_statistics().kinds[kind], number)]
    return Scene(name, room, tuple(receptacles), tuple(fixed))


def _location(measured: ReceptacleStatistics, earlier: Sequence[PlacedReceptacle], rng: random.Random) -> str:
    """A new location, or that of a receptacle this one stands beside."""
    chance = rng.random()
    for host, share in measured.beside.items():
        beside = [place for place in earlier if place.kind == host]
        if beside and chance < share:
            return rng.choice(beside).location
        chance -= share if beside else 0.0
    return f"loc_bar_{len(earlier)}"
