"""The data module of ``DocumentStage``: documents from recorded games, and a tokenizer where a model brings none.

Knows nothing of messages, adapters or evaluation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from jaxtyping import Bool, Int
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from interlat.agents.conversation import ActionForm, Conversation
from interlat.agents.prompts import prompt
from interlat.agents.sender import View, request_text
from interlat.data.cache import content_folder
from interlat.data.documents import Document, DocumentDataset, DocumentKind
from interlat.data.games import GameSource
from interlat.data.plan_writer import write_plan
from interlat.data.trajectories import TaskRecord, load_records
from interlat.models import train_tokenizer
from interlat.models.chat import ChatFormat, encode
from interlat.models.load import load_tokenizer
from interlat.training.preparation import ensure_records
from interlat.training.resumable import ResumableLoader, SeededBatches

PaddedDocuments = tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]]
"""Token ids, which are real, and which are learned."""


class DocumentLoaders(LightningDataModule):
    """Loads documents in batches; which documents, and by which tokenizer, is for the modules that share this to say in ``setup``.

    Args:
        batch_size: documents a step; they are sorted into batches of similar length.
        seed: of their order.
    """

    tokenizer: PreTrainedTokenizerBase
    train: list[Document]
    validation: list[Document]

    def __init__(self, batch_size: int, seed: int) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches of documents of similar length."""
        trainer = self.trainer
        assert trainer is not None
        lengths, process = [len(document.ids) for document in self.train], (trainer.global_rank, trainer.world_size)
        return ResumableLoader(
            self.train, SeededBatches(len(self.train), self.batch_size, self.seed, lengths, process), self._collate
        )

    def val_dataloader(self) -> "DataLoader[Any]":
        """All documents of the held-out tasks."""
        return DataLoader(self.validation, batch_size=self.batch_size, collate_fn=self._collate)  # type: ignore[arg-type]

    def _collate(self, documents: list[Document]) -> PaddedDocuments:
        return padded(documents, int(self.tokenizer.pad_token_id))


class DocumentDataModule(DocumentLoaders):
    """Documents made from household games: plans on request, walkthroughs on a plan, exploration in silence.

    Args:
        games: where games come from.
        num_games: training games.
        num_validation: held-out games, from the seen split.
        form: of the actor's answers.
        view: what the sender sees.
        kinds: which documents of each game: its plan on request, the walkthrough on that plan, look-up drills, exploring in silence.
        varied: whether plans come in several wordings; in one, a tiny model learns sooner and writes no word to no purpose.
        tokenizer: a model whose tokenizer to take; None trains one on the games.
        vocab_size: upper bound for a tokenizer trained here.
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
        kinds: Sequence[DocumentKind] = get_args(DocumentKind),
        varied: bool = True,
        tokenizer: str | None = None,
        vocab_size: int = 2048,
        batch_size: int = 16,
        max_explore_steps: int = 20,
        cache: str = "data",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed)
        self.games, self.num_games, self.num_validation = games, num_games, num_validation
        self.form, self.view, self.kinds, self.varied = form, view, tuple(kinds), varied
        self.given_tokenizer, self.vocab_size = tokenizer, vocab_size
        self.max_explore_steps, self.cache = max_explore_steps, cache

    def prepare_data(self) -> None:
        """Record games and train the tokenizer where these are not there yet."""
        records = [self._records("train", self.num_games), self._records("seen", self.num_validation)]
        folder = self._tokenizer_folder()
        if self.given_tokenizer is None and not (folder / "tokenizer.json").is_file():
            train_tokenizer(self._texts(load_records(records[0])), self.vocab_size).save_pretrained(folder)

    def setup(self, stage: str) -> None:
        """Load the records and the tokenizer, and lay out documents."""
        source = self.given_tokenizer or str(self._tokenizer_folder())
        self.tokenizer = load_tokenizer(source)
        self.train = self._documents(load_records(self._records("train", self.num_games)))
        self.validation = self._documents(load_records(self._records("seen", self.num_validation)))

    def _records(self, split: str, count: int) -> Path:
        return ensure_records(self.games, split, count, self.max_explore_steps, self.seed, self.cache)  # type: ignore[arg-type]

    def _tokenizer_folder(self) -> Path:
        identity = {
            **self.games.identity(),
            "count": self.num_games,
            "vocab": self.vocab_size,
            "version": 3,
            "form": self.form,
            "varied": self.varied,
        }
        return content_folder(self.cache, "tokenizer", identity)

    def _documents(self, records: list[TaskRecord]) -> list[Document]:
        conversation = Conversation(self.tokenizer, self.form)
        chat = ChatFormat.of(self.tokenizer)

        def request(opening: str, house: str | None) -> list[int]:
            return encode(self.tokenizer, request_text(chat, opening, house, self.view))

        dataset = DocumentDataset(
            records,
            self.tokenizer,
            conversation,
            request,
            view=self.view,
            seed=self.seed,
            kinds=self.kinds,
            varied=self.varied,
        )
        return [dataset[i] for i in range(len(dataset))]

    def _texts(self, records: list[TaskRecord]) -> list[str]:
        asked: tuple[str, ...] = ("actor_action", "actor_react", "lead_in", "sender_request", "sender_house")
        if self.form == "solve":
            asked = ("actor_solve", "lead_in", "planner_request")
        fixed = [prompt(name) for name in asked]
        texts = list(fixed)
        for number, record in enumerate(records):
            texts += [
                record.opening,
                record.house,
                write_plan(record.walkthrough, self.view, number, varied=self.varied),
            ]
            texts += [part for turn in (*record.guided, *record.explored) for part in turn]
        return texts


def padded(documents: Sequence[Document], pad: int) -> PaddedDocuments:
    """Documents as one batch, padded on the right."""
    width = max(len(document.ids) for document in documents)
    ids = torch.tensor([[*document.ids, *[pad] * (width - len(document.ids))] for document in documents])
    learned = torch.tensor([[*document.supervised, *[False] * (width - len(document.ids))] for document in documents])
    mask = torch.arange(width) < torch.tensor([len(document.ids) for document in documents])[:, None]
    return ids, mask, learned
