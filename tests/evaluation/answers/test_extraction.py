r"""What a text claims to be its answer: the last box, or what it says the answer is; nothing where it says nothing."""

import pytest

from interlat.evaluation.answers import final_answer
from interlat.evaluation.answers.extraction import LONGEST_ANSWER


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"We get $x = 3$, so the answer is $\boxed{3}$.", "3"),
        (r"First \boxed{1}. But that is wrong, so \boxed{2}.", "2"),
        (r"\fbox{1}, no: \boxed{2}", "2"),  # the authors' release takes any \fbox before a later \boxed
        (r"\boxed{2}, no: \fbox{1}", "1"),
        (r"$x = \boxed{1}$ or $x = \boxed{2}$", "1, 2"),
        (r"\boxed{1}, \boxed{2} and \boxed{3}.", "1, 2, 3"),
        (r"\boxed{1} \text{ or } \boxed{2}", "1, 2"),
        (r"\boxed{1} apples and then \boxed{2}", "2"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{5} #### 6", "5"),
        ("9 * 2 = 18\n#### 18", "18"),
        ("#### 1,080\n", "1,080"),
        ("The answer is 42.", "42"),
        ("The answer is 3.5. I hope this helps.", "3.5"),
        ("the final answer is: **12**.", "12"),
        ("Answer: $\\frac{1}{2}$", r"\frac{1}{2}"),
        ("Answer: \\(x^2\\)\nThat is all.", "x^2"),
        ("The answer is 5. No, the answer is 6.", "6"),
        ("ANSWER = -7", "-7"),
    ],
)
def test_an_answer_is_found(text: str, answer: str):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I do not know.",
        "So 3 + 4 = 7, and then we are done with 12",
        r"The box \boxed{12",  # cut off: 12 may go on as 128
        r"\boxed{}",
        r"\boxed{ }",
        "the answer is",
        "####",
        r"\boxed{" + "9" * (LONGEST_ANSWER + 1) + "}",
        "\\boxed{" * 1000,
    ],
)
def test_no_answer_is_no_answer(text: str):
    assert final_answer(text) is None


@pytest.mark.parametrize("piece", ["answer ", "answer is ", "#### ", " ", "\\boxed{1} and ", "answer" + " " * 50])
def test_long_texts_of_one_piece_are_read_in_passing(piece: str):
    """A pattern that backtracks would not come to an end."""
    final_answer(piece * 20_000)
