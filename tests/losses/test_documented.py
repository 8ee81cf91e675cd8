"""docs/losses.md names every public function of the losses, with the arguments that receive gradient."""

import inspect
from pathlib import Path

import pytest

from interlat import losses

PAGE = (Path(__file__).parents[2] / "docs" / "losses.md").read_text()


@pytest.mark.parametrize("name", losses.__all__)
def test_every_function_has_its_row(name):
    assert f"| `{name}" in PAGE


def test_a_loss_row_names_only_arguments_that_exist():
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| L_")]
    assert len(rows) == 6
    for row in rows:
        parameters = inspect.signature(getattr(losses, row[2].strip(" `"))).parameters
        named = {name.split("=")[0] for cell in row[6:8] for name in cell.split("`")[1::2]}
        assert named
        assert named <= set(parameters)
