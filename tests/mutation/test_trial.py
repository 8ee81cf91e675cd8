"""Trials themselves: the checkout stays as it is, and only a failed assertion counts as noticing."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mutation.mutant import Mutant, copy_with_fault
from mutation.trial import FAULT_UNUSED, ROOT, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forked from one warm process")

FILE = "interlat/losses/separation.py"
SWAP = Mutant(
    "a sign is lost",
    FILE,
    "return -mean_or_zero(",
    "return mean_or_zero(",
    "tests/losses/test_separation.py::test_by_hand",
)


def test_the_fault_is_in_the_copy_alone(tmp_path: Path):
    before = (ROOT / FILE).read_bytes()
    copy = copy_with_fault(SWAP, ROOT, tmp_path)
    assert SWAP.replacement in (copy / FILE).read_text()
    assert SWAP.source not in (copy / FILE).read_text()
    assert (ROOT / FILE).read_bytes() == before
    others = sorted(path.relative_to(ROOT) for path in (ROOT / "interlat").rglob("*.py"))
    assert sorted(path.relative_to(copy) for path in copy.rglob("*.py")) == others
    assert all((copy / path).read_bytes() == (ROOT / path).read_bytes() for path in others if str(path) != FILE)


@pytest.mark.parametrize("source", ["no such text", "matched_logits"])
def test_a_text_that_is_not_there_once_is_refused(source: str, tmp_path: Path):
    with pytest.raises(
        LookupError, match=rf"'a sign is lost' once in {FILE}, found it \d+ times; the code has moved on"
    ):
        copy_with_fault(replace(SWAP, source=source), ROOT, tmp_path)


@pytest.mark.slow
def test_a_fault_is_noticed_by_an_assertion(tmp_path: Path):
    outcome = run(SWAP, [SWAP.test], tmp_path)
    assert outcome.killed
    assert outcome.failed == SWAP.test
    assert outcome.seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (replace(SWAP, replacement="return - mean_or_zero("), 0),  # no fault
        (replace(SWAP, replacement="return -mean_or_null("), 1),  # an error on the way
        (replace(SWAP, replacement="return -mean_or_zero(("), 4),  # it cannot be imported
        (replace(SWAP, test="tests/losses/test_separation.py::test_that_is_not_there"), 4),
        (
            replace(SWAP, test="tests/house_style/test_house_style.py::test_files_are_short"),
            FAULT_UNUSED,
        ),  # it is not imported
    ],
    ids=["no fault", "error", "no import", "no test", "no use"],
)
def test_nothing_else_counts_as_noticing(fault: Mutant, code: int, tmp_path: Path):
    outcome = run(fault, [fault.test], tmp_path)
    assert not outcome.killed
    assert outcome.code == code, outcome.output
