"""Trajectories with their messages, for both stages; makes whatever is missing. Knows nothing of losses."""

from typing import Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from interlat.agents.sender import SenderSettings
from interlat.data.batches import Batch, Collator, MessageDataset
from interlat.data.games import GameSource
from interlat.data.latent_store import LatentStore
from interlat.data.trajectories import load_records
from interlat.errors import InvalidSetting
from interlat.training.preparation import ensure_latents, ensure_records
from interlat.training.resumable import ResumableLoader, SeededBatches, dealt_out


class TrajectoryDataModule(LightningDataModule):
    """Games of the train split with the sender's messages; a share of them in silence.

    ``prepare_data`` records games and collects latents where they are not there yet, in folders named by what determines them.

    Args:
        games: where games come from.
        sender: whose messages.
        num_games: training games; None takes all of the split.
        validation_share: held out of them; the paper holds out 0.05.
        batch_size: items a step and process.
        silence_share: share of items without a message, learnt from an expert that has to search; 0 as in the paper's
            actor, 1 as in its No-CoT baseline.
        max_explore_steps: searching episodes longer than this are not learnt from.
        collect_batch_size: plans written at once.
        cache: folder for what is made.
        seed: of order, split and sampling.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        games: GameSource,
        sender: SenderSettings,
        *,
        num_games: int | None = None,
        validation_share: float = 0.05,
        batch_size: int = 16,
        silence_share: float = 0.0,
        max_explore_steps: int = 20,
        collect_batch_size: int = 32,
        cache: str = "data",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 0 < validation_share < 1:
            raise InvalidSetting(f"validation_share must be within (0, 1), got {validation_share}; the paper uses 0.05")
        self.games, self.sender, self.num_games, self.validation_share = games, sender, num_games, validation_share
        self.batch_size, self.silence_share, self.max_explore_steps = batch_size, silence_share, max_explore_steps
        self.collect_batch_size, self.cache, self.seed = collect_batch_size, cache, seed

    def prepare_data(self) -> None:
        """Record games and collect latents where they are missing."""
        records = self._records()
        ensure_latents(records, self.sender, self.cache, self.collect_batch_size, self.seed)

    def setup(self, stage: str) -> None:
        """Open the store and split the games."""
        path = self._records()
        self.store = LatentStore(ensure_latents(path, self.sender, self.cache, self.collect_batch_size, self.seed))
        # An actor that never hears a message learns from the games an expert finished, and is held to such.
        records = [record for record in load_records(path) if record.explored or self.silence_share < 1]
        order = torch.randperm(len(records), generator=torch.Generator().manual_seed(self.seed)).tolist()
        held_out = max(1, round(len(records) * self.validation_share))
        self.validation = MessageDataset(
            [records[i] for i in order[:held_out]], self.store, self.silence_share, self.seed
        )
        self.train = MessageDataset([records[i] for i in order[held_out:]], self.store, self.silence_share, self.seed)

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches, the same in every run of the same seed."""
        batches = SeededBatches(len(self.train), self.batch_size, self.seed, process=self._process())
        return ResumableLoader(self.train, batches, self._collator())

    def val_dataloader(self) -> "DataLoader[Any]":
        """Held-out games; those with a message and those in silence in batches of their own kind, dealt out to all processes."""
        count = len(self.validation.guided)
        kinds = (range(count), range(count, len(self.validation)))
        batches = [batch for kind in kinds for batch in dealt_out(kind, self.batch_size, self._process())]
        return DataLoader(self.validation, batch_sampler=batches, collate_fn=self._collator())

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Leave the batch where it is: the actor moves what it lays out."""
        return batch

    def _process(self) -> tuple[int, int]:
        assert self.trainer is not None
        return self.trainer.global_rank, self.trainer.world_size

    def _records(self) -> Any:
        return ensure_records(self.games, "train", self.num_games, self.max_explore_steps, self.seed, self.cache)

    def _collator(self) -> Collator:
        return self.trainer.lightning_module.collator()  # type: ignore[union-attr,no-any-return,operator]
