"""The things of a room as plain data: kinds, receptacles, objects; knows nothing of chance or of PDDL's syntax."""

from dataclasses import dataclass

from alfworld_env.games import TaskType

LAMP_KIND = "DeskLamp"
TREATMENTS = {TaskType.CLEAN_AND_PLACE: "clean", TaskType.HEAT_AND_PLACE: "heat", TaskType.COOL_AND_PLACE: "cool"}
APPLIANCES = {"clean": "SinkBasin", "heat": "Microwave", "cool": "Fridge"}
ABILITIES = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}


@dataclass(frozen=True)
class ObjectKind:
    """A kind of object.

    Attributes:
        name: As in ALFWorld, e.g. "CellPhone".
        places: Kinds of receptacles it may be put into.
        flags: What the problem says of each, e.g. "pickupable" or "heatable", in the order they are written.
    """

    name: str
    places: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class PlacedReceptacle:
    """A receptacle in a room.

    Attributes:
        identity: Its PDDL id.
        kind: E.g. "SinkBasin".
        openable: Whether it must be opened first.
        location: PDDL id of where one stands to use it; receptacles may share one.
    """

    identity: str
    kind: str
    openable: bool
    location: str


@dataclass(frozen=True)
class PlacedObject:
    """An object in a receptacle.

    Attributes:
        identity: Its PDDL id.
        kind: What it is.
        receptacle: What it lies in.
        is_cool: Whether it is cool from the start.
    """

    identity: str
    kind: ObjectKind
    receptacle: PlacedReceptacle
    is_cool: bool = False


def receptacle_identity(kind: str, spot: int) -> str:
    """A PDDL id from which the game derives the receptacle's name.

    Args:
        kind: E.g. "SinkBasin".
        spot: Any number; no other receptacle of the kind may have it.
    """
    # "basin" in an id turns the name before the first bar into "…basin": sink + basin.
    return f"{kind.removesuffix('Basin')}_bar_{spot}{f'_bar_{kind}' if kind.endswith('Basin') else ''}"
