"""Grades a text against the right answer, the way a benchmark asks for. Knows no problem beyond that."""

from dataclasses import dataclass

from interlat.data.reasoning.answers import Answer, Choice, CodeTests
from interlat.data.reasoning.problem import Grading
from interlat.errors import InvalidSetting
from interlat.evaluation.answers.code import run_program
from interlat.evaluation.answers.extraction import final_answer
from interlat.evaluation.answers.letters import chosen
from interlat.evaluation.answers.mathematics import require_math_verify, same_mathematics
from interlat.evaluation.answers.numerals import same_number, same_text
from interlat.evaluation.answers.sandbox import require_sandbox


@dataclass(frozen=True)
class Grade:
    """What came of a text.

    Args:
        answer: the answer it gives; None if it gives none.
        correct: whether that is the right one.
        reason: why a program failed; empty for other answers.
    """

    answer: str | None
    correct: bool
    reason: str = ""


def grade(text: str, right: Answer, grading: Grading) -> Grade:
    """Grade a text.

    Args:
        text: whatever a solver wrote.
        right: the right answer; a ``Choice`` for letters, ``CodeTests`` for code.
        grading: how the two are compared.

    Raises:
        GraderNotFound: if the grader's package is not installed.
        SandboxNotAvailable: if code is to be graded and cannot be confined here.
        InvalidSetting: if the right answer is of another kind than the grading takes.
    """
    match grading, right:
        case "letter", Choice():
            label = chosen(text, right)
            return Grade(label, label == right.label)
        case "code", CodeTests():
            program, verdict = run_program(text, right)
            return Grade(program, verdict.passed, "" if verdict.passed else verdict.reason)
        case "number" | "text" | "mathematics", str():
            answer = final_answer(text)
            same = {"number": same_number, "text": same_text, "mathematics": same_mathematics}[grading]
            return Grade(answer, answer is not None and same(answer, right))
    raise InvalidSetting(
        f"a right answer of kind {type(right).__name__} cannot be graded as {grading!r}; see interlat.data.reasoning.Grading"
    )


def require_grader(grading: Grading) -> None:
    """Raise unless answers can be compared this way here.

    Raises:
        GraderNotFound: if a package is missing.
        SandboxNotAvailable: if code cannot be confined.
    """
    if grading == "mathematics":
        require_math_verify()
    if grading == "code":
        require_sandbox()
