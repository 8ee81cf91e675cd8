"""Every fault in ``tests/mutation/faults`` makes the test that is named for it fail, by an assertion."""

import os
from pathlib import Path

import pytest

from mutation.faults import FAULTS
from mutation.mutant import Mutant
from mutation.trial import ROOT, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked from one warm process")


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
    outcome = run(None, sorted({fault.test for fault in FAULTS}), tmp_path)
    assert outcome.code == 0, outcome.output


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.fault for fault in FAULTS])
def test_a_fault_is_noticed(fault: Mutant, tmp_path: Path):
    outcome = run(fault, [fault.test], tmp_path)
    assert outcome.killed, f"not noticed by {fault.test} (code {outcome.code}):\n{outcome.output}"
    assert outcome.failed.startswith(fault.test)
