"""What can go wrong and a caller may react to; each message says what was wanted, what came, and what to do next."""


class InterlatError(Exception):
    """Base of every error this library raises on purpose."""


class GameDataNotFound(InterlatError, FileNotFoundError):
    """Raised when games (or a folder of them) are asked for and are not there."""


class LatentStoreMismatch(InterlatError, ValueError):
    """Raised when a latent store is damaged, incomplete, or made by another sender than the one asked for."""


class CheckpointMismatch(InterlatError, ValueError):
    """Raised when a run folder is damaged, of another stage, or of other models than the one asked for."""


class FolderInUse(InterlatError, RuntimeError):
    """Raised when a folder is to be written into that another process is writing into."""


class ModelNotFound(InterlatError, FileNotFoundError):
    """Raised when a model can be reached neither on disk, nor in an installed package, nor on the hub."""


class MissingBoundaryTokens(InterlatError, ValueError):
    """Raised when a tokenizer lacks ``<bop>`` or ``<eop>``."""


class InvalidMessage(InterlatError, ValueError):
    """Raised when a message has the wrong width, length, type or content."""


class InvalidSetting(InterlatError, ValueError):
    """Raised when a setting of a recipe or a command line contradicts another or is out of range."""
