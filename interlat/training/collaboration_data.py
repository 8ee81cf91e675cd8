"""The data module that teaches a tiny model to be the agents of a collaboration; a tokenizer where no model brings one.

Knows nothing of messages, of latent thoughts and of evaluation.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from interlat.agents.collaboration_settings import cast
from interlat.data.cache import content_folder
from interlat.data.documents import Document
from interlat.data.games import GameSource, Split
from interlat.data.reasoning import Problem
from interlat.models import train_tokenizer
from interlat.models.load import load_tokenizer
from interlat.training.collaboration_documents import KINDS, CollaborationDocumentKind, CollaborationDocuments
from interlat.training.document_data import DocumentLoaders


class CollaborationDataModule(DocumentLoaders):
    """Documents of agents who share out what there is to know.

    Args:
        games: where problems come from; they have parts.
        cast: the agents: a name or the path of a file, as ``interlat.agents.collaboration_settings.cast`` takes it.
        num_games: training problems.
        num_validation: held-out problems, from the seen split.
        kinds: which documents are made of each problem; a kind named twice is made twice.
        answer: how the answer is to be given, as ``Question`` has it.
        tokenizer: a model whose tokenizer to take; None trains one on the problems.
        vocab_size: upper bound for a tokenizer trained here.
        batch_size: documents a step; they are sorted into batches of similar length.
        cache: folder for the tokenizer.
        seed: of order, and of where agents break off.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        games: GameSource,
        cast: str,
        *,
        num_games: int = 12000,
        num_validation: int = 100,
        kinds: Sequence[CollaborationDocumentKind] = KINDS,
        answer: str = "expression",
        tokenizer: str | None = None,
        vocab_size: int = 2048,
        batch_size: int = 16,
        cache: str = "data",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed)
        self.games, self.cast = games, cast
        self.num_games, self.num_validation = num_games, num_validation
        self.kinds, self.answer = tuple(kinds), answer
        self.given_tokenizer, self.vocab_size = tokenizer, vocab_size
        self.cache = cache

    def prepare_data(self) -> None:
        """Train the tokenizer where it is not there yet."""
        folder = self._tokenizer_folder()
        if self.given_tokenizer is None and not (folder / "tokenizer.json").is_file():
            train_tokenizer(self._texts(), self.vocab_size).save_pretrained(folder)

    def setup(self, stage: str) -> None:
        """Load the tokenizer, and lay out documents."""
        self.tokenizer = load_tokenizer(self.given_tokenizer or str(self._tokenizer_folder()))
        self.train = self._documents("train", self.num_games)
        self.validation = self._documents("seen", self.num_validation)

    def _problems(self, split: Split, count: int) -> Sequence[Problem]:
        return self.games.games(split, count)

    def _documents(self, split: Split, count: int) -> list[Document]:
        writer = CollaborationDocuments(cast(self.cast), self.tokenizer, self.answer)
        rng = random.Random(f"{self.seed} {split}")
        problems = self._problems(split, count)
        return [writer.document(problem, kind, rng) for problem in problems for kind in self.kinds]

    def _texts(self) -> Iterable[str]:
        # Any tokenizer will do to lay out the texts that one is trained on.
        writer = CollaborationDocuments(cast(self.cast), train_tokenizer([], 0), self.answer)
        for problem in self._problems("train", self.num_games):
            yield from writer.texts(problem)

    def _tokenizer_folder(self) -> Path:
        agents = [(agent.name, agent.role) for agent in cast(self.cast)]
        made = {"cast": agents, "count": self.num_games, "vocab": self.vocab_size, "answer": self.answer}
        return content_folder(self.cache, "tokenizer", {**self.games.identity(), **made})
