"""Teach a tiny causal language model the household's language, so that the embedded default has agents to start from.

Plain next-token training; knows nothing of messages, adapters or evaluation.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Int
from lightning import LightningDataModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.optim import AdamW
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.conversation import ActionForm, Conversation
from interlat.agents.prompts import prompt
from interlat.agents.sender import View, request_text
from interlat.data.cache import content_folder
from interlat.data.documents import Document, DocumentDataset
from interlat.data.games import GameSource
from interlat.data.plan_writer import write_plan
from interlat.data.trajectories import TaskRecord, load_records
from interlat.errors import CheckpointMismatch
from interlat.losses import task_loss
from interlat.losses.masking import next_token_pairs
from interlat.models import TinyLM, build_tiny_lm, load_causal_lm, train_tokenizer
from interlat.models.backbone import embed_tokens, last_layer_states, token_logits
from interlat.models.chat import ChatFormat, encode
from interlat.models.vocabulary import fingerprint
from interlat.training.callbacks import write_stage_file
from interlat.training.optimization import Schedule, Stage, gradient_norm, warmed_up
from interlat.training.preparation import ensure_records
from interlat.training.resumable import ResumableLoader, SeededBatches

Padded = tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]]
"""Token ids, which are real, and which are learned."""


class BaseStage(Stage):
    """Next-token training of a tiny model from nothing.

    Args:
        shape: of the model.
        start: folder of an earlier base to go on from; None starts from seeded random weights.
        optimizer: called with the parameters.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of dropout.
    """

    def __init__(
        self,
        shape: TinyLM,
        start: str | None = None,
        *,
        optimizer: OptimizerCallable = AdamW,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.shape, self.start, self.make_optimizer = shape, start, optimizer
        self.warmup_share, self.schedule = warmup_share, schedule
        self.lm: PreTrainedModel | None = None

    def configure_model(self) -> None:
        """Build the model for the data module's tokenizer."""
        if self.lm is None:
            self.tokenizer: PreTrainedTokenizerBase = self.trainer.datamodule.tokenizer  # type: ignore[attr-defined]
            self.lm = build_tiny_lm(self.shape, self.tokenizer).train()
            if self.start is not None:
                earlier, tokenizer = load_causal_lm(self.start)
                if fingerprint(tokenizer) != fingerprint(self.tokenizer):
                    raise CheckpointMismatch(
                        f"the base in '{self.start}' has another vocabulary than these documents; start anew"
                    )
                self.lm.load_state_dict(earlier.state_dict())

    def _loss(self, batch: Padded) -> Tensor:
        ids, mask, supervised = batch
        assert self.lm is not None
        states = last_layer_states(self.lm, embed_tokens(self.lm, ids), mask)
        predicting, targets, keep = next_token_pairs(states, ids, supervised)
        logits = token_logits(self.lm, predicting[keep])
        return task_loss(logits[None], targets[keep][None], torch.ones_like(targets[keep][None], dtype=torch.bool))

    def training_step(self, batch: Padded, batch_idx: int) -> Tensor:
        """Mean next-token cross-entropy, nats."""
        loss = self._loss(batch)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/tokens", float(batch[1].sum()))
        return loss

    def validation_step(self, batch: Padded, batch_idx: int) -> None:
        """The same on held-out games."""
        self.log("val/loss", self._loss(batch), prog_bar=True, batch_size=len(batch[0]))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the gradient's norm before clipping."""
        self.log("train/gradient_norm", gradient_norm(self.trained_parameters()))

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        optimizer = self.make_optimizer(self.trained_parameters())
        schedule = warmed_up(optimizer, int(self.trainer.estimated_stepping_batches), self.warmup_share, self.schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def export(self, folder: Path) -> None:
        """Save model and tokenizer as a folder that ``load_causal_lm`` takes."""
        assert self.lm is not None
        self.lm.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_stage_file(folder, {"stage": "base", "shape": asdict(self.shape), "steps": self.global_step})


class DocumentDataModule(LightningDataModule):
    """Documents made from household games: plans on request, walkthroughs on a plan, exploration in silence.

    Args:
        games: where games come from.
        num_games: training games.
        num_validation: held-out games, from the seen split.
        form: of the actor's answers.
        view: what the sender sees.
        vocab_size: upper bound for the tokenizer.
        batch_size: documents a step; they are sorted into batches of similar length.
        max_explore_steps: exploring episodes longer than this are left out.
        cache: folder for what is made.
        seed: of order and wording.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        games: GameSource,
        *,
        num_games: int = 4000,
        num_validation: int = 64,
        form: ActionForm = "action",
        view: View = "house",
        vocab_size: int = 2048,
        batch_size: int = 16,
        max_explore_steps: int = 20,
        cache: str = "data",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.games, self.num_games, self.num_validation = games, num_games, num_validation
        self.form, self.view, self.vocab_size = form, view, vocab_size
        self.batch_size, self.max_explore_steps, self.cache, self.seed = batch_size, max_explore_steps, cache, seed

    def prepare_data(self) -> None:
        """Record games and train the tokenizer where these are not there yet."""
        records = [self._records("train", self.num_games), self._records("seen", self.num_validation)]
        folder = self._tokenizer_folder()
        if not (folder / "tokenizer.json").is_file():
            train_tokenizer(self._texts(load_records(records[0])), self.vocab_size).save_pretrained(folder)

    def setup(self, stage: str) -> None:
        """Load the records and the tokenizer, and lay out documents."""
        from transformers import AutoTokenizer

        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self._tokenizer_folder())
        self.train = self._documents(load_records(self._records("train", self.num_games)))
        self.validation = self._documents(load_records(self._records("seen", self.num_validation)))

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches of documents of similar length."""
        trainer = self.trainer
        assert trainer is not None
        lengths, process = [len(document.ids) for document in self.train], (trainer.global_rank, trainer.world_size)
        return ResumableLoader(
            self.train, SeededBatches(len(self.train), self.batch_size, self.seed, lengths, process), self._collate
        )

    def val_dataloader(self) -> "DataLoader[Any]":
        """All documents of the held-out games."""
        return DataLoader(self.validation, batch_size=self.batch_size, collate_fn=self._collate)  # type: ignore[arg-type]

    def _records(self, split: str, count: int) -> Path:
        return ensure_records(self.games, split, count, self.max_explore_steps, self.seed, self.cache)  # type: ignore[arg-type]

    def _tokenizer_folder(self) -> Path:
        identity = {
            **self.games.identity(),
            "count": self.num_games,
            "vocab": self.vocab_size,
            "version": 2,
            "form": self.form,
        }
        return content_folder(self.cache, "tokenizer", identity)

    def _documents(self, records: list[TaskRecord]) -> list[Document]:
        conversation = Conversation(self.tokenizer, self.form)
        chat = ChatFormat.of(self.tokenizer)

        def request(opening: str, house: str | None) -> list[int]:
            return encode(self.tokenizer, request_text(chat, opening, house))

        dataset = DocumentDataset(records, self.tokenizer, conversation, request, self.view, self.seed)
        return [dataset[i] for i in range(len(dataset))]

    def _texts(self, records: list[TaskRecord]) -> list[str]:
        fixed = [prompt(name) for name in ("actor_action", "actor_react", "lead_in", "sender_request", "sender_house")]
        texts = list(fixed)
        for record in records:
            texts += [record.opening, record.house, write_plan(record.walkthrough, self.view)]
            texts += [part for turn in (*record.guided, *record.explored) for part in turn]
        return texts

    def _collate(self, documents: list[Document]) -> Padded:
        width = max(len(document.ids) for document in documents)
        pad = int(self.tokenizer.pad_token_id)
        ids = torch.tensor([[*document.ids, *[pad] * (width - len(document.ids))] for document in documents])
        learned = torch.tensor(
            [[*document.supervised, *[False] * (width - len(document.ids))] for document in documents]
        )
        mask = torch.arange(width) < torch.tensor([len(document.ids) for document in documents])[:, None]
        return ids, mask, learned
