"""Measure ALFWorld's train games: `python -m alfworld_env.household.measure --out alfworld_env/household/statistics.json`.

Statistics go in, not games: household games in measured rooms are drawn from them. Needs ALFWORLD_DATA.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alfworld_env.errors import AlfworldEnvError
from alfworld_env.games import Game, list_games
from alfworld_env.household.game import HouseholdGame
from alfworld_env.household.tally import Sample, count_statistics

# ALFRED's scenes 1-30 are kitchens, 201-230 living rooms, 301-330 bedrooms, 401-430 bathrooms.
_ROOMS = {0: "kitchen", 2: "livingroom", 3: "bedroom", 4: "bathroom"}
_DEPTH_OF_LINES = 4  # deeper dictionaries are written on one line


def sample_of(game: Game) -> Sample:
    """A game of ALFWorld's or a household game, with its room."""
    if isinstance(game, HouseholdGame):
        return Sample(game.scene.partition("-")[0], game.scene, game.load())
    scene = game.game_id.split("/")[1].rpartition("-")[2]
    return Sample(_ROOMS[int(scene) // 100], scene, game.load())


def write_statistics(statistics: dict[str, Any]) -> str:
    """The statistics as JSON, a line for each kind of thing."""
    return _written(statistics, 1) + "\n"


def _written(value: Any, depth: int) -> str:
    if depth > _DEPTH_OF_LINES or not any(isinstance(inner, dict | list) for inner in _inside(value)):
        return json.dumps(value)
    indent = " " * depth
    lines = (f"{indent}{json.dumps(key)}: {_written(inner, depth + 1)}" for key, inner in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent[1:]}}}"


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; 0, or 1 where the games are missing."""
    parser = argparse.ArgumentParser(description="Measure ALFWorld's train games.")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    options = parser.parse_args(arguments)
    try:
        statistics = count_statistics(map(sample_of, list_games("train")))
    except AlfworldEnvError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options.out.write_text(write_statistics(statistics), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
