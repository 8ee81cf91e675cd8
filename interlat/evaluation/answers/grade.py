"""Grades a text against the right answer, the way a benchmark asks for. Knows no problem beyond that."""

from dataclasses import dataclass

from interlat.data.reasoning.problem import Grading
from interlat.evaluation.answers.extraction import final_answer
from interlat.evaluation.answers.mathematics import require_math_verify, same_mathematics
from interlat.evaluation.answers.numerals import same_number


@dataclass(frozen=True)
class Grade:
    """What came of a text.

    Args:
        answer: the answer it gives; None if it gives none.
        correct: whether that is the right one.
    """

    answer: str | None
    correct: bool


def grade(text: str, right: str, grading: Grading) -> Grade:
    """Grade a text.

    Args:
        text: whatever a solver wrote.
        right: the right answer.
        grading: how the two are compared.

    Raises:
        GraderNotFound: if the grader's package is not installed.
    """
    answer = final_answer(text)
    if answer is None:
        return Grade(None, correct=False)
    same = same_number if grading == "number" else same_mathematics
    return Grade(answer, same(answer, right))


def require_grader(grading: Grading) -> None:
    """Raise ``GraderNotFound`` unless answers can be compared this way here."""
    if grading == "mathematics":
        require_math_verify()
