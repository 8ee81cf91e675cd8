"""The folder that a tested program has to itself: made, watched and removed. Knows no program."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from interlat.evaluation.answers.sandbox.limits import Limits

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class ScratchFolder:
    """A temporary folder, whatever is done in it.

    As a context manager: it is gone at the end, unless a process still writes into it.
    """

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="interlat-"))
        return self.path

    def __exit__(self, *_: object) -> None:
        remove(self.path)


def holds_too_much(folder: Path, limits: Limits) -> bool:
    """Whether there is more in a folder than there may be. Looks no further once it knows, and never outside: links are not followed."""
    left, size = [str(folder)], 0
    entries = 0
    while left:
        with (
            contextlib.suppress(OSError),
            os.scandir(left.pop()) as found,
        ):  # removed in the meantime, or its path too long
            for entry in found:
                entries += 1
                told = entry.stat(follow_symlinks=False)
                size += told.st_blocks * 512
                if entries > limits.folder_entries or size > limits.folder_bytes:
                    return True
                if stat.S_ISDIR(told.st_mode):
                    left.append(entry.path)
    return False


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, however deep: one level is open at a time, and nothing recurses, as ``shutil.rmtree`` does.

    Nobody else may be writing in it.
    """
    opened = os.open(folder, _FOLDER)
    try:
        above: list[tuple[str, list[str]]] = []  # the name of each level that is entered, and what is left beside it
        left = _without_files(opened)
        while left or above:
            if left:
                name = left.pop()
                os.chmod(name, 0o700, dir_fd=opened)
                opened = _instead(opened, name)
                above.append((name, left))
                left = _without_files(opened)
            else:
                opened = _instead(opened, "..")
                name, left = above.pop()
                os.rmdir(name, dir_fd=opened)
    finally:
        os.close(opened)
    os.rmdir(folder)


def _without_files(opened: int) -> list[str]:
    """Remove the files of a folder; the names of the folders in it."""
    with os.scandir(opened) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if not is_folder:
            os.unlink(name, dir_fd=opened)
    return [name for name, is_folder in entries if is_folder]


def _instead(opened: int, name: str) -> int:
    """Open another folder, seen from the one that is open, and close that."""
    other = os.open(name, _FOLDER, dir_fd=opened)
    os.close(opened)
    return other
