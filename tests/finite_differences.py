"""Gradients in float64 against difference quotients. Knows no model."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

EPSILON = 1e-5


def derivatives(named: Mapping[str, torch.nn.Parameter], loss: Callable[[], Tensor]) -> dict[str, Tensor]:
    """The gradient of a loss for each parameter; 0 where none arrives."""
    for parameter in named.values():
        parameter.grad = None
    loss().backward()
    return {
        name: torch.zeros_like(value) if value.grad is None else value.grad.clone() for name, value in named.items()
    }


def check_gradients(
    named: Mapping[str, torch.nn.Parameter],
    loss: Callable[[], Tensor],
    value: Callable[[], Tensor] | None = None,
    least: float = 1e-6,
) -> None:
    """Along every tensor's own gradient the central difference quotient is its norm, which is above ``least``.

    Args:
        named: what learns.
        loss: whose gradient is checked.
        value: whose differences it is checked against, where the loss holds constants that would move with it.
        least: below it, a gradient would be as good as none.
    """
    found, value = derivatives(named, loss), value or loss
    for name, gradient in found.items():
        norm = gradient.norm()
        assert norm > least, name
        values, direction = [], gradient / norm
        with torch.no_grad():
            for sign in (1, -2):
                named[name] += sign * EPSILON * direction
                values.append(float(value()))
            named[name] += EPSILON * direction
        assert (values[0] - values[1]) / (2 * EPSILON) == pytest.approx(float(norm), rel=1e-6, abs=1e-9), name
