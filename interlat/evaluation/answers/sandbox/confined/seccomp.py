"""seccomp: which system calls this process may use from now on. Knows no program.

See https://docs.kernel.org/userspace-api/seccomp_filter.html. A forbidden call fails as one that is not permitted, so that a program gets
an ordinary error and goes on; a call made the way of another kind of machine, whose numbers differ, ends the process.
"""

import ctypes
import errno
import struct
import sys
from os import uname

from . import kernel
from .syscalls import FCNTL, FORBIDDEN, MACHINES, NEWEST, PRLIMIT, number

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FILTER_MODE = 2
# Instructions of classic BPF, and what a filter may answer.
_LOAD, _IS, _ABOVE, _ANSWER = 0x20, 0x15, 0x25, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 5 << 16
# Where a call's facts stand: number, kind of machine, and the lower halves of the first two arguments.
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24
_SET_OWNER, _SET_SIGNAL, _SET_OWNER_EX = 8, 10, 15  # of fcntl: whom the kernel signals when a pipe has data


def available() -> bool:
    """Whether this kind of machine has a table of calls; Python of 32 bits has another one."""
    return sys.platform == "linux" and uname().machine in MACHINES and sys.maxsize > 2**32


def restrict() -> None:
    """Forbid the calls of ``syscalls.FORBIDDEN`` to this process, for good. Needs ``PR_SET_NO_NEW_PRIVS``.

    Raises:
        OSError: if the kernel refuses.
    """
    program = _program(uname().machine)
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    kernel.control_process(kernel.PR_SET_SECCOMP, _FILTER_MODE, ctypes.c_char_p(header))


def _program(machine: str) -> list[bytes]:
    refuse = _instruction(_ANSWER, _FAIL | errno.EPERM)
    program = [
        _instruction(_LOAD, _MACHINE),
        _instruction(_IS, _AUDIT[machine], 1, 0),
        _instruction(_ANSWER, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_ABOVE, NEWEST, 0, 1),
        _instruction(_ANSWER, _FAIL | errno.ENOSYS),
    ]
    for name in FORBIDDEN:
        forbidden = number(FORBIDDEN[name], machine)
        if forbidden is not None:
            program += [_instruction(_IS, forbidden, 0, 1), refuse]
    # Limits of this process only: those of another could end it.
    program += [
        _instruction(_IS, _known(PRLIMIT, machine), 0, 4),
        _instruction(_LOAD, _FIRST),
        _instruction(_IS, 0, 1, 0),
        refuse,
        _instruction(_ANSWER, _ALLOW),
    ]
    owners = (_SET_OWNER, _SET_SIGNAL, _SET_OWNER_EX)
    program += [_instruction(_IS, _known(FCNTL, machine), 0, 1 + len(owners)), _instruction(_LOAD, _SECOND)]
    program += [_instruction(_IS, command, len(owners) - place, 0) for place, command in enumerate(owners)]
    return [*program, _instruction(_ANSWER, _ALLOW), refuse]


def _known(of: tuple[int, int], machine: str) -> int:
    return of[MACHINES.index(machine)]


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; ``then`` and ``otherwise`` tell how many instructions a comparison skips."""
    return struct.pack("HBBI", code, then, otherwise, value)
