"""One writer to a folder at a time. Knows nothing of what is written."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from interlat.errors import FolderInUse


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone.

    A process that ends, however it ends, lets go: the lock is the operating system's. The file ``.<name>.lock`` beside the
    folder, which one that was killed leaves, means nothing by itself.

    Args:
        folder: need not be there yet.

    Raises:
        FolderInUse: if another process, or another part of this one, holds it.
    """
    folder = folder.resolve()
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_name(f".{folder.name}.lock")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderInUse(
            f"wanted '{folder}' for this run alone, but another is writing into it; wait until it ends, or choose another folder"
        ) from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)  # while it is held: whoever locks a file that has lost its name tries again
        lock.release()
        with suppress(OSError):  # where something was written, they stay
            for parent in made:
                parent.rmdir()
