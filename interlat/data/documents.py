"""Documents that teach a tiny language model the household's language; knows nothing of models or Lightning.

What an instruction-tuned model brings along, a tiny one must be taught: to write a plan when asked for one, to follow a
plan written in its prompt, and to explore when there is none. Plans stand here as plain text without boundary tokens:
reading messages is left to stage 1.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from interlat.data.batches import ConversationTokens
from interlat.data.plan_writer import write_plan
from interlat.data.trajectories import TaskRecord


@dataclass(frozen=True)
class Document:
    """Token ids, and which of them are learned.

    Args:
        ids: the tokens.
        supervised: True where the token is a target: answers and what the house says, but not what chance put into it.
    """

    ids: list[int]
    supervised: list[bool]


class DocumentDataset(Dataset[Document]):
    """Four documents a game: where things are, told twice; its plan on request; the walkthrough on that plan; exploration in silence.

    The first asks for a dozen look-ups in a row, where a plan asks for two or three: what it teaches, to copy what followed the
    same words before, is what small models learn last and everything else here rests on.

    Args:
        records: the games.
        tokenizer: of the model to be taught.
        conversation: tokenises the actor's side.
        request: the sender's prompt as text, given an opening and, in ``view: house``, where things are.
        view: what the sender sees.
        seed: of the plans' wording.
    """

    def __init__(
        self,
        records: Sequence[TaskRecord],
        tokenizer: PreTrainedTokenizerBase,
        conversation: ConversationTokens,
        request: Callable[[str, str | None], list[int]],
        view: Literal["task", "house"],
        seed: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.conversation = conversation
        self.request = request
        self.view: Literal["task", "house"] = view
        self.seed = seed
        kinds = [("plan", record) for record in records] + [("guided", record) for record in records]
        kinds += [("recall", record) for record in records]
        kinds += [("explored", record) for record in records if record.explored]
        random.Random(seed).shuffle(kinds)
        self.kinds = kinds

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> Document:
        kind, record = self.kinds[index]
        if kind == "recall":
            return self._recall(record.house, index)
        plan = write_plan(record.walkthrough, self.view, seed=self.seed + index)
        if kind == "plan":
            prompt = self.request(record.opening, record.house if self.view == "house" else None)
            answer = [*self._encode(plan), self.tokenizer.eos_token_id]
            return Document([*prompt, *answer], [False] * len(prompt) + [True] * len(answer))
        message = self._encode(plan) if kind == "guided" else []
        tail = self.conversation.tail(record.guided if kind == "guided" else record.explored)
        read = [*self.conversation.head(record.opening), *message]
        return Document([*read, *tail.ids], [False] * len(read) + [True] * len(tail.ids))

    def _recall(self, house: str, index: int) -> Document:
        """Where things are, and the same twice more in other orders, which is learned."""
        rng = random.Random(self.seed + index)
        lines = house.split("\n")
        again = [*rng.sample(lines, len(lines)), *rng.sample(lines, len(lines))]
        told, retold = self._encode("\n".join([*lines, ""])), self._encode("\n".join(again))
        return Document([*told, *retold], [False] * len(told) + [True] * len(retold))

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
