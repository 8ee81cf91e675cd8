"""Runs a program and its tests, each in a confined process of its own, and tells what came of it. Knows no benchmark and no text."""

import contextlib
import io
import json
import os
import selectors
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlat.evaluation.answers.sandbox.confined.remote import ENDED
from interlat.evaluation.answers.sandbox.folder import ScratchFolder, holds_too_much
from interlat.evaluation.answers.sandbox.limits import Limits
from interlat.evaluation.answers.sandbox.processes import ConfinedProcess
from interlat.evaluation.answers.sandbox.protections import SandboxNotAvailable, require_sandbox

_LOOK_EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Verdict:
    """What came of a program.

    Args:
        passed: whether every test was run and passed.
        reason: "passed", or why not.
    """

    passed: bool
    reason: str


def run_tests(program: str, tests: str, entry_point: str, prompt: str = "", limits: Limits | None = None) -> Verdict:
    """Run a program, then its tests on it.

    The program cannot pass by anything but right answers: tests run in another process, on what the program's functions give back as
    plain data. A ``print`` goes nowhere. Any thread may call this.

    Args:
        program: source code that nobody vouches for.
        tests: source code that calls what the program defines; passed if it comes to its end.
        entry_point: the function that the program must define.
        prompt: source code that the tests may also use, defined on their side.
        limits: of the program and, again, of the tests; None takes the defaults.

    Raises:
        SandboxNotAvailable: if programs cannot be confined here, or a process does not start.
    """
    limits = limits or Limits()
    unconfined = require_sandbox()
    with _Pipe() as question, _Pipe() as answer, _Pipe() as verdict, ScratchFolder() as mine, ScratchFolder() as theirs:
        solves: dict[str, Any] = {"program": program, "pipes": [question.reads.fileno(), answer.writes.fileno()]}
        judges: dict[str, Any] = {
            **{"tests": tests, "prompt": prompt, "entry_point": entry_point},
            **{"pipes": [answer.reads.fileno(), question.writes.fileno()], "verdict": verdict.writes.fileno()},
        }
        with (
            ConfinedProcess("solver", solves, theirs, solves["pipes"], limits, unconfined) as solver,
            ConfinedProcess("judge", judges, mine, [*judges["pipes"], judges["verdict"]], limits, unconfined) as judge,
        ):
            question.close()  # so that a pipe ends when the process at its other end does
            answer.close()
            verdict.writes.close()
            return _verdict(verdict.reads.fileno(), solver, judge, theirs, limits)


def _verdict(pipe: int, solver: ConfinedProcess, judge: ConfinedProcess, folder: Path, limits: Limits) -> Verdict:
    deadline = time.monotonic() + limits.wall_seconds
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(_LOOK_EVERY):
                more = os.read(pipe, 2**16)
                said += more
                if not more:
                    return _read(said, solver, judge)
            if holds_too_much(folder, limits):
                return Verdict(False, "the program filled its folder")
            if time.monotonic() > deadline:
                return Verdict(False, f"no end within {limits.wall_seconds:g} seconds")


def _read(said: bytes, solver: ConfinedProcess, judge: ConfinedProcess) -> Verdict:
    """What the tests' process said before it ended: first that both are confined, then the verdict."""
    told = [json.loads(line) for line in said.splitlines()]
    if not told or "confined" not in told[0]:
        trouble = told[0]["reason"] if told else _by_signal(judge.end())
        raise SandboxNotAvailable(
            f"a process for code did not start as it should ({trouble}); free memory or raise the limits, then go on with --resume"
        )
    if len(told) == 1:
        return Verdict(False, f"the tests were ended: {_by_signal(judge.end())}")
    passed, reason = told[1]["passed"], told[1]["reason"]
    if reason.startswith(ENDED) and (status := solver.ended(within=1.0)) is not None and status < 0:
        return Verdict(False, f"the program was ended: {_by_signal(status)}")
    return Verdict(passed, reason)


def _by_signal(status: int) -> str:
    """What an exit status tells. The kernel ends by SIGKILL what has used up its processor time, or the machine's memory."""
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
        return "SIGKILL, so out of processor time or memory" if name == "SIGKILL" else name
    return f"status {status}"


class _Pipe:
    """Both ends of a pipe; whichever is still open at the end is closed then."""

    def __init__(self) -> None:
        reads, writes = os.pipe()
        self.reads, self.writes = io.FileIO(reads, "rb"), io.FileIO(writes, "wb")

    def close(self) -> None:
        self.reads.close()
        self.writes.close()

    def __enter__(self) -> "_Pipe":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
