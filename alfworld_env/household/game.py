"""Which household games there are: lists them by split and kind of rooms; knows nothing of how a game is made."""

from dataclasses import dataclass
from typing import Literal, get_args

from alfworld_env.games import GameData, Split, TaskType
from alfworld_env.household import measured, small

Rooms = Literal["small", "measured"]
_PREFIX: dict[Rooms, str] = {"small": "household", "measured": "household-measured"}


@dataclass(frozen=True, order=True)
class HouseholdGame:
    """One household game; ``load`` builds it.

    Attributes:
        game_id: ``household/<split>/<scene>/<seed>-<number>``; ``household-measured/...`` for measured rooms.
        split: Train, seen or unseen.
        task_type: One of the six.
        scene: Kind of room and number.
        seed: Of the generator.
        number: Of the game.
        rooms: "small" or "measured".
    """

    game_id: str
    split: Split
    task_type: TaskType
    scene: str
    seed: int
    number: int
    rooms: Rooms = "small"

    def load(self) -> GameData:
        """Build the game."""
        if self.rooms == "small":
            return small.build(self.game_id, self.task_type, self.scene)
        return measured.build(self.game_id, measured.draw_task(self.split, self.task_type, self.number, self.seed))


def household_games(split: Split, count: int, seed: int = 0, rooms: Rooms = "small") -> list[HouseholdGame]:
    """The first ``count`` games of a split; the six task types take turns.

    Args:
        split: ``train`` and ``seen`` share scenes, not games; ``unseen`` has scenes of its own, and in measured rooms
            pairs of object and target of its own.
        count: How many.
        seed: Another seed gives other games in the same scenes.
        rooms: "small" (hand-written, 14 to 26 receptacles) or "measured" (as large, as full and as varied as ALFWorld's).

    Raises:
        ValueError: There is no such split or no such kind of rooms.
    """
    if split not in get_args(Split):
        raise ValueError(f"unknown split {split!r}; use one of {', '.join(get_args(Split))}")
    if rooms not in get_args(Rooms):
        raise ValueError(f"unknown rooms {rooms!r}; use one of {', '.join(get_args(Rooms))}")
    return [household_game(split, number, seed, rooms) for number in range(count)]


def household_game(split: Split, number: int, seed: int = 0, rooms: Rooms = "small") -> HouseholdGame:
    """One game of a split; arguments as for ``household_games``."""
    types = list(TaskType)
    task_type = types[number % len(types)]
    if rooms == "small":
        scene = small.draw_scene(split, task_type, number, seed)
    else:
        scene = measured.draw_task(split, task_type, number, seed).scene
    game_id = f"{_PREFIX[rooms]}/{split}/{scene}/{seed}-{number:06d}"
    return HouseholdGame(game_id, split, task_type, scene, seed, number, rooms)
