"""Where to look next for a kind of object, from what a player may know beforehand; knows no engine and no episode."""

import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Literal

Search = Literal["common-sense", "measured"]

# Where things of a kind usually are, as a person would say.
_COMMON_SENSE = {
    "knife butterknife fork spoon spatula ladle bread saltshaker peppershaker soapbottle": "countertop diningtable",
    "apple tomato potato egg lettuce": "countertop diningtable fridge sinkbasin garbagecan",
    "mug cup plate bowl pan pot glassbottle": "countertop cabinet sinkbasin shelf diningtable coffeemachine",
    "soapbar cloth spraybottle toiletpaper candle dishsponge tissuebox": (
        "countertop sinkbasin toilet cabinet bathtubbasin"
    ),
    "book cd pen pencil creditcard keychain cellphone alarmclock watch": (
        "desk sidetable drawer dresser shelf coffeetable"
    ),
    "pillow laptop newspaper remotecontrol box teddybear": "sofa armchair bed coffeetable sidetable desk",
    "desklamp vase statue": "desk sidetable dresser shelf coffeetable",
}
_LIKELY = {kind: places.split() for kinds, places in _COMMON_SENSE.items() for kind in kinds.split()}
# Chance with which a kind is where none was in any train game, and how far luck moves the order of two places.
_UNSEEN_CHANCE = 0.003
_LUCK = 0.5


def next_place(kind: str, unexplored: Sequence[str], search: Search, rng: random.Random) -> str:
    """The receptacle to look into next.

    Args:
        kind: Of the object looked for, such as "mug".
        unexplored: Receptacles not looked into yet, such as "cabinet 3"; at least one.
        search: "common-sense": the places a person would name first, then all others, each in random order.
            "measured": likely places first, by how many of the kind one look into such a receptacle found in ALFWorld's
            train games, a look that needs opening counted as two; chance swaps places of like odds.
        rng: Source of chance.
    """
    if search == "measured":
        return max(unexplored, key=lambda name: _log_finds_a_step(kind, _kind(name)) + _LUCK * _gumbel(rng))
    likely = _LIKELY.get(kind, [])
    shuffled = list(unexplored)
    rng.shuffle(shuffled)
    return min(shuffled, key=lambda name: (_kind(name) not in likely, rng.random()))


def _kind(name: str) -> str:
    return name.rpartition(" ")[0]


def _gumbel(rng: random.Random) -> float:
    # The largest of log-odds plus Gumbel noise is a draw in proportion to the odds, here to their (1 / _LUCK)-th power.
    return -math.log(-math.log(1.0 - rng.random()))


def _log_finds_a_step(kind: str, receptacle_kind: str) -> float:
    finds, steps = _measured()
    return math.log((finds.get((kind, receptacle_kind), 0.0) + _UNSEEN_CHANCE) / steps.get(receptacle_kind, 1))


@cache
def _measured() -> tuple[Mapping[tuple[str, str], float], Mapping[str, int]]:
    """Finds a look, by (object kind, receptacle kind), and steps a look, by receptacle kind, over all rooms."""
    text = (resources.files("alfworld_env.household") / "statistics.json").read_text(encoding="utf-8")
    found: Counter[tuple[str, str]] = Counter()
    looks: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for room in json.loads(text)["rooms"].values():
        for name, receptacle in room["receptacles"].items():
            number = sum(receptacle["holds"].values())
            looks[name.lower()] += number
            closed[name.lower()] += round(number * receptacle["openable"])
        for things in (room["objects"], room["fixtures"]):
            for name, thing in things.items():
                found.update({(name.lower(), place.lower()): number for place, number in thing["places"].items()})
    return (
        {(kind, place): number / looks[place] for (kind, place), number in found.items()},
        {place: 2 if 2 * closed[place] > number else 1 for place, number in looks.items()},
    )
