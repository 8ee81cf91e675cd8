"""docs/losses.md names every public function of the losses, and the arguments that receive gradient do receive it."""

import inspect
from pathlib import Path

import pytest
import torch

from interlat import losses

PAGE = (Path(__file__).parents[2] / "docs" / "losses.md").read_text()
ROWS = {cells[1].strip(): cells for line in PAGE.splitlines() if line.startswith("| L_") for cells in [line.split("|")]}
LOSSES = [name for name in losses.__all__ if name.endswith("_loss")]


def named(cell: str) -> set[str]:
    """Arguments named in a cell; settings of the form ``name=value`` are left out."""
    return {name for name in cell.split("`")[1::2] if "=" not in name}


@pytest.mark.parametrize("name", losses.__all__)
def test_every_function_has_its_row(name):
    assert f"| `{name}" in PAGE


def test_every_loss_has_its_symbol_and_every_symbol_its_loss():
    assert {cells[2].strip(" `") for cells in ROWS.values()} == set(LOSSES)


@pytest.mark.parametrize("symbol", ROWS)
def test_gradient_reaches_the_arguments_its_row_names_and_no_other(symbol):
    """Positions: 4 tokens of 2 rows; the full message's logits are sharp, so that every position has weight, and settings large."""
    _, _, function, _, _, _, reached, constants, *_ = ROWS[symbol]
    call = getattr(losses, function.strip(" `"))
    flat = call is losses.preference_loss
    generator = torch.Generator().manual_seed(0)
    given, inputs = {}, {}
    for name, parameter in inspect.signature(call).parameters.items():
        if name == "targets":
            given[name] = torch.randint(5, (2, 4), generator=generator)
        elif name.endswith("mask"):
            given[name] = torch.ones(2, 4, dtype=torch.bool)
        elif parameter.annotation is float:
            given[name] = 10.0
        elif parameter.default is inspect.Parameter.empty:
            drawn = torch.randn((8, 5) if flat else (2, 4, 5), generator=generator)
            inputs[name] = (9 * drawn if name == "full_logits" else drawn).requires_grad_()
    call(**given, **inputs).backward()
    assert named(reached) | named(constants) == set(inputs)
    assert {name for name, values in inputs.items() if values.grad is not None} == named(reached)
    for name in named(reached):
        assert inputs[name].grad.flatten(0, -2).any(dim=-1).all(), "every position receives it"
