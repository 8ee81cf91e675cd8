"""Every fault in ``tests/mutation/faults`` makes the test that is named for it fail, by an assertion.

Trials are processes of one thread each, so several of them do not wait for each other.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest

from mutation.faults import FAULTS
from mutation.mutant import Mutant
from mutation.trial import ROOT, Outcome, run

AT_ONCE = min(8, os.cpu_count() or 1)
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked from one warm process")


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """What comes of each fault that is to be tried, by its name."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [call.params["fault"] for call in calls if call is not None and "fault" in call.params]
    with ThreadPoolExecutor(AT_ONCE) as trials:
        yield {
            fault.fault: trials.submit(run, fault, [fault.test], tmp_path_factory.mktemp("trial"))
            for fault in chosen
            if isinstance(fault, Mutant)
        }
        trials.shutdown(cancel_futures=True)


def test_each_fault_is_said_once():
    assert len({fault.fault for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.file, fault.source, fault.replacement) for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS}))
def test_the_text_that_a_fault_replaces_is_there_once(file: str):
    text = (ROOT / file).read_text()
    assert all(fault.applied_to(text) != text for fault in FAULTS if fault.file == file)


@pytest.mark.slow
def test_the_same_tests_pass_without_a_fault(tmp_path: Path):
    """Or a fault would be noticed by a test that fails anyway, or by one that does not exist."""
    tests = sorted({fault.test for fault in FAULTS})
    files = [list(of) for _, of in groupby(tests, lambda test: test.split("::")[0])]  # which share what they set up
    shares = [[test for file in files[number::AT_ONCE] for test in file] for number in range(AT_ONCE)]
    folders = [tmp_path / str(number) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as trials:
        for outcome in trials.map(lambda *share: run(None, *share), shares, folders):
            assert outcome.code == 0, outcome.output


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.fault for fault in FAULTS])
def test_a_fault_is_noticed(fault: Mutant, outcomes: dict[str, Future[Outcome]]):
    outcome = outcomes[fault.fault].result()
    assert outcome.killed, f"not noticed by {fault.test} (code {outcome.code}):\n{outcome.output}"
    assert outcome.failed.startswith(fault.test)
