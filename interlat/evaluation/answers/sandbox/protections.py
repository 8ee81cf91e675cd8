"""What this machine protects against when it runs a model's code, measured; and the error where that is not enough. Knows no program."""

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from interlat.errors import InterlatError
from interlat.evaluation.answers.sandbox.confined import landlock, seccomp
from interlat.evaluation.answers.sandbox.folder import ScratchFolder
from interlat.evaluation.answers.sandbox.limits import Limits
from interlat.evaluation.answers.sandbox.processes import ConfinedProcess

UNCONFINED_VARIABLE = "INTERLAT_UNCONFINED_CODE"
"""Set to 1, code is run with limits only: the explicit way around a machine that cannot confine it."""


class SandboxNotAvailable(InterlatError, RuntimeError):  # noqa: N818  # named after what is wrong, as all errors here
    """Raised when a model's code is to be run and cannot be confined."""


def require_sandbox() -> bool:
    """Raise ``SandboxNotAvailable`` unless a model's code may be run here. Measured once a process.

    Returns:
        Whether it is to be run with limits only, because somebody asked for that.
    """
    if os.name != "posix":
        raise SandboxNotAvailable(
            f"a model's code is run on Linux only, not on {platform.system()}; take another machine"
        )
    if os.environ.get(UNCONFINED_VARIABLE) == "1":
        return True
    missing = [name for name, held in protections().items() if not held]
    if missing:
        raise SandboxNotAvailable(
            f"a model's code cannot be confined here ({_why()}); not held: {', '.join(missing)}. Take Linux 5.13 or later with "
            f"Landlock, or, where the machine is thrown away afterwards, set {UNCONFINED_VARIABLE}=1, leaving limits of time and memory"
        )
    return False


def protections() -> Mapping[str, bool]:
    """What holds here, by name: each is tried by a process that is confined as programs are. Takes tenths of a second, once."""
    return dict(_measured())


@cache
def _measured() -> tuple[tuple[str, bool], ...]:
    from interlat.evaluation.answers.sandbox.confined.probe import ATTEMPTS

    nothing = tuple((name, False) for name in ATTEMPTS)
    if not (seccomp.available() and landlock.version()):
        return nothing
    reads, writes = os.pipe()
    with (
        tempfile.TemporaryDirectory(prefix="interlat-") as outside,
        ScratchFolder() as folder,
        os.fdopen(reads) as report,
    ):
        secret = Path(outside, "secret")
        secret.write_text("not to be read", encoding="utf-8")
        try:
            job = {"verdict": writes, "outside": str(secret)}
            with ConfinedProcess("probe", job, folder, [writes], Limits(), unconfined=False) as probe:
                probe.ended(within=60.0)
        finally:
            os.close(writes)
        told = json.loads(report.read() or "{}")
    return tuple(told.get("held", dict(nothing)).items())


def _why() -> str:
    if not seccomp.available():
        return f"no filter of system calls for {platform.system()} on {platform.machine()}"
    if not landlock.version():
        return "the kernel has no Landlock, or a container forbids it"
    return "the kernel refuses a part of it"
