"""ALFWorld and household text games behind one contract; knows nothing of models or messages."""

from alfworld_env.env import AlfworldEnv, Engine, EngineName, Info
from alfworld_env.errors import AlfworldEnvError, EngineUnavailable, GameDataNotFound, InvalidGame, ResetNeeded
from alfworld_env.games import Game, GameData, Split, TaskType, list_games, read_game
from alfworld_env.house import house_view
from alfworld_env.observation import canonical_command, parse_receptacles, strip_banner, task_of

__all__ = [
    "AlfworldEnv",
    "AlfworldEnvError",
    "Engine",
    "EngineName",
    "EngineUnavailable",
    "Game",
    "GameData",
    "GameDataNotFound",
    "Info",
    "InvalidGame",
    "ResetNeeded",
    "Split",
    "TaskType",
    "canonical_command",
    "house_view",
    "list_games",
    "parse_receptacles",
    "read_game",
    "strip_banner",
    "task_of",
]
