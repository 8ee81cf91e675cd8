"""Graders: is the answer in this text the right one? Know nothing of models, messages or where a problem comes from.

A text is graded in two steps: ``final_answer`` finds what it claims, a grader compares that with the right answer.
"""

from interlat.evaluation.answers.code import run_program
from interlat.evaluation.answers.extraction import final_answer
from interlat.evaluation.answers.grade import Grade, grade, require_grader
from interlat.evaluation.answers.letters import chosen
from interlat.evaluation.answers.mathematics import GraderNotFound, same_mathematics
from interlat.evaluation.answers.numerals import as_number, same_number, same_text
from interlat.evaluation.answers.programs import program_in
from interlat.evaluation.answers.sandbox import SandboxNotAvailable

__all__ = [
    "Grade",
    "GraderNotFound",
    "SandboxNotAvailable",
    "as_number",
    "chosen",
    "final_answer",
    "grade",
    "program_in",
    "require_grader",
    "run_program",
    "same_mathematics",
    "same_number",
    "same_text",
]
