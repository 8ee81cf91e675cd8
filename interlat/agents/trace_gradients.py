"""How strongly the loss pulls at what each agent left: gradient norms by depth. Knows no model, no prompt and no loss.

The paper's proposition says that a trace that only grows hands gradients to early agents without a factor for every agent between;
this measures it.
"""

import torch
from torch import Tensor

from interlat.models.cache import Layers
from interlat.models.recomputation import Trace


class TraceGradients:
    """Collects ‖∂loss/∂(keys and values)‖ of what each agent hands on, over all layers, entries and rows of a batch.

    The derivative is total: through those who read the entries themselves, and through what these left in turn. An agent's own use of its
    entries while it thinks does not count.
    """

    def __init__(self) -> None:
        self._squares: dict[str, Tensor] = {}

    def watched(self, agent: str, trace: Trace, known: int) -> Trace:
        """The same trace, whose pieces from number ``known`` on are watched as this agent's.

        Pieces without a graph get a leaf of their own, so that norms are there for agents that do not learn too; nothing flows further.
        """
        watched: tuple[Layers, ...] = tuple(
            tuple((self._tap(agent, keys), self._tap(agent, values)) for keys, values in piece)
            for piece in trace.pieces[known:]
        )
        return Trace((*trace.pieces[:known], *watched), trace.entries, trace.next_position, trace.spans)

    def norms(self) -> dict[str, Tensor]:
        """Euclidean norm by agent, once the loss has been differentiated; agents whose entries nobody read are left out."""
        return {agent: square.sqrt() for agent, square in self._squares.items()}

    def _tap(self, agent: str, tensor: Tensor) -> Tensor:
        tap = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()

        def collect(gradient: Tensor) -> None:
            square = gradient.detach().to(torch.promote_types(gradient.dtype, torch.float32)).square().sum()
            self._squares[agent] = self._squares[agent] + square if agent in self._squares else square

        tap.register_hook(collect)  # type: ignore[no-untyped-call]
        return tap
