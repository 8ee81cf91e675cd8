"""A kitchen small enough to check by hand, and ALFWorld's own games where they are installed."""

import pytest

from alfworld_env import AlfworldEnvError, GameData, list_games

FACTS = """
    (atLocation agent1 loc_bar_00)
    (receptacleAtLocation Cabinet_bar_01 loc_bar_01)
    (receptacleAtLocation Cabinet_bar_02 loc_bar_02)
    (receptacleAtLocation CounterTop_bar_01 loc_bar_01)
    (receptacleAtLocation Fridge_bar_01 loc_bar_03)
    (receptacleAtLocation Microwave_bar_01 loc_bar_04)
    (receptacleAtLocation Sink_bar_01_bar_SinkBasin loc_bar_05)
    (receptacleAtLocation SideTable_bar_01 loc_bar_06)
    (receptacleType Cabinet_bar_01 CabinetType)
    (receptacleType Cabinet_bar_02 CabinetType)
    (receptacleType CounterTop_bar_01 CounterTopType)
    (receptacleType Fridge_bar_01 FridgeType)
    (receptacleType Microwave_bar_01 MicrowaveType)
    (receptacleType Sink_bar_01_bar_SinkBasin SinkBasinType)
    (receptacleType SideTable_bar_01 SideTableType)
    (openable Cabinet_bar_01)
    (openable Cabinet_bar_02)
    (openable Fridge_bar_01)
    (openable Microwave_bar_01)
    (objectType Apple_bar_01 AppleType)
    (objectType Apple_bar_02 AppleType)
    (objectType Knife_bar_01 KnifeType)
    (objectType Mug_bar_01 MugType)
    (objectType DeskLamp_bar_01 DeskLampType)
    (inReceptacle Apple_bar_01 CounterTop_bar_01)
    (inReceptacle Apple_bar_02 Cabinet_bar_02)
    (inReceptacle Knife_bar_01 CounterTop_bar_01)
    (inReceptacle Mug_bar_01 CounterTop_bar_01)
    (inReceptacle DeskLamp_bar_01 SideTable_bar_01)
    (objectAtLocation Apple_bar_01 loc_bar_01)
    (objectAtLocation Apple_bar_02 loc_bar_02)
    (objectAtLocation Knife_bar_01 loc_bar_01)
    (objectAtLocation Mug_bar_01 loc_bar_01)
    (objectAtLocation DeskLamp_bar_01 loc_bar_06)
    (pickupable Apple_bar_01) (pickupable Apple_bar_02) (pickupable Knife_bar_01) (pickupable Mug_bar_01)
    (cleanable Apple_bar_01) (heatable Apple_bar_01) (coolable Apple_bar_01) (sliceable Apple_bar_01)
    (cleanable Apple_bar_02) (heatable Apple_bar_02) (coolable Apple_bar_02) (sliceable Apple_bar_02)
    (isReceptacleObject Mug_bar_01)
    (toggleable DeskLamp_bar_01)
    (canContain CabinetType AppleType) (canContain CabinetType MugType) (canContain CounterTopType AppleType)
    (canContain FridgeType AppleType) (canContain CounterTopType MugType) (canContain CounterTopType KnifeType)
    (canContain SideTableType AppleType) (canContain SideTableType DeskLampType) (canContain MicrowaveType AppleType)
"""
OBJECTS = """
    agent1 - agent
    loc_bar_00 - location loc_bar_01 - location loc_bar_02 - location loc_bar_03 - location
    loc_bar_04 - location loc_bar_05 - location loc_bar_06 - location
    CabinetType - rtype CounterTopType - rtype FridgeType - rtype MicrowaveType - rtype SinkType - rtype
    SinkBasinType - rtype SideTableType - rtype
    AppleType - otype KnifeType - otype ButterKnifeType - otype MugType - otype DeskLampType - otype
    Cabinet_bar_01 - receptacle Cabinet_bar_02 - receptacle CounterTop_bar_01 - receptacle Fridge_bar_01 - receptacle
    Microwave_bar_01 - receptacle Sink_bar_01_bar_SinkBasin - receptacle SideTable_bar_01 - receptacle
    Apple_bar_01 - object Apple_bar_02 - object Knife_bar_01 - object Mug_bar_01 - object DeskLamp_bar_01 - object
"""
PLACE = "(inReceptacle ?o ?r) (objectType ?o {object}Type) (receptacleType ?r {place}Type)"
GOALS = {
    "place": ("Apple", "SideTable", ""),
    "clean": ("Apple", "SideTable", "(cleanable ?o) (isClean ?o)"),
    "heat": ("Apple", "SideTable", "(heatable ?o) (isHot ?o)"),
    "cool": ("Apple", "SideTable", "(coolable ?o) (isCool ?o)"),
}
WALKTHROUGHS = {
    "place": (
        "go to countertop 1",
        "take apple 2 from countertop 1",
        "go to sidetable 1",
        "move apple 2 to sidetable 1",
    ),
    "two": (
        *("go to countertop 1", "take apple 2 from countertop 1", "go to sidetable 1", "move apple 2 to sidetable 1"),
        *("go to cabinet 1", "open cabinet 1", "take apple 1 from cabinet 1"),
        *("go to sidetable 1", "move apple 1 to sidetable 1"),
    ),
    "look": ("go to countertop 1", "take mug 1 from countertop 1", "go to sidetable 1", "use desklamp 1"),
    "clean": (
        *("go to countertop 1", "take apple 2 from countertop 1", "go to sinkbasin 1"),
        *("clean apple 2 with sinkbasin 1", "go to sidetable 1", "move apple 2 to sidetable 1"),
    ),
    "heat": (
        *("go to countertop 1", "take apple 2 from countertop 1", "go to microwave 1"),
        *("heat apple 2 with microwave 1", "go to sidetable 1", "move apple 2 to sidetable 1"),
    ),
    "cool": (
        *("go to countertop 1", "take apple 2 from countertop 1", "go to fridge 1"),
        *("cool apple 2 with fridge 1", "go to sidetable 1", "move apple 2 to sidetable 1"),
    ),
}
TASKS = {
    "place": "put a apple in sidetable.",
    "two": "put two apple in sidetable.",
    "look": "look at mug under the desklamp.",
    "clean": "put a clean apple in sidetable.",
    "heat": "put a hot apple in sidetable.",
    "cool": "put a cool apple in sidetable.",
}


