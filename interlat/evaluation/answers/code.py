"""Whether the program in a text passes its tests. Runs it in the sandbox only. Knows no benchmark."""

from interlat.data.reasoning.answers import CodeTests
from interlat.evaluation.answers.programs import program_in
from interlat.evaluation.answers.sandbox import Limits, Verdict, run_tests


def run_program(text: str, right: CodeTests, limits: Limits | None = None) -> tuple[str | None, Verdict]:
    """Take the program out of a text and run it with its tests, as HumanEval and MBPP are graded.

    Args:
        text: whatever a solver wrote.
        right: what the program must do.
        limits: of the program; None takes the defaults.

    Returns:
        The program, or None if there is none in the text, and what came of it.

    Raises:
        SandboxNotAvailable: if programs cannot be confined here.
    """
    program = program_in(text, right.entry_point, right.prompt)
    if program is None:
        return None, Verdict(False, "the text has no program")
    whole = f"{program}\n\n{right.setup}" if right.setup else program
    return program, run_tests(whole, right.tests, right.entry_point, right.prompt, limits)
