"""A data loader that goes on in the middle of an epoch where an interrupted run stopped; knows nothing of what it loads."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler


class SeededBatches(Sampler[list[int]]):
    """Batches of indices, determined by seed, epoch and number alone.

    Args:
        size: number of items.
        batch_size: items a batch; a last, smaller batch is left out unless it is the only one.
        seed: of the order.
        lengths: when given, items of similar length share a batch, which saves padding; batches still come in random order.
    """

    def __init__(self, size: int, batch_size: int, seed: int, lengths: Sequence[int] | None = None) -> None:
        self.size, self.batch_size, self.seed, self.lengths = size, batch_size, seed, lengths
        self.epoch, self.start = 0, 0

    def __len__(self) -> int:
        return max(1, self.size // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.size, generator=generator).tolist()
        if self.lengths is not None:
            order = self._by_length(order)
        batches = [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self))]
        if self.lengths is not None:
            batches = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
        first, self.start = self.start, 0
        for number in range(first, len(batches)):
            yield batches[number]
        self.epoch += 1

    def _by_length(self, order: list[int]) -> list[int]:
        """Sort within pools of fifty batches: similar lengths, yet other neighbours every epoch."""
        assert self.lengths is not None
        pool = 50 * self.batch_size
        pools = [order[i : i + pool] for i in range(0, len(order), pool)]
        return [index for part in pools for index in sorted(part, key=self.lengths.__getitem__)]


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over seeded batches whose place in the epoch is saved in Lightning's checkpoints.

    Args:
        dataset: map-style.
        batch_size: items a batch.
        collate: turns items into a batch.
        seed: of the order.
        lengths: of the items, to batch similar ones.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        collate: Callable[[list[Any]], Any],
        seed: int,
        lengths: Sequence[int] | None = None,
    ) -> None:
        self.batches = SeededBatches(len(dataset), batch_size, seed, lengths)
        self._given = 0
        super().__init__(dataset, batch_sampler=self.batches, collate_fn=collate)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self._given = self.batches.start
        for batch in super().__iter__():
            # Counted before it is handed out: when Lightning saves, the batch in hand has been trained on.
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Which epoch, and how many of its batches have been handed out."""
        return {"epoch": self.batches.epoch, "given": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind the batches already handed out."""
        self.batches.epoch, self.batches.start = state["epoch"], state["given"] % len(self.batches)
        if state["given"] >= len(self.batches):
            self.batches.epoch += 1
