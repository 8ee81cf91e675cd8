"""What is said of a machine: what holds is measured, and where it does not hold nothing is run unless somebody insists."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hostile_programs import CONFINES

from interlat.evaluation.answers import require_grader
from interlat.evaluation.answers.sandbox import SandboxNotAvailable, protections, run_tests
from interlat.evaluation.answers.sandbox.confined import landlock, seccomp, syscalls
from interlat.evaluation.answers.sandbox.confined.probe import ATTEMPTS
from interlat.evaluation.answers.sandbox.folder import ScratchFolder
from interlat.evaluation.answers.sandbox.limits import Limits
from interlat.evaluation.answers.sandbox.processes import ConfinedProcess
from interlat.evaluation.answers.sandbox.protections import UNCONFINED_VARIABLE, _measured

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kernel without Landlock."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    _measured.cache_clear()
    yield
    _measured.cache_clear()


@pytest.mark.skipif(not CONFINES, reason="this kernel has no Landlock, or no filter of system calls")
def test_each_protection_holds_where_the_kernel_has_what_it_takes():
    assert protections() == dict.fromkeys(ATTEMPTS, True)


def test_a_probe_that_is_not_confined_sees_that_little_holds():
    """All but the limits, which need no kernel's help: otherwise the probe would say of any machine that it protects."""
    reads, writes = os.pipe()
    with ScratchFolder() as outside, ScratchFolder() as folder, os.fdopen(reads) as report:
        (outside / "secret").write_text("open")
        job = {"verdict": writes, "outside": str(outside / "secret")}
        with ConfinedProcess("probe", job, folder, [writes], Limits(), unconfined=True) as probe:
            probe.ended(within=60.0)
        os.close(writes)
        held = json.loads(report.read())["held"]
    by_limits = {"memory is limited", "files are limited"}
    of_a_user = {"starts no process", "starts no thread"}  # of the administrator, no limit counts processes
    assert {name for name, holds in held.items() if holds} - of_a_user == by_limits


@pytest.mark.usefixtures("bare")
def test_without_protection_no_code_is_run(tmp_path: Path):
    assert not any(protections().values())
    with pytest.raises(SandboxNotAvailable, match=rf"no Landlock.*reads no file outside.*{UNCONFINED_VARIABLE}=1"):
        run_tests(f"open({str(tmp_path / 'made')!r}, 'w')", "", "f")
    with pytest.raises(SandboxNotAvailable):
        require_grader("code")
    require_grader("letter")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("bare")
def test_somebody_may_insist_and_keeps_the_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(UNCONFINED_VARIABLE, "1")
    require_grader("code")
    program = f"open({str(tmp_path / 'made')!r}, 'w').close()\ndef f(x): return x + 1"
    assert run_tests(program, "assert f(1) == 2", "f").passed
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    verdict = run_tests("while True: pass", "", "f", limits=Limits(processor_seconds=1))
    assert "out of processor time" in verdict.reason


@pytest.mark.usefixtures("bare")
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's limits allow no process, even where nothing confines")
def test_what_a_program_started_without_a_sandbox_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(UNCONFINED_VARIABLE, "1")
    program = (
        "import os, pathlib, time\nif (child := os.fork()) == 0:\n    time.sleep(600)\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child))\nos._exit(0)"
    )
    assert "no end within" in run_tests(program, "", "f", limits=Limits(wall_seconds=2.0)).reason
    child = int((tmp_path / "child").read_text())
    left = [psutil.Process(child)] if psutil.pid_exists(child) else []
    _, alive = psutil.wait_procs(left, timeout=10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_another_kind_of_machine_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seccomp, "available", lambda: False)
    _measured.cache_clear()
    try:
        with pytest.raises(SandboxNotAvailable, match="no filter of system calls for"):
            require_grader("code")
    finally:
        monkeypatch.undo()
        _measured.cache_clear()


@pytest.mark.skipif(not CONFINES, reason="this kernel has no Landlock, or no filter of system calls")
def test_a_process_that_cannot_confine_itself_runs_nothing_and_is_told():
    """Its limits leave it no file to confine itself with: nobody is to think that the program was wrong."""
    with pytest.raises(SandboxNotAvailable, match="did not start as it should"):
        run_tests("def f(x): return x + 1", "assert f(1) == 2", "f", limits=Limits(open_files=1))


@pytest.mark.parametrize("machine", syscalls.MACHINES)
def test_numbers_of_calls_are_the_kernels(machine: str):
    """Against the kernel's own headers, where they are installed."""
    if not HEADERS[machine].is_file():
        pytest.skip(f"no {HEADERS[machine]}: install the kernel's headers (linux-libc-dev)")
    found = re.finditer(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", HEADERS[machine].read_text(), re.MULTILINE)
    numbers = {match[1]: int(match[2]) for match in found}
    named = {**syscalls.FORBIDDEN, "prlimit64": syscalls.PRLIMIT, "fcntl": syscalls.FCNTL}
    assert {name: syscalls.number(of, machine) for name, of in named.items()} == {
        name: numbers.get(name) for name in named
    }
