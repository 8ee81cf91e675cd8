"""Tries what a confined process must not be able to do, and tells what held. Knows no program."""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from .confinement import confine, job

REFUSED = (OSError, MemoryError, RuntimeError)


def main() -> None:
    """Confine this process, try everything, write down what held."""
    told = job()
    report: dict[str, Any]
    try:
        confine(told["limits"], told["packages"], told["unconfined"])
    except (OSError, ValueError, AttributeError, KeyError) as error:
        report = {"trouble": f"{type(error).__name__}: {error}"}
    else:
        report = {"held": {name: _refused(attempt, told) for name, attempt in ATTEMPTS.items()}}
    os.write(told["verdict"], json.dumps(report).encode())


def _refused(attempt: Callable[[dict[str, Any]], Any], told: dict[str, Any]) -> bool:
    try:
        attempt(told)
    except REFUSED:
        return True
    return False


def _read(told: dict[str, Any]) -> None:
    with open(told["outside"], encoding="utf-8") as file:
        file.read()


def _write(told: dict[str, Any]) -> None:
    with open(f"{told['outside']}.written", "w", encoding="utf-8"):
        pass


def _see_processes(_: dict[str, Any]) -> None:
    with open(f"/proc/{os.getppid()}/environ", "rb") as file:
        file.read()


def _use_network(_: dict[str, Any]) -> None:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM):
            return
    raise OSError("no socket can be had")


def _start_process(_: dict[str, Any]) -> None:
    if os.fork() == 0:
        os._exit(0)


def _start_thread(_: dict[str, Any]) -> None:
    threading.Thread(target=int).start()


def _start_program(_: dict[str, Any]) -> None:
    # By a name that does not exist: where programs may be started, that is the error.
    with contextlib.suppress(FileNotFoundError):
        os.execv("./no such program", ["./no such program"])


def _signal(_: dict[str, Any]) -> None:
    os.kill(os.getppid(), 0)


def _limit_others(_: dict[str, Any]) -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)


def _change_mode(_: dict[str, Any]) -> None:
    os.chmod(".", 0o700)


def _own_pipe(_: dict[str, Any]) -> None:
    reads, writes = os.pipe()
    try:
        code = ctypes.CDLL(None, use_errno=True).fcntl(reads, 8, ctypes.c_long(os.getppid()))  # 8: F_SETOWN
    finally:
        os.close(reads)
        os.close(writes)
    if code < 0:
        raise OSError(ctypes.get_errno(), "fcntl")


def _take_memory(told: dict[str, Any]) -> None:
    bytearray(told["limits"]["memory_bytes"])


def _fill_file(told: dict[str, Any]) -> None:
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("large", "wb") as file:
        file.truncate(told["limits"]["file_bytes"] + 1)


ATTEMPTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "reads no file outside": _read,
    "writes no file outside": _write,
    "changes no file's mode": _change_mode,
    "sees no other process": _see_processes,
    "has no network": _use_network,
    "starts no process": _start_process,
    "starts no thread": _start_thread,
    "starts no program": _start_program,
    "signals nobody": _signal,
    "limits nobody else": _limit_others,
    "has nobody signalled": _own_pipe,
    "memory is limited": _take_memory,
    "files are limited": _fill_file,
}
