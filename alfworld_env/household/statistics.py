"""Reads what was measured on ALFWorld's train games (``statistics.json``, written by ``measure.py``); draws nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alfworld_env.games import TaskType
from alfworld_env.household.things import ObjectKind

_FILE = Path(__file__).with_name("statistics.json")


@dataclass(frozen=True)
class ReceptacleStatistics:
    """A kind of receptacle in a kind of room.

    Attributes:
        numbers: How many scenes have how many of it.
        openable: Share with a door.
        capacity: Most objects found in one.
        mean_number: In a scene.
        beside: How likely one is to share the location of an earlier receptacle, by the kind of that one.
    """

    numbers: Mapping[int, int]
    openable: float
    capacity: int
    mean_number: float
    beside: Mapping[str, float]


@dataclass(frozen=True)
class ObjectStatistics:
    """A kind of object in a kind of room.

    Attributes:
        numbers: How many games have how many of it; how many scenes, for what cannot be picked up.
        places: How often it was found in each kind of receptacle, as a share.
    """

    numbers: Mapping[int, int]
    places: Mapping[str, float]


@dataclass(frozen=True)
class RoomStatistics:
    """A kind of room.

    Attributes:
        receptacles: By kind.
        objects: Of what lies about, by kind.
        fixtures: Of what cannot be picked up, by kind; it is part of the scene.
        tasks: How often each (object, target) pair was the task, by task type.
        size: Fewest and most receptacles.
        layouts: Digests of the layouts that were measured.
    """

    receptacles: Mapping[str, ReceptacleStatistics]
    objects: Mapping[str, ObjectStatistics]
    fixtures: Mapping[str, ObjectStatistics]
    tasks: Mapping[TaskType, Mapping[tuple[str, str], int]]
    size: tuple[int, int]
    layouts: frozenset[str]


@dataclass(frozen=True)
class TaskStatistics:
    """A task type.

    Attributes:
        instances: How many games have how many objects of the kind the task is about.
        sentences: How often each wording occurs; {0} stands for the object, {1} for the target.
    """

    instances: Mapping[int, int]
    sentences: Mapping[str, int]


@dataclass(frozen=True)
class Statistics:
    """Everything measured.

    Attributes:
        kinds: Every kind of object, with what it may be put into.
        cool_in_fridge: Share of each kind that is cool from the start, of those in a fridge.
        task_types: By task type.
        rooms: By kind of room.
    """

    kinds: Mapping[str, ObjectKind]
    cool_in_fridge: Mapping[str, float]
    task_types: Mapping[TaskType, TaskStatistics]
    rooms: Mapping[str, RoomStatistics]


@cache
def load_statistics() -> Statistics:
    """What comes with the package."""
    return read_statistics(json.loads(_FILE.read_text(encoding="utf-8")))


def read_statistics(content: Mapping[str, Any]) -> Statistics:
    """Statistics from the plain data that ``tally.count_statistics`` gives."""
    fits = content["can_contain"]
    return Statistics(
        kinds={
            kind: ObjectKind(kind, tuple(place for place in fits if kind in fits[place]), tuple(flags))
            for kind, flags in content["flags"].items()
        },
        cool_in_fridge=content["cool_in_fridge"],
        task_types={
            TaskType(name): TaskStatistics(_numbers(measured["instances"]), measured["sentences"])
            for name, measured in content["task_types"].items()
        },
        rooms={room: _room(measured) for room, measured in content["rooms"].items()},
    )


def _room(measured: Mapping[str, Any]) -> RoomStatistics:
    beside = measured["beside"]
    return RoomStatistics(
        receptacles={kind: _receptacle(each, beside.get(kind, {})) for kind, each in measured["receptacles"].items()},
        objects={kind: _object(each) for kind, each in measured["objects"].items()},
        fixtures={kind: _object(each) for kind, each in measured["fixtures"].items()},
        tasks={
            TaskType(name): {(pair.split()[0], pair.split()[1]): number for pair, number in pairs.items()}
            for name, pairs in measured["tasks"].items()
        },
        size=(measured["num_receptacles"]["min"], measured["num_receptacles"]["max"]),
        layouts=frozenset(measured["layouts"]),
    )


def _receptacle(measured: Mapping[str, Any], beside: Mapping[str, float]) -> ReceptacleStatistics:
    numbers = _numbers(measured["numbers"])
    mean = sum(number * count for number, count in numbers.items()) / sum(numbers.values())
    return ReceptacleStatistics(numbers, measured["openable"], max(_numbers(measured["holds"])), mean, beside)


def _object(measured: Mapping[str, Any]) -> ObjectStatistics:
    total = sum(measured["places"].values())
    return ObjectStatistics(
        _numbers(measured["numbers"]), {kind: number / total for kind, number in measured["places"].items()}
    )


def _numbers(counts: Mapping[str, int]) -> dict[int, int]:
    return {int(number): count for number, count in counts.items()}
