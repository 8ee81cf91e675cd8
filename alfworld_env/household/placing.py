"""Puts things into receptacles as often as such things were found there, none fuller than any measured; knows no tasks."""

import random
from collections.abc import Iterable, Mapping, Sequence

from alfworld_env.household.statistics import ObjectStatistics, ReceptacleStatistics
from alfworld_env.household.things import ObjectKind, PlacedObject, PlacedReceptacle


class Placer:
    """Fills one room.

    Args:
        objects: Where each kind of object lies.
        kinds: How many receptacles there are of each kind, and how much one holds.
        receptacles: In the room.
        rng: Decides.
        inside: What is in them already.
    """

    def __init__(
        self,
        objects: Mapping[str, ObjectStatistics],
        kinds: Mapping[str, ReceptacleStatistics],
        receptacles: Sequence[PlacedReceptacle],
        rng: random.Random,
        inside: Iterable[PlacedObject] = (),
    ) -> None:
        self._objects = objects
        self._kinds = kinds
        self._receptacles = receptacles
        self._rng = rng
        self._space = {place.identity: kinds[place.kind].capacity for place in receptacles}
        for item in inside:
            self._space[item.receptacle.identity] -= 1

    def put(self, kind: ObjectKind, number: int, not_in: frozenset[str] = frozenset()) -> list[PlacedObject]:
        """Put objects of a kind somewhere, once for each kind; fewer than asked for where no more fit.

        Args:
            kind: Of the objects.
            number: Of objects.
            not_in: Kinds of receptacles to keep them out of.
        """
        places = self._objects[kind.name].places
        where = [place for place in self._receptacles if place.kind in places and place.kind not in not_in]
        # One of three cabinets gets a third of what cabinets get, and more where there are fewer cabinets than usual.
        pulls = [places[place.kind] / self._kinds[place.kind].mean_number for place in where]
        placed = []
        for spot in self._rng.sample(range(1000, 10000), number):
            free = [bool(self._space[place.identity]) * pull for place, pull in zip(where, pulls, strict=True)]
            if not any(free):
                break
            (place,) = self._rng.choices(where, free)
            self._space[place.identity] -= 1
            placed.append(PlacedObject(f"{kind.name}_bar_{spot}", kind, place))
        return placed
