"""Documents in the formats that a collaboration's agents read and write, from problems that are split between them.

What a large instruction-tuned model brings along, a tiny one must be taught: to say what it knows, to use what it hears, and to read on
behind another's prompt. A row is one document, → its targets:

    told    prompt of one before the last, with what was said → what it says
    heard   prompt of the last, with what was said → the solution                             text-mas
    behind  prompts of all, one behind the other → the solution                               latent-mas, m = 0
    broken  the same, and behind each prompt before the last → the first k words              latent-mas, k words for m thoughts
    both    prompts of all, each with what was said → the solution                            hybrid
    alone   prompt of the last → the bare answer: a guess                                     single
    whole   prompt of the last, with the whole question → the solution                        one agent that sees everything

Knows no Lightning. No document holds a latent thought.
"""

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from transformers import PreTrainedTokenizerBase

from interlat.agents.collaboration_prompts import Question, agent_text
from interlat.agents.collaboration_settings import Collaborator
from interlat.data.documents import Document
from interlat.data.reasoning import Problem
from interlat.errors import InvalidSetting
from interlat.models.chat import ChatFormat, encode

CollaborationDocumentKind = Literal["told", "heard", "behind", "broken", "both", "alone", "whole"]
Pieces: TypeAlias = list[tuple[list[int], bool]]  # tokens, and whether they are learnt
KINDS: tuple[CollaborationDocumentKind, ...] = get_args(CollaborationDocumentKind)


class CollaborationDocuments:
    """Writes documents of a chain of agents.

    Args:
        agents: those who tell, and the one who answers.
        tokenizer: of the model to be taught.
        answer: how the answer is to be given, as ``Question`` has it.

    Raises:
        InvalidSetting: if there is no one who tells.
    """

    def __init__(self, agents: Sequence[Collaborator], tokenizer: PreTrainedTokenizerBase, answer: str) -> None:
        if len(agents) < 2:
            raise InvalidSetting(
                f"documents are of agents who tell and one who answers, got {len(agents)}; take a cast of two or more"
            )
        self.agents = tuple(agents)
        *self.before, self.last = agents
        self.answer = answer
        # The documents of a problem are of the same few pieces.
        self._encoded = lru_cache(maxsize=32)(lambda text: encode(tokenizer, text))
        self.chat = ChatFormat.of(tokenizer)
        self._end = self._encoded(self.chat.assistant_end)

    def document(self, problem: Problem, kind: CollaborationDocumentKind, rng: random.Random) -> Document:
        """One document.

        Args:
            problem: with a part for each agent, a plan (what each agent before the last says) and a solution.
            kind: which.
            rng: draws who tells, where several can, and after how many words those of ``broken`` break off.

        Raises:
            InvalidSetting: if parts or plan do not fit the agents.
        """
        self._check(problem)
        learned_pieces = {
            "told": self._told,
            "heard": self._heard,
            "behind": self._behind,
            "broken": self._broken,
            "both": self._both,
            "alone": self._alone,
            "whole": self._whole,
        }[kind](problem, rng)
        ids = [token for piece, _ in learned_pieces for token in piece]
        return Document(ids, [learned for piece, learned in learned_pieces for _ in piece])

    def texts(self, problem: Problem) -> list[str]:
        """Everything that documents of a problem are made of, for a tokenizer's training."""
        self._check(problem)
        question = self._question(problem)
        prompts = [agent_text(agent, question, self._said_before(problem, agent)) for agent in self.agents]
        return [*prompts, *problem.plan, problem.solution]

    def _told(self, problem: Problem, rng: random.Random) -> Pieces:
        place = rng.randrange(len(self.before)) if len(self.before) > 1 else 0
        words = [*self._encoded(problem.plan[place]), *self._end]
        return [(self._prompt(problem, self.before[place], informed=True), False), (words, True)]

    def _heard(self, problem: Problem, _: random.Random) -> Pieces:
        return [(self._prompt(problem, self.last, informed=True), False), self._solved(problem)]

    def _behind(self, problem: Problem, _: random.Random) -> Pieces:
        return [*((self._prompt(problem, agent), False) for agent in self.agents), self._solved(problem)]

    def _broken(self, problem: Problem, rng: random.Random) -> Pieces:
        pieces: Pieces = []
        for agent, said in zip(self.before, problem.plan, strict=True):
            words = self._encoded(said)
            pieces += [(self._prompt(problem, agent), False), (words[: rng.randint(1, len(words))], True)]
        return [*pieces, (self._prompt(problem, self.last), False), self._solved(problem)]

    def _both(self, problem: Problem, _: random.Random) -> Pieces:
        prompts = ((self._prompt(problem, agent, informed=True), False) for agent in self.agents)
        return [*prompts, self._solved(problem)]

    def _alone(self, problem: Problem, _: random.Random) -> Pieces:
        guess = [*self._encoded(f"The answer is {problem.answer}."), *self._end]
        return [(self._prompt(problem, self.last), False), (guess, True)]

    def _whole(self, problem: Problem, _: random.Random) -> Pieces:
        return [(self._prompt(problem, self.last, whole=True), False), self._solved(problem)]

    def _solved(self, problem: Problem) -> tuple[list[int], bool]:
        return [*self._encoded(problem.solution), *self._end], True

    def _prompt(
        self, problem: Problem, agent: Collaborator, *, informed: bool = False, whole: bool = False
    ) -> list[int]:
        heard = self._said_before(problem, agent) if informed else {}
        text = agent_text(agent, self._question(problem, whole=whole), heard)
        return self._encoded(self.chat.opening + text + self.chat.user_end)

    def _said_before(self, problem: Problem, agent: Collaborator) -> dict[str, str]:
        said = zip(self.before, problem.plan, strict=True)
        return {other.name: text for other, text in list(said)[: self.agents.index(agent)]}

    def _question(self, problem: Problem, *, whole: bool = False) -> Question:
        names = [agent.name for agent in self.agents]
        shown = {} if whole else dict(zip(names, problem.parts, strict=True))
        return Question(problem.question, self.answer, shown)

    def _check(self, problem: Problem) -> None:
        wanted = len(self.agents)
        if len(problem.parts) != wanted or len(problem.plan) != wanted - 1:
            raise InvalidSetting(
                f"problem '{problem.game_id}' has {len(problem.parts)} parts and {len(problem.plan)} told, for {wanted} agents wanted "
                f"{wanted} and {wanted - 1}; take tasks for so many agents, or another cast"
            )
