"""What can go wrong with a game, told apart so that a caller can act on it; knows no engine.

The names say what is wrong rather than end in "Error"; they are part of the public contract.
"""


class AlfworldEnvError(Exception):
    """Base of every error this package raises on purpose."""


class GameDataNotFound(AlfworldEnvError, FileNotFoundError):  # noqa: N818
    """No game data where it was looked for."""


class InvalidGame(AlfworldEnvError, ValueError):  # noqa: N818
    """A game that is truncated, not ALFWorld's, or that no engine can play."""


class ResetNeeded(AlfworldEnvError, RuntimeError):  # noqa: N818
    """A step was asked of an episode that has not begun or is over."""


class EngineUnavailable(AlfworldEnvError, ImportError):  # noqa: N818
    """The engine asked for needs a package that is not installed."""
