"""Writes walkthroughs down, command by command; knows nothing of chance or of what a task asks for."""

from collections.abc import Iterable

from alfworld_env.household.things import PlacedObject, PlacedReceptacle
from alfworld_env.problem import entity_names


def room_names(receptacles: Iterable[PlacedReceptacle], objects: Iterable[PlacedObject]) -> dict[str, str]:
    """What the game calls the things of a room, by their ids in lower case."""
    return entity_names({thing.identity.lower() for things in (receptacles, objects) for thing in things})


class Guide:
    """Writes commands down, going nowhere twice in a row and opening nothing twice.

    Args:
        names: As ``room_names`` gives them.

    Attributes:
        steps: The commands so far.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self.steps: list[str] = []
        self._location: str | None = None
        self._opened: set[str] = set()

    def visit(self, receptacle: PlacedReceptacle, to_open: bool = False) -> None:
        """Go to where a receptacle is; the game refuses to go where one already stands."""
        name = self._names[receptacle.identity.lower()]
        if self._location != receptacle.location:
            self.steps.append(f"go to {name}")
            self._location = receptacle.location
        if to_open and receptacle.openable and receptacle.identity not in self._opened:
            self.steps.append(f"open {name}")
            self._opened.add(receptacle.identity)

    def fetch(self, item: PlacedObject) -> None:
        """Take an object from where it lies."""
        self.visit(item.receptacle, to_open=True)
        self.steps.append(f"take {self._name(item)} from {self._name(item.receptacle)}")

    def treat(self, item: PlacedObject, treatment: str, appliance: PlacedReceptacle) -> None:
        """Clean, heat or cool the object in hand; a closed appliance will do."""
        self.visit(appliance)
        self.steps.append(f"{treatment} {self._name(item)} with {self._name(appliance)}")

    def deliver(self, item: PlacedObject, goal: PlacedReceptacle) -> None:
        """Put the object in hand where it has to end."""
        self.visit(goal, to_open=True)
        self.steps.append(f"move {self._name(item)} to {self._name(goal)}")

    def switch_on(self, lamp: PlacedObject) -> None:
        """Turn a lamp on."""
        self.visit(lamp.receptacle)
        self.steps.append(f"use {self._name(lamp)}")

    def _name(self, thing: PlacedObject | PlacedReceptacle) -> str:
        return self._names[thing.identity.lower()]
