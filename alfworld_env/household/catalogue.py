"""What stands in which small room, and what lies where; knows nothing of chance or of PDDL.

Names and affordances are ALFWorld's; numbers are chosen so that a room has about twenty receptacles, as ALFWorld's
have (mean 23.5): looking everywhere takes longer than the papers' twenty steps.
"""

from dataclasses import dataclass

from alfworld_env.household.things import ABILITIES, LAMP_KIND, ObjectKind


@dataclass(frozen=True)
class ReceptacleKind:
    """A kind of receptacle.

    Args:
        name: as in ALFWorld, e.g. ``SinkBasin``.
        low: fewest in a room.
        high: most in a room.
        openable: whether it must be opened first.
    """

    name: str
    low: int
    high: int
    openable: bool = False


def _kinds(places: str, abilities: str, names: str) -> tuple[ObjectKind, ...]:
    flags = ("pickupable", *(ABILITIES[ability] for ability in sorted(abilities.split())))
    return tuple(ObjectKind(name, tuple(places.split()), flags) for name in names.split())


ROOMS: dict[str, tuple[ReceptacleKind, ...]] = {
    "kitchen": (
        ReceptacleKind("CounterTop", 1, 3),
        ReceptacleKind("Cabinet", 4, 8, openable=True),
        ReceptacleKind("Drawer", 2, 5, openable=True),
        ReceptacleKind("Fridge", 1, 1, openable=True),
        ReceptacleKind("Microwave", 1, 1, openable=True),
        ReceptacleKind("SinkBasin", 1, 1),
        ReceptacleKind("GarbageCan", 1, 1),
        ReceptacleKind("DiningTable", 0, 1),
        ReceptacleKind("Shelf", 1, 3),
        ReceptacleKind("StoveBurner", 1, 4),
    ),
    "bedroom": (
        ReceptacleKind("Bed", 1, 1),
        ReceptacleKind("Desk", 1, 2),
        ReceptacleKind("Drawer", 4, 8, openable=True),
        ReceptacleKind("Shelf", 2, 5),
        ReceptacleKind("SideTable", 1, 2),
        ReceptacleKind("Dresser", 1, 1),
        ReceptacleKind("Cabinet", 0, 3, openable=True),
        ReceptacleKind("GarbageCan", 1, 1),
        ReceptacleKind("Safe", 0, 1, openable=True),
        ReceptacleKind("ArmChair", 0, 2),
    ),
    "livingroom": (
        ReceptacleKind("Sofa", 1, 1),
        ReceptacleKind("ArmChair", 1, 2),
        ReceptacleKind("CoffeeTable", 1, 2),
        ReceptacleKind("SideTable", 1, 3),
        ReceptacleKind("Drawer", 4, 8, openable=True),
        ReceptacleKind("Cabinet", 1, 4, openable=True),
        ReceptacleKind("TVStand", 0, 1),
        ReceptacleKind("Shelf", 2, 4),
        ReceptacleKind("GarbageCan", 1, 1),
    ),
    "bathroom": (
        ReceptacleKind("CounterTop", 1, 2),
        ReceptacleKind("Cabinet", 4, 8, openable=True),
        ReceptacleKind("Drawer", 3, 6, openable=True),
        ReceptacleKind("SinkBasin", 1, 2),
        ReceptacleKind("BathtubBasin", 0, 1),
        ReceptacleKind("Toilet", 1, 1),
        ReceptacleKind("GarbageCan", 1, 1),
        ReceptacleKind("Shelf", 2, 4),
        ReceptacleKind("SideTable", 0, 1),
    ),
}

OBJECTS: dict[str, tuple[ObjectKind, ...]] = {
    "kitchen": (
        *_kinds(
            "CounterTop Cabinet Drawer SinkBasin DiningTable Shelf Microwave Fridge", "clean heat cool", "Mug Cup Plate"
        ),
        *_kinds("CounterTop Cabinet SinkBasin DiningTable Shelf Fridge StoveBurner", "clean cool", "Bowl Pot Pan"),
        *_kinds(
            "CounterTop Cabinet SinkBasin DiningTable Fridge GarbageCan Microwave",
            "clean heat cool",
            "Apple Tomato Potato Egg",
        ),
        *_kinds("CounterTop Cabinet Shelf DiningTable Fridge GarbageCan Microwave", "heat cool", "Bread"),
        *_kinds("CounterTop Cabinet DiningTable Fridge GarbageCan SinkBasin", "clean cool", "Lettuce"),
        *_kinds("CounterTop Drawer SinkBasin DiningTable", "clean", "Knife Fork Spoon Spatula Ladle"),
        *_kinds("CounterTop Cabinet Drawer DiningTable Shelf", "", "SaltShaker PepperShaker SoapBottle"),
        *_kinds("CounterTop Drawer SinkBasin Cabinet", "clean", "DishSponge"),
    ),
    "bedroom": (
        *_kinds("Bed Desk Drawer Shelf SideTable Dresser", "", "Book CD Pen Pencil"),
        *_kinds("Desk Drawer SideTable Dresser Safe ArmChair Cabinet", "", "CreditCard KeyChain Watch"),
        *_kinds("Bed Desk SideTable Dresser Drawer", "", "CellPhone"),
        *_kinds("Desk Shelf SideTable Dresser Cabinet Drawer", "", "AlarmClock Vase Statue"),
        *_kinds("Bed Desk ArmChair Dresser Cabinet Shelf", "", "Laptop Box"),
        *_kinds("Bed ArmChair", "", "Pillow TeddyBear"),
    ),
    "livingroom": (
        *_kinds("Sofa ArmChair CoffeeTable SideTable Drawer TVStand", "", "RemoteControl CreditCard KeyChain"),
        *_kinds("Sofa ArmChair CoffeeTable SideTable Drawer Cabinet", "", "Newspaper Book"),
        *_kinds("CoffeeTable SideTable Shelf TVStand Cabinet Drawer", "", "Statue Vase TissueBox Candle"),
        *_kinds("Sofa ArmChair CoffeeTable Cabinet Shelf", "", "Laptop Box"),
        *_kinds("Sofa ArmChair", "", "Pillow"),
        *_kinds("CoffeeTable SideTable Drawer Shelf Cabinet", "", "Watch Plate"),
    ),
    "bathroom": (
        *_kinds("CounterTop Cabinet Drawer SinkBasin GarbageCan BathtubBasin Toilet", "clean", "SoapBar"),
        *_kinds("CounterTop Cabinet Drawer BathtubBasin Toilet SideTable", "clean", "Cloth"),
        *_kinds("CounterTop Cabinet Drawer GarbageCan Toilet Shelf", "", "SoapBottle SprayBottle ToiletPaper"),
        *_kinds("CounterTop Cabinet Shelf Toilet SideTable Drawer", "", "Candle TissueBox"),
        *_kinds("CounterTop Drawer Shelf SideTable", "", "ToothBrush Comb"),
    ),
}

LAMP = ObjectKind(LAMP_KIND, ("Desk", "SideTable", "Dresser", "CoffeeTable", "Shelf"), ("toggleable",))
