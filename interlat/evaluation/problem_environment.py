"""A problem as a game of one step: the command is the solver's whole answer, and grading it ends the game. Knows no model."""

from interlat.data.reasoning.problem import Problem
from interlat.evaluation.answers import grade, require_grader
from interlat.evaluation.environment import NOT_UNDERSTOOD, Info

WRONG = "Wrong: "  # what the answer that was read stands behind, where it is not right


class ProblemEnvironment:
    """One problem.

    An answer is observed as "Right.", as "Wrong." with the answer that was read, or, where the text gives none, as ``NOT_UNDERSTOOD``,
    which counts as an invalid action. The right answer is not told, so that recorded episodes do not hold it.

    Args:
        problem: to be solved.

    Raises:
        GraderNotFound: if its answers cannot be compared here.
    """

    def __init__(self, problem: Problem) -> None:
        require_grader(problem.grading)
        self.problem = problem

    def reset(self) -> tuple[str, Info]:
        """The question."""
        return self.problem.question, self._info(won=False)

    def step(self, command: str) -> tuple[str, float, bool, bool, Info]:
        """Grade the answer; whatever came of it, the game is over."""
        graded = grade(command, self.problem.answer, self.problem.grading)
        read = "Right." if graded.correct else f"{WRONG}{graded.answer}"
        told = NOT_UNDERSTOOD if graded.answer is None else read
        return told, float(graded.correct), graded.correct, not graded.correct, self._info(graded.correct)

    def close(self) -> None:
        """Nothing to release."""

    def _info(self, won: bool) -> Info:
        return {"admissible_commands": [], "won": won, "task": self.problem.question}
