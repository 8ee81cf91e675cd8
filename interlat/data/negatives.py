"""Which other task's message stands in for a row's own, and at what length; knows nothing of models."""

from collections.abc import Sequence

import torch
from torch import Tensor


def mismatched_partners(task_ids: Sequence[str], generator: torch.Generator) -> list[int | None]:
    """For every row, the index of a row of another task, drawn uniformly; None where the batch holds no other task.

    Source: §3.2 of the Interlat paper, "latents of a different task in the same batch". Two rows of one task are never
    each other's negatives.
    """
    partners: list[int | None] = []
    for own in task_ids:
        others = [row for row, task_id in enumerate(task_ids) if task_id != own]
        partners.append(others[int(torch.randint(len(others), (1,), generator=generator))] if others else None)
    return partners


def match_length(rows: Tensor, length: int) -> Tensor:
    """A message of ``length`` rows out of another: cut at the end, or begun again from its start as often as needed.

    Cutting and repeating keep every row a real row of that message, so the negative differs from the matched message
    in content and not in kind.
    """
    return rows[torch.arange(length, device=rows.device) % len(rows)]
