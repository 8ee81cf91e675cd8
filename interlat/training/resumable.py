"""A data loader that goes on in the middle of an epoch where an interrupted run stopped; knows nothing of what it loads."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler


class SeededBatches(Sampler[list[int]]):
    """Batches of indices, determined by seed, epoch and number alone; every pass over it is an epoch of its own order.

    Args:
        size: number of items.
        batch_size: items a batch. A last, smaller batch is left out unless it is the only one: other items every epoch.
        seed: of the order.
        lengths: when given, items of similar length share a batch, which saves padding; batches still come in random order.
        process: rank of this process and how many there are; each takes its share of the batches.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int,
        lengths: Sequence[int] | None = None,
        process: tuple[int, int] = (0, 1),
    ) -> None:
        self.size, self.batch_size, self.seed, self.lengths = size, batch_size, seed, lengths
        self.rank, self.num_processes = process
        self.epoch, self.given = 0, 0

    def __len__(self) -> int:
        return max(1, self.size // self.batch_size // self.num_processes)

    def __iter__(self) -> Iterator[list[int]]:
        # The epoch ends here and not behind the last batch: Lightning knows the length and never asks beyond it.
        if self.given >= len(self):
            self.epoch, self.given = self.epoch + 1, 0
        batches = self._batches()
        while self.given < len(self):
            number = self.given * self.num_processes + self.rank
            # Counted before it is handed out: when Lightning saves, the batch in hand has been trained on.
            self.given += 1
            yield batches[number % len(batches)]

    def _batches(self) -> list[list[int]]:
        """The epoch's batches, those of all processes."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        count = max(1, self.size // self.batch_size)
        # Left out before sorting: other items every epoch, where after it they would always be the longest.
        order = torch.randperm(self.size, generator=generator).tolist()[: count * self.batch_size]
        if self.lengths is not None:
            order = self._by_length(order)
        batches = [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(count)]
        if self.lengths is not None:
            batches = [batches[i] for i in torch.randperm(count, generator=generator).tolist()]
        return batches

    def _by_length(self, order: list[int]) -> list[int]:
        """Sort within pools of fifty batches: similar lengths, yet other neighbours every epoch."""
        assert self.lengths is not None
        pool = 50 * self.batch_size
        pools = [order[i : i + pool] for i in range(0, len(order), pool)]
        return [index for part in pools for index in sorted(part, key=self.lengths.__getitem__)]


def dealt_out(indices: Sequence[int], batch_size: int, process: tuple[int, int]) -> list[list[int]]:
    """One process's batches of what is gone through once and in order, as held-out games are.

    All processes have equally many, none of them twice: the rest beyond the last whole round is left out, and where there are fewer
    indices than processes, everyone takes all. A process alone takes all in any case.

    Args:
        indices: of the items.
        batch_size: at most; smaller where there would not be a batch for each process.
        process: its rank, and how many there are.
    """
    rank, num_processes = process
    size = max(1, min(batch_size, len(indices) // num_processes))
    batches = [list(indices[start : start + size]) for start in range(0, len(indices), size)]
    whole = len(indices) // size // num_processes * num_processes
    return batches if num_processes == 1 or not whole else batches[rank:whole:num_processes]


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over seeded batches whose place in the epoch is saved in Lightning's checkpoints.

    Args:
        dataset: map-style.
        batches: which items, in which order.
        collate: turns items into a batch.
    """

    def __init__(self, dataset: Any, batches: SeededBatches, collate: Callable[[list[Any]], Any]) -> None:
        self.batches = batches
        super().__init__(dataset, batch_sampler=batches, collate_fn=collate)

    def state_dict(self) -> dict[str, int]:
        """Which epoch, and how many of its batches have been handed out."""
        return {"epoch": self.batches.epoch, "given": self.batches.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind the batches already handed out."""
        self.batches.epoch, self.batches.given = state["epoch"], state["given"]
