"""Documents that teach a language model the household's language; knows nothing of Lightning.

What a large instruction-tuned model brings along, a smaller one must be taught: to write a plan when asked for one, to follow
a plan written in its prompt, and to explore when there is none. Plans stand here as plain text without boundary tokens:
reading messages is left to stage 1.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from interlat.data.batches import ConversationTokens
from interlat.data.plan_writer import write_plan
from interlat.data.trajectories import TaskRecord
from interlat.models.chat import ChatFormat

DocumentKind = Literal["plan", "guided", "drill", "explored"]
MOST_THINGS_IN_A_DRILL = 16
QUESTIONS_IN_A_DRILL = 60
_HOUSE_LINE = re.compile(r"a ([a-z]+ \d+) (?:in|on) ([a-z]+ \d+)")  # as house_view writes it


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
    """Three documents a game: its plan on request; the walkthrough on that plan; exploration in silence. And drills.

    A drill tells where things are, in a house made up by chance, and asks for each again and again. Looking up what followed
    the same words before is what small models learn last and everything else here rests on; a plan asks for two or three
    look-ups, in a house where half can be guessed, a drill for some sixty that cannot.

    Args:
        records: the games.
        tokenizer: of the model to be taught.
        conversation: tokenises the actor's side.
        request: the sender's prompt as text, given an opening and, in ``view: house``, where things are.
        view: what the sender sees.
        seed: of the plans' wording.
        kinds: which of the four to make.
        varied: whether plans come in several wordings.
    """

    def __init__(  # noqa: PLR0913 - what a document is made of, and how
        self,
        records: Sequence[TaskRecord],
        tokenizer: PreTrainedTokenizerBase,
        conversation: ConversationTokens,
        request: Callable[[str, str | None], list[int]],
        *,
        view: Literal["task", "house", "problem"],
        seed: int = 0,
        kinds: Sequence[DocumentKind] = get_args(DocumentKind),
        varied: bool = True,
    ) -> None:
        self.tokenizer = tokenizer
        self.conversation = conversation
        self.request = request
        self.view: Literal["task", "house", "problem"] = view
        self.seed, self.varied = seed, varied
        told = [found for record in records for found in _HOUSE_LINE.findall(record.house)]
        self.things = sorted({thing for thing, _ in told})
        self.places = sorted({place for _, place in told})
        self._pieces: dict[str, list[int]] = {}
        self._end = self._encode(ChatFormat.of(tokenizer).assistant_end)
        # An expert that did not finish in time is no example.
        self.documents = [
            (kind, record) for kind in kinds for record in records if kind != "explored" or record.explored
        ]
        random.Random(seed).shuffle(self.documents)

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> Document:
        kind, record = self.documents[index]
        if kind == "drill":
            return self._drill(index)
        plan = write_plan(record.walkthrough, self.view, self.seed + index, varied=self.varied)
        if kind == "plan":
            prompt = self.request(record.opening, record.house if self.view == "house" else None)
            answer = [*self._encode(plan), *self._end]
            return Document([*prompt, *answer], [False] * len(prompt) + [True] * len(answer))
        message = self._encode(plan) if kind == "guided" else []
        tail = self.conversation.tail(record.guided if kind == "guided" else record.explored)
        read = [*self.conversation.head(record.opening), *message]
        return Document([*read, *tail.ids], [False] * len(read) + [True] * len(tail.ids))

    def _drill(self, index: int) -> Document:
        """Pairs of a thing and a place, told once and asked for in other orders; only the places asked for are learned."""
        rng = random.Random(self.seed + index)
        size = min(rng.randint(2, MOST_THINGS_IN_A_DRILL), len(self.things))
        pairs = [(thing, rng.choice(self.places)) for thing in rng.sample(self.things, size)]
        asked = [pair for _ in range(QUESTIONS_IN_A_DRILL // size) for pair in rng.sample(pairs, size)]
        told = self._encode("".join(f" {thing} in {place}." for thing, place in pairs))
        ids, supervised = told, [False] * len(told)
        for thing, place in asked:
            question, answer, stop = self._piece(f" {thing} in"), self._piece(f" {place}"), self._piece(".")
            ids = [*ids, *question, *answer, *stop]
            supervised = [*supervised, *[False] * len(question), *[True] * len(answer), *[False] * len(stop)]
        return Document(ids, supervised)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _piece(self, text: str) -> list[int]:
        """Token ids of a piece of a drill: the same few hundred pieces come millions of times."""
        if text not in self._pieces:
            self._pieces[text] = self._encode(text)
        return self._pieces[text]
