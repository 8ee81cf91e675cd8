"""Documents in the formats that a collaboration's agents read and write, from problems that are split between them.

What a large instruction-tuned model brings along, a tiny one must be taught: to say what it knows, to use what it hears, and to read on
behind another's prompt. A row is one document, → its targets:

    told    prompt of the first → what it says
    heard   prompt of the last, with what was said → the solution                             text-mas
    behind  prompt of the first, prompt of the last → the solution                            latent-mas, m = 0
    broken  prompt of the first → its first k words, prompt of the last → the solution        latent-mas, k words for m thoughts
    both    prompt of the first, prompt of the last, with what was said → the solution        hybrid
    alone   prompt of the last → the bare answer: a guess                                     single
    whole   prompt of the last, with the whole question → the solution                        one agent that sees everything

Knows no Lightning. No document holds a latent thought.
"""

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration_prompts import Question, agent_text
from interlat.agents.collaboration_settings import Collaborator
from interlat.data.documents import Document
from interlat.data.reasoning import Problem
from interlat.errors import InvalidSetting
from interlat.models.chat import ChatFormat, encode

CollaborationDocumentKind = Literal["told", "heard", "behind", "broken", "both", "alone", "whole"]
KINDS: tuple[CollaborationDocumentKind, ...] = get_args(CollaborationDocumentKind)


class CollaborationDocuments:
    """Writes documents of two agents.

    Args:
        agents: the one who tells and the one who answers.
        tokenizer: of the model to be taught.
        answer: how the answer is to be given, as ``Question`` has it.

    Raises:
        InvalidSetting: if there are not two agents.
    """

    def __init__(self, agents: Sequence[Collaborator], tokenizer: PreTrainedTokenizerBase, answer: str) -> None:
        if len(agents) != 2:
            raise InvalidSetting(
                f"documents are of two agents, one who tells and one who answers, got {len(agents)}; take a cast of two"
            )
        self.first, self.last = agents
        self.answer = answer
        # The documents of a problem are of the same few pieces.
        self._encoded = lru_cache(maxsize=32)(lambda text: encode(tokenizer, text))
        self.chat = ChatFormat.of(tokenizer)

    def document(self, problem: Problem, kind: CollaborationDocumentKind, rng: random.Random) -> Document:
        """One document.

        Args:
            problem: with parts, a plan (what the first agent says) and a solution.
            kind: which.
            rng: draws after how many words a ``broken`` first agent breaks off.
        """
        told = " ".join(problem.plan)
        words, end = self._encoded(told), self._encoded(self.chat.assistant_end)
        teller = (self._prompt(problem, self.first), False)
        listener = (self._prompt(problem, self.last), False)
        informed = (self._prompt(problem, self.last, {self.first.name: told}), False)
        solved = ([*self._encoded(problem.solution), *end], True)
        guessed = ([*self._encoded(f"The answer is {problem.answer}."), *end], True)
        pieces = {
            "told": (teller, ([*words, *end], True)),
            "heard": (informed, solved),
            "behind": (teller, listener, solved),
            "broken": (teller, (words[: rng.randint(1, len(words))], True), listener, solved),
            "both": (teller, informed, solved),
            "alone": (listener, guessed),
            "whole": ((self._prompt(problem, self.last, whole=True), False), solved),
        }[kind]
        ids = [token for piece, _ in pieces for token in piece]
        return Document(ids, [learned for piece, learned in pieces for _ in piece])

    def texts(self, problem: Problem) -> list[str]:
        """Everything that documents of a problem are made of, for a tokenizer's training."""
        told = {self.first.name: " ".join(problem.plan)}
        question = self._question(problem)
        prompts = [agent_text(self.first, question, {}), agent_text(self.last, question, told)]
        return [*prompts, *told.values(), problem.solution]

    def _prompt(
        self, problem: Problem, agent: Collaborator, heard: dict[str, str] | None = None, *, whole: bool = False
    ) -> list[int]:
        text = agent_text(agent, self._question(problem, whole=whole), heard or {})
        return self._encoded(self.chat.opening + text + self.chat.user_end)

    def _question(self, problem: Problem, *, whole: bool = False) -> Question:
        shown = {} if whole else dict(zip((self.first.name, self.last.name), problem.parts, strict=True))
        return Question(problem.question, self.answer, shown)
