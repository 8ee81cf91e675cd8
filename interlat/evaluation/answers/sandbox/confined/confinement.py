"""Confines the process that calls it, for good: limits, files, network, processes. Knows no program and no test.

Nothing here needs a privilege, and a process of the administrator gives up those it has. Each step is one that cannot be taken back, so
whatever runs afterwards is held, whatever it does in Python or below it.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import kernel, landlock, seccomp

_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
NOBODY = 2**16 - 2
# Python's own files beside its folders: the loader's list of libraries, clocks, and two devices that hold nothing.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/urandom")
_NOWHERE = "/dev/null"


def job() -> dict[str, Any]:
    """What this process is to do, as whoever started it wrote it down."""
    told: dict[str, Any] = json.loads(Path("job.json").read_text(encoding="utf-8"))
    return told


def confine(limits: Mapping[str, int], packages: Sequence[str], unconfined: bool) -> None:
    """Confine this process to its working folder, and to reading Python's own files.

    Args:
        limits: "processor_seconds", "memory_bytes", "file_bytes", "open_files".
        packages: folders of installed packages, which may be read and imported.
        unconfined: leave it at the limits, which hold on any Unix; nothing else is tried.

    Raises:
        OSError: if a step fails. Nothing may be run then.
    """
    sys.path += packages
    os.umask(0o077)
    _limit(limits, unconfined)
    if unconfined:
        return
    _become_nobody([*sys.path, sys.base_prefix])
    kernel.control_process(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.control_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    landlock.restrict([*sys.path, f"{sys.base_prefix}/lib", *_LIBRARIES], [os.getcwd(), _NOWHERE])
    _drop_capabilities()
    seccomp.restrict()


def _limit(limits: Mapping[str, int], unconfined: bool) -> None:
    """The kernel's limits of this process. The processor's ends it, the others make the call fail that goes beyond."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["processor_seconds"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_AS: limits["memory_bytes"],
        resource.RLIMIT_NPROC: 0,  # counts a user's processes, so of an ordinary user no more can be started
    }
    for kind, most in wanted.items():
        _, allowed = resource.getrlimit(kind)
        value = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            if not unconfined:  # macOS limits no memory
                raise


def _become_nobody(needed: Sequence[str]) -> None:
    """The administrator's process goes on as nobody, unless Python lies where nobody may read."""
    if os.geteuid() != 0 or not all(_open_to_all(Path(path)) for path in needed if os.path.exists(path)):
        return
    os.chown(".", NOBODY, NOBODY)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _open_to_all(path: Path) -> bool:
    path = path.resolve()
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents) if place.is_dir())


def _drop_capabilities() -> None:
    """Give up every privilege; what has none keeps none."""
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits each
    kernel.call(_CAPSET[os.uname().machine], ctypes.c_char_p(header), ctypes.c_char_p(nothing))
