"""One problem with its answer. To the rest of the library it is a game of one step. Knows no file and no grader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from interlat.data.reasoning.answers import Answer, CodeTests
from interlat.data.trajectories import TaskRecord
from interlat.errors import InvalidSetting

Grading = Literal["mathematics", "number", "text", "letter", "code"]
"""How answers are compared: ``mathematics`` by value, whatever the notation; ``number`` as decimal numbers; ``text`` by their words;
``letter`` by the option they choose; ``code`` by running it with tests."""

AnswerKind = Literal["number", "expression", "choice", "code"]
_ASKED: dict[Grading, AnswerKind] = {
    "number": "number",
    "mathematics": "expression",
    "text": "expression",
    "letter": "choice",
    "code": "code",
}


@dataclass(frozen=True)
class Problem:
    r"""A problem and its answer.

    Args:
        game_id: a unique and stable name.
        task_type: its level, like "level 3"; results are broken down by it. Where there are no levels, its subject.
        question: what is asked, as it is shown.
        solution: worked out, with the answer within ``\boxed{}`` at its end, or a program; empty where none is known.
        answer: the right answer; an option for ``letter``, tests for ``code``.
        grading: how answers are compared with it.
        plan: one sentence a step, where a plan is known beforehand.
        answer_tokens: most tokens that an answer may have.
        parts: what each agent sees in place of ``question``, in order, where what there is to know is split between them; the last part
            is for the one who answers. Empty where all see everything.
    """

    game_id: str
    task_type: str
    question: str
    solution: str
    answer: Answer
    grading: Grading
    plan: tuple[str, ...] = ()
    answer_tokens: int = 1024
    parts: tuple[str, ...] = ()

    @property
    def answer_kind(self) -> AnswerKind:
        """How its answer is asked for; a sentence of the prompts goes with each."""
        return _ASKED[self.grading]

    def shown_to(self, agents: Sequence[str]) -> dict[str, str]:
        """What each agent sees in place of the question, by name; empty where all see everything.

        One agent alone sees the last part, as the last of several does.

        Raises:
            InvalidSetting: if there are parts, several agents, and not as many of them as parts.
        """
        parts = self.parts[-1:] if len(agents) == 1 else self.parts
        if parts and len(parts) != len(agents):
            raise InvalidSetting(
                f"problem '{self.game_id}' is split into {len(parts)} parts, got {len(agents)} agents "
                f"({', '.join(agents)}); take a cast with one agent a part"
            )
        return dict(zip(agents, parts, strict=True)) if parts else {}

    def load(self) -> "Problem":
        """The problem itself: nothing has to be loaded, as a game's house has."""
        return self

    @property
    def walkthrough(self) -> tuple[str, ...]:
        """The one answer that solves it: its solution, or the bare answer where no solution is known. Tests are no answer."""
        bare = "" if isinstance(self.answer, CodeTests) else f"\\boxed{{{self.answer}}}"
        return (self.solution or bare,)

    def record(self) -> TaskRecord:
        """The problem as training needs it: one turn, whose answer is the solution, on a plan and in silence alike."""
        turns = (("", self.walkthrough[0], ""),)
        return TaskRecord(self.game_id, self.task_type, self.question, "", self.plan, turns, turns)
