"""Landlock: which files this process may use from now on, and that it may neither use TCP nor signal other processes. Knows no program.

See https://docs.kernel.org/userspace-api/landlock.html. There since Linux 5.13; each version of its interface controls more: TCP since
the 4th, signals and abstract sockets since the 6th. What it does not control, like the mode of a file, ``seccomp`` forbids.
"""

import ctypes
import os
import struct
from collections.abc import Sequence

from . import kernel

# The numbers of the three calls are the same on all machines.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

# Rights to files, in the order of their bits.
# fmt: off
_RIGHTS = (
    "execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char", "make_dir",
    "make_reg", "make_sock", "make_fifo", "make_block", "make_sym", "refer", "truncate", "ioctl_dev",
)
# fmt: on
_SINCE = {"refer": 2, "truncate": 3, "ioctl_dev": 5}  # version of the interface; all others are in the first
_TO_READ = ("read_file", "read_dir")
_TO_WRITE = ("write_file", "remove_dir", "remove_file", "make_dir", "make_reg", "make_sym", "refer", "truncate")
_OF_FILES = {
    "execute",
    "write_file",
    "read_file",
    "truncate",
    "ioctl_dev",
}  # the others mean something for folders only
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets and signals


def version() -> int:
    """Which version of the interface this kernel has; 0 if none."""
    try:
        return kernel.call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except (OSError, AttributeError):
        return 0


def restrict(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Leave this process these files and folders and nothing else, for good. Needs ``PR_SET_NO_NEW_PRIVS``.

    Args:
        readable: files, and folders with all that is in them, that may be read. Those that do not exist are passed over.
        writable: those that may also be written.

    Raises:
        OSError: if the kernel refuses.
    """
    interface = version()
    known = [right for right in _RIGHTS if _SINCE.get(right, 1) <= interface]
    controlled = (_bits(known), _TCP if interface >= 4 else 0, _SCOPES if interface >= 6 else 0)
    size = 24 if interface >= 6 else 16 if interface >= 4 else 8
    attributes = struct.pack("QQQ", *controlled)[:size]
    ruleset = kernel.call(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, rights in ((readable, _TO_READ), (writable, (*_TO_READ, *_TO_WRITE))):
            for path in paths:
                _allow(ruleset, path, [right for right in rights if right in known])
        kernel.call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: Sequence[str]) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights = [right for right in rights if right in _OF_FILES]
        rule = struct.pack("=Qi", _bits(rights), place)
        kernel.call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def _bits(rights: Sequence[str]) -> int:
    return sum(1 << _RIGHTS.index(right) for right in rights)
