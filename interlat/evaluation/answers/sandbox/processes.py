"""Starts confined processes and ends them. Knows no program and no test."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from interlat.evaluation.answers.sandbox.limits import Limits

_START = "import sys; sys.path.insert(0, {place!r}); from confined import {role}; sys.path.pop(0); {role}.main()"
# An empty environment but for what numbers need: one thread of numpy's, for no other may be started, and the same order of sets each time.
_ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class ConfinedProcess:
    """A process of Python that confines itself before it does its job. As a context manager: it has ended at the end.

    Args:
        role: the module of ``confined`` that says what it does.
        job: its settings, on top of limits and packages.
        folder: that it has to itself.
        pipes: descriptors that it inherits, and no others.
        limits: that it sets itself.
        unconfined: leave it at the limits.
    """

    def __init__(
        self,
        role: Literal["solver", "judge", "probe"],
        job: Mapping[str, Any],
        folder: Path,
        pipes: Sequence[int],
        limits: Limits,
        unconfined: bool,
    ) -> None:
        settings = {**job, "limits": asdict(limits), "packages": _packages(), "unconfined": unconfined}
        (folder / "job.json").write_text(json.dumps(settings), encoding="utf-8")
        place = str(Path(__file__).parent)
        libraries = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _START.format(place=place, role=role)],
            cwd=folder,
            env={**_ENVIRONMENT, **libraries, "HOME": str(folder), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=pipes,
            start_new_session=True,
        )

    def __enter__(self) -> "ConfinedProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> int:
        """End it and all of its group, by the one signal that nothing can ignore.

        Returns:
            Its exit status; below zero the number of the signal that ended it.
        """
        if (
            self._process.returncode is None
        ):  # as long as nobody has asked for its status, its number is no other group's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def ended(self, within: float = 0.0) -> int | None:
        """Its exit status, waited for so many seconds; None if it runs on."""
        deadline = time.monotonic() + within
        while (status := self._status()) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return status

    def _status(self) -> int | None:
        if not hasattr(os, "waitid"):  # macOS, where Python has it since 3.13
            return self._process.poll()
        if self._process.returncode is not None:
            return self._process.returncode
        seen = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status


def _packages() -> list[str]:
    """Folders of installed packages, which programs may read and import."""
    found = dict.fromkeys(sysconfig.get_paths()[name] for name in ("purelib", "platlib"))
    return [path for path in found if os.path.isdir(path)]
