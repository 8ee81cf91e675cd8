"""Counts what games are like: furniture, contents, tasks; knows nothing of where games come from or are written to."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from alfworld_env.games import GameData
from alfworld_env.household.things import APPLIANCES, TREATMENTS
from alfworld_env.problem import Problem, parse_problem

_TYPE = re.compile(r"\b([A-Za-z]+)Type\b")
_FLAGS = ("cleanable", "coolable", "heatable", "isReceptacleObject", "pickupable", "sliceable", "toggleable")
_DIGITS = 4  # of shares


@dataclass(frozen=True)
class Sample:
    """A game and where it plays.

    Attributes:
        room: "kitchen", "livingroom", "bedroom" or "bathroom".
        scene: Which one; all games of a scene have the same furniture.
        data: The game.
    """

    room: str
    scene: str
    data: GameData


def count_statistics(samples: Iterable[Sample]) -> dict[str, Any]:
    """What these games are like, as plain data with sorted keys.

    Returns:
        See ``statistics.py``, which reads it. Counts are integers, shares have four digits. No room and no placement can
        be read back from it: every count is of one kind of thing, over all games or scenes of a kind of room; of layouts
        there are digests only, so that one can be avoided but not rebuilt.
    """
    rooms: dict[str, _RoomTally] = defaultdict(_RoomTally)
    tasks = _TaskTally()
    kinds = _KindTally()
    for sample in samples:
        game = _Game(sample)
        rooms[sample.room].add(game)
        tasks.add(game)
        kinds.add(game)
    result = {**kinds.result(), **tasks.result(), "rooms": {room: tally.result() for room, tally in rooms.items()}}
    ordered: dict[str, Any] = _ordered(result)
    return ordered


def layout_digest(kinds: Iterable[str]) -> str:
    """A short digest of how many receptacles of each kind there are."""
    return hashlib.sha256(repr(sorted(Counter(kinds).items())).encode()).hexdigest()[:8]


def summary(values: Sequence[int]) -> dict[str, float]:
    """Mean, 5 % and 95 % quantiles (nearest rank), lowest and highest."""
    ranked = sorted(values)
    low, high = (ranked[int(share * (len(ranked) - 1) + 0.5)] for share in (0.05, 0.95))
    mean = round(sum(ranked) / len(ranked), 2)
    return {"mean": mean, "p5": low, "p95": high, "min": ranked[0], "max": ranked[-1]}


class _Game:
    """One game with its things by kind, spelt as the problem spells them."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.problem: Problem = parse_problem(sample.data.problem)
        self.spelt: dict[str, str] = {name.lower(): name for name in _TYPE.findall(sample.data.problem)}
        self.receptacles = {place: self._kind(kinds) for place, kinds in self.problem.receptacle_types.items()}
        self.listed = [(thing, place) for place, things in self.problem.contents.items() for thing in sorted(things)]
        self.objects = {thing: self._kind(self.problem.object_types[thing]) for thing, _ in self.listed}
        goal = self.problem.goal
        self.task_type = goal.task_type
        self.thing = self.spell(goal.object_type)
        self.target = self.spell(goal.receptacle_type or goal.lamp_type or "")
        self.instances = [thing for thing, kind in self.objects.items() if kind == self.thing]

    def spell(self, kind: str) -> str:
        """A kind as spelt in the problem, from its type in lower case."""
        return self.spelt[kind.removesuffix("type")]

    def has(self, flag: str, thing: str) -> bool:
        return thing in self.problem.flags[flag.lower()]

    def _kind(self, kinds: frozenset[str]) -> str:
        (kind,) = kinds
        return self.spell(kind)