def goal_text(kind: str) -> str:
    if kind == "two":
        return """(and (exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 AppleType)
            (receptacleType ?r SideTableType) (inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2))
            (objectType ?o2 AppleType) (receptacleType ?r SideTableType) (inReceptacle ?o2 ?r)))))))"""
    if kind == "look":
        return """(and (exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and
            (objectType ?ot DeskLampType) (toggleable ?ot) (isToggled ?ot) (receptacleAtLocation ?r ?l)
            (atLocation ?a ?l) (inReceptacle ?ot ?r)))
            (exists (?o - object ?a - agent) (and (objectType ?o MugType) (holds ?a ?o))))"""
    thing, place, extra = GOALS[kind]
    wanted = PLACE.format(object=thing, place=place)
    return f"(and (exists (?r - receptacle) (exists (?o - object) (and {extra} {wanted}))))"


def small_game(kind: str = "place") -> GameData:
    """The kitchen with one of the six goals: "place", "two", "look", "clean", "heat" or "cool"."""
    problem = f"""(define (problem small)\n(:domain alfred)\n(:objects {OBJECTS})
        (:init {FACTS})\n        (:goal {goal_text(kind)}\n        )\n    )\n"""
    return GameData(problem=problem, task=TASKS[kind], walkthrough=WALKTHROUGHS[kind])


@pytest.fixture(scope="session")
def kitchen():
    """The small kitchen by the kind of its goal."""
    return small_game


@pytest.fixture(scope="session")
def real_games():
    """ALFWorld's own games by split, or a skip that says what is missing."""

    def games(split):
        try:
            return list_games(split)
        except AlfworldEnvError as error:
            pytest.skip(f"ALFWorld's games are not installed: {error}")

    return games
