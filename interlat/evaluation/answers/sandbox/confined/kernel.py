"""The three calls of the Linux kernel that confinement needs and Python does not offer. Knows no policy."""

import ctypes
import os
from functools import cache
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: Any) -> int:
    """A system call by its number.

    Raises:
        OSError: what the kernel says.
    """
    return _checked(_library().syscall(ctypes.c_long(number), *arguments), f"system call {number}")


def control_process(option: int, *arguments: Any) -> int:
    """``prctl``.

    Raises:
        OSError: what the kernel says.
    """
    padded = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in (*arguments, 0, 0, 0, 0)][:4]
    return _checked(_library().prctl(ctypes.c_int(option), *padded), f"prctl {option}")


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