class _RoomTally:
    """One kind of room."""

    def __init__(self) -> None:
        self.scenes: dict[str, _Game] = {}
        self.targets: Counter[str] = Counter()
        self.numbers: dict[str, Counter[int]] = defaultdict(Counter)
        self.places: dict[str, Counter[str]] = defaultdict(Counter)
        self.holds: dict[str, Counter[int]] = defaultdict(Counter)
        self.games_with: Counter[str] = Counter()
        self.guests: Counter[tuple[str, str]] = Counter()
        self.tasks: dict[str, Counter[str]] = defaultdict(Counter)
        self.num_receptacles: list[int] = []
        self.num_objects: list[int] = []

    def add(self, game: _Game) -> None:
        self.scenes.setdefault(game.sample.scene, game)
        self.targets[game.thing] += 1
        self.tasks[game.task_type][f"{game.thing} {game.target}"] += 1
        for kind, number in Counter(game.objects.values()).items():
            # A game has more of what it is about; that is counted with the tasks.
            if kind != game.thing:
                self.numbers[kind][number] += 1
        for thing, place in game.listed:
            self.places[game.objects[thing]][game.receptacles[place]] += 1
        for place, things in game.problem.contents.items():
            self.holds[game.receptacles[place]][len(things)] += 1
        self.num_receptacles.append(len(game.receptacles))
        self.num_objects.append(len(game.objects))
        self._add_neighbours(game)

    def _add_neighbours(self, game: _Game) -> None:
        self.games_with.update(set(game.receptacles.values()))
        for here in game.problem.receptacles_at.values():
            kinds = sorted(game.receptacles[place] for place in here)
            self.guests.update((guest, host) for host, guest in pairwise(kinds))

    def result(self) -> dict[str, Any]:
        scenes = list(self.scenes.values())
        fixtures = {
            game.objects[thing] for game in scenes for thing in game.objects if not game.has("pickupable", thing)
        }
        beside: dict[str, dict[str, float]] = defaultdict(dict)
        for (guest, host), number in self.guests.items():
            # The first of its kind in a room has none of its kind to stand beside.
            chances = self.holds[guest].total() - (self.games_with[guest] if guest == host else 0)
            beside[guest][host] = round(number / chances, _DIGITS)
        return {
            "games": len(self.num_objects),
            "scenes": len(scenes),
            "num_receptacles": summary(self.num_receptacles),
            "num_objects": summary(self.num_objects),
            "receptacles": {kind: self._receptacle(kind) for kind in self.holds},
            "beside": beside,
            "objects": {
                kind: {"numbers": self._numbers(kind), "places": places}
                for kind, places in self.places.items()
                if kind not in fixtures
            },
            "fixtures": {
                kind: {
                    "numbers": Counter(list(game.objects.values()).count(kind) for game in scenes),
                    "places": self.places[kind],
                }
                for kind in fixtures
            },
            "tasks": self.tasks,
            "layouts": sorted({layout_digest(game.receptacles.values()) for game in scenes}),
        }

    def _receptacle(self, kind: str) -> dict[str, Any]:
        """Numbers and doors are a scene's, contents a game's."""
        numbers, doors = Counter[int](), Counter[bool]()
        for game in self.scenes.values():
            places = [place for place, found in game.receptacles.items() if found == kind]
            numbers[len(places)] += 1
            doors.update(game.has("openable", place) for place in places)
        openable = round(doors[True] / doors.total(), _DIGITS)
        return {"numbers": numbers, "openable": openable, "holds": self.holds[kind]}

    def _numbers(self, kind: str) -> Counter[int]:
        absent = len(self.num_objects) - self.targets[kind] - self.numbers[kind].total()
        return self.numbers[kind] + Counter({0: absent})


class _TaskTally:
    """Tasks, by their type."""

    def __init__(self) -> None:
        self.by_type: dict[str, dict[str, Counter[Any]]] = defaultdict(lambda: defaultdict(Counter))

    def add(self, game: _Game) -> None:
        counted = self.by_type[game.task_type]
        words = {game.thing.lower(): "{0}", game.target.lower(): "{1}"}
        counted["sentences"][" ".join(_abstract(word, words) for word in game.sample.data.task.split(" "))] += 1
        counted["instances"][len(game.instances)] += 1
        counted["walkthroughs"][len(game.sample.data.walkthrough)] += 1
        appliance = APPLIANCES.get(TREATMENTS.get(game.task_type, ""))
        for thing, place in game.listed:
            if thing in game.instances:
                counted["starts"]["listed"] += 1
                counted["starts"]["in the target"] += game.receptacles[place] == game.target
                counted["starts"]["in the appliance"] += game.receptacles[place] == appliance

    def result(self) -> dict[str, Any]:
        return {"task_types": self.by_type}


class _KindTally:
    """What each kind of object is and may be put into, wherever it is."""

    def __init__(self) -> None:
        self.flags: dict[str, Counter[str]] = defaultdict(Counter)
        self.number: Counter[str] = Counter()
        self.chilled: Counter[str] = Counter()
        self.cool: Counter[str] = Counter()
        self.fits: dict[str, set[str]] = defaultdict(set)

    def add(self, game: _Game) -> None:
        for thing, kind in game.objects.items():
            self.number[kind] += 1
            self.flags[kind].update(flag for flag in _FLAGS if game.has(flag, thing))
        for thing, place in game.listed:
            if game.receptacles[place] == APPLIANCES["cool"] and game.has("coolable", thing):
                self.chilled[game.objects[thing]] += 1
                self.cool[game.objects[thing]] += game.has("isCool", thing)
        for place, thing in game.problem.can_contain:
            self.fits[game.spell(place)].add(game.spell(thing))

    def result(self) -> dict[str, Any]:
        known = set(self.number)
        return {
            "can_contain": {place: sorted(things & known) for place, things in self.fits.items()},
            "flags": {
                kind: sorted(flag for flag, number in self.flags[kind].items() if 2 * number > total)
                for kind, total in self.number.items()
            },
            "cool_in_fridge": {kind: round(self.cool[kind] / number, _DIGITS) for kind, number in self.chilled.items()},
        }


def _abstract(word: str, words: Mapping[str, str]) -> str:
    bare = word.rstrip(".")
    return words.get(bare, bare) + word[len(bare) :]


def _ordered(value: Any) -> Any:
    """Keys sorted, numbers as numbers, and written as text as JSON wants them."""
    if isinstance(value, Mapping):
        return {str(key): _ordered(value[key]) for key in sorted(value)}
    return value
