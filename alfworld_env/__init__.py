"""ALFWorld and household text games behind one contract; knows nothing of models or messages."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alfworld_env.checker import ContractBroken, check_env
from alfworld_env.engine import NativeEngine
from alfworld_env.env import AlfworldEnv, Engine, EngineName, EpisodeSnapshot, Info
from alfworld_env.errors import AlfworldEnvError, EngineUnavailable, GameDataNotFound, InvalidGame, ResetNeeded
from alfworld_env.games import Game, GameData, Split, TaskType, game_sets, list_games, read_game
from alfworld_env.house import house_view
from alfworld_env.observation import canonical_command, parse_receptacles, strip_banner, task_of
from alfworld_env.slots import SlotFailed
from alfworld_env.vector import VectorAlfworldEnv, VectorInfo

if TYPE_CHECKING:
    from alfworld_env.distilled import write_distilled
    from alfworld_env.eto import read_eto
    from alfworld_env.household import household_games
    from alfworld_env.trajectories import Trajectory, Turn, record_expert, record_walkthrough
    from alfworld_env.trajectory_file import read_trajectories, write_trajectories

__all__ = [
    "AlfworldEnv",
    "AlfworldEnvError",
    "ContractBroken",
    "Engine",
    "EngineName",
    "EngineUnavailable",
    "EpisodeSnapshot",
    "Game",
    "GameData",
    "GameDataNotFound",
    "Info",
    "InvalidGame",
    "NativeEngine",
    "ResetNeeded",
    "SlotFailed",
    "Split",
    "TaskType",
    "Trajectory",
    "Turn",
    "VectorAlfworldEnv",
    "VectorInfo",
    "canonical_command",
    "check_env",
    "game_sets",
    "house_view",
    "household_games",
    "list_games",
    "parse_receptacles",
    "read_eto",
    "read_game",
    "read_trajectories",
    "record_expert",
    "record_walkthrough",
    "strip_banner",
    "task_of",
    "write_distilled",
    "write_trajectories",
]

# Making games, playing experts and files are not needed to play, so they are imported when first asked for.
_LAZY = {
    "household_games": "household",
    "read_eto": "eto",
    "read_trajectories": "trajectory_file",
    "write_distilled": "distilled",
    "write_trajectories": "trajectory_file",
    "Trajectory": "trajectories",
    "Turn": "trajectories",
    "record_expert": "trajectories",
    "record_walkthrough": "trajectories",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
