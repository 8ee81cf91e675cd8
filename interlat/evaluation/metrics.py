"""Success and steps as torchmetrics metrics, summed over processes: for validation while training.

`interlat.evaluation.summary` gives the same numbers from a list of records, without torch.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from interlat.evaluation.episodes import EpisodeRecord


class SuccessRate(Metric):
    """Share of episodes won, over all and by kind of task, in [0, 1].

    Args:
        task_types: kinds that are told apart; fixed, so that processes that saw different kinds agree on the layout.
    """

    full_state_update = False
    higher_is_better = True
    won: Tensor
    episodes: Tensor

    def __init__(self, task_types: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task_types = tuple(task_types)
        for name in ("won", "episodes"):
            self.add_state(name, torch.zeros(len(self.task_types), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, record: EpisodeRecord) -> None:
        """Count an episode."""
        kind = self.task_types.index(record.task_type)
        self.won[kind] += int(record.won)
        self.episodes[kind] += 1

    def compute(self) -> dict[str, Tensor]:
        """``success_rate`` and ``success_rate/<task type>``; a kind without episodes is left out."""
        return _means("success_rate", self.task_types, self.won, self.episodes)


class EpisodeSteps(Metric):
    """Mean steps of an episode, over all and by kind of task.

    Args:
        task_types: as for ``SuccessRate``.
        won_only: count won episodes only.
    """

    full_state_update = False
    higher_is_better = False
    steps: Tensor
    episodes: Tensor

    def __init__(self, task_types: Sequence[str], won_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task_types = tuple(task_types)
        self.won_only = won_only
        for name in ("steps", "episodes"):
            self.add_state(name, torch.zeros(len(self.task_types), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, record: EpisodeRecord) -> None:
        """Count an episode."""
        if record.won or not self.won_only:
            kind = self.task_types.index(record.task_type)
            self.steps[kind] += record.steps
            self.episodes[kind] += 1

    def compute(self) -> dict[str, Tensor]:
        """``steps_success`` or ``steps_all``, and the same by kind; what has no episodes is left out."""
        return _means("steps_success" if self.won_only else "steps_all", self.task_types, self.steps, self.episodes)


def _means(name: str, task_types: Sequence[str], sums: Tensor, counts: Tensor) -> dict[str, Tensor]:
    by_type = {f"{name}/{kind}": sums[i] / counts[i] for i, kind in enumerate(task_types) if counts[i]}
    return {name: sums.sum() / counts.sum(), **by_type} if by_type else {}
