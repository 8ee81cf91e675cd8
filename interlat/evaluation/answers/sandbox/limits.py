"""What a tested program may use. Knows no program."""

from dataclasses import asdict, dataclass

from interlat.errors import InvalidSetting


@dataclass(frozen=True)
class Limits:
    """Limits of a program and, each again, of its tests.

    Args:
        processor_seconds: of either process. A busy machine does not eat into it.
        wall_seconds: for both together, waiting included.
        memory_bytes: of addresses, as the kernel counts them. Python and numpy alone take a fifth of the default.
        file_bytes: of one file.
        folder_bytes: of all files together; looked at 20 times a second, so that a fast disk may be a little ahead.
        folder_entries: how many files and folders, likewise.
        open_files: at once.

    Raises:
        InvalidSetting: if one is not above zero.
    """

    processor_seconds: int = 10
    wall_seconds: float = 60.0
    memory_bytes: int = 2 * 2**30
    file_bytes: int = 16 * 2**20
    folder_bytes: int = 64 * 2**20
    folder_entries: int = 1000
    open_files: int = 64

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0:
                raise InvalidSetting(f"{name} must be above 0, got {value}")
