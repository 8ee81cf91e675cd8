"""Programs that mean harm: each is held, graded by what it does, and leaves nothing behind; the evaluation goes on."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hostile_programs import CONFINES, FAILING, PASSING, REFUSED

from interlat.evaluation.answers.sandbox import Limits, Verdict, run_tests

pytestmark = pytest.mark.skipif(not CONFINES, reason="this kernel has no Landlock, or no filter of system calls")
LIMITS = Limits(processor_seconds=1, wall_seconds=20.0, folder_entries=100)


@pytest.fixture
def outside(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A folder that must be as it was, an environment with a secret, and no process or folder more than before."""
    monkeypatch.setenv("TOKEN", "a secret")
    # A place of its own for what the sandbox makes: other processes may grade programs at the same time.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("made")))
    secret = tmp_path / "secret"
    secret.write_text("kept")
    processes, folders = set(psutil.Process().children(recursive=True)), _folders()
    before, mine = secret.stat(), (os.getpriority(os.PRIO_PROCESS, 0), psutil.Process().rlimit(psutil.RLIMIT_CPU))
    yield tmp_path
    assert secret.read_text() == "kept"
    after = secret.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime) == (before.st_mode, before.st_uid, before.st_mtime)
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert set(psutil.Process().children(recursive=True)) == processes
    assert _folders() == folders
    assert (os.getpriority(os.PRIO_PROCESS, 0), psutil.Process().rlimit(psutil.RLIMIT_CPU)) == mine


@pytest.fixture
def port() -> Iterator[int]:
    """Where somebody listens to whom nobody may come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):
            server.accept()


def _folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("interlat-*")}


def _run(program: str, limits: Limits = LIMITS) -> Verdict:
    return run_tests(program, "assert f(1) == 2", "f", limits=limits)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_does_no_harm(name: str, outside: Path, port: int):
    program = (
        REFUSED[name]
        .replace("{outside}", str(outside))
        .replace("{parent}", str(os.getpid()))
        .replace("{port}", str(port))
    )
    verdict = _run(program)
    assert verdict.passed, verdict.reason  # the program itself says that it was refused


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.usefixtures("outside")
def test_what_must_not_pass_is_graded_wrong(name: str):
    program, reason = FAILING[name]
    limits = Limits(processor_seconds=1, wall_seconds=1.0) if "no end" in reason else LIMITS
    verdict = _run(program, limits)
    assert not verdict.passed
    assert any(part in verdict.reason for part in reason.split("|")), verdict.reason


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.usefixtures("outside")
def test_what_does_no_harm_passes(name: str):
    verdict = _run(PASSING[name], Limits(processor_seconds=5))
    assert verdict.passed, verdict.reason


@pytest.mark.usefixtures("outside")
def test_the_evaluation_goes_on_in_several_threads_beside_hostile_programs():
    hostile = [
        FAILING[name][0] for name in ("an endless loop", "an exit that says all is well", "many files", "a crash")
    ]
    programs = [program for each in hostile for program in (each, "def f(x): return x + 1")]
    found: list[Verdict | None] = [None] * len(programs)

    def grade(number: int) -> None:
        found[number] = _run(programs[number])

    threads = [threading.Thread(target=grade, args=(number,)) for number in range(len(programs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [verdict is not None and verdict.passed for verdict in found] == [False, True] * len(hostile)
