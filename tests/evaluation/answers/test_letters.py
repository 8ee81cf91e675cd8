r"""Options as models name them: boxed, said, bare, by their words; and texts that name none, or several."""

import os
from pathlib import Path

import pytest

from interlat.data.reasoning import Choice, problems_named
from interlat.evaluation.answers import chosen, grade

LETTERS = Choice("A", ("a dog", "the cell wall", "Mitochondria", "3 apples"))
NUMBERS = Choice("1", LETTERS.options, ("1", "2", "3", "4"))

CHOSEN = [
    ("The answer is (B).", "B"),
    ("The answer is B", "B"),
    ("the answer is **(b)**.", "B"),
    ("Answer: d", "D"),
    ("answer - C", "C"),
    ("Answer B", "B"),
    ("**Final Answer:**\n\n(C)", "C"),
    ("Answer:\nB", "B"),
    ("The correct answer is: **C) Mitochondria**", "C"),
    ("The correct option is therefore (D), as we saw.", "D"),
    ("The answer to the question is therefore: $\\mathbf{B}$", "B"),
    ("The best answer choice is B", "B"),
    ('{"reasoning": "none", "answer": "D"}', "D"),
    ("<answer>C</answer>", "C"),
    ("9 * 2 = 18\n#### B", "B"),
    (r"\boxed{C}", "C"),
    (r"so $\boxed{\text{(D)}}$", "D"),
    (r"\boxed{\textbf{B}}", "B"),
    (r"\boxed{B. the cell wall}", "B"),
    (r"\boxed{the cell wall}", "B"),
    (r"\boxed{b}", "B"),
    (r"The answer is A. So \boxed{B}", "B"),
    (r"\boxed{A}, no: \boxed{C}", "C"),
    ("B", "B"),
    ("b", "B"),
    ("a", "A"),
    ("(c)", "C"),
    ("[D]", "D"),
    ("B.", "B"),
    ("**B**", "B"),
    ("`C`", "C"),
    ("B) because it is rigid", "B"),
    ("B because it is rigid", "B"),
    ("B – because of rigidity", "B"),
    ("C: Mitochondria make energy", "C"),
    ("Let us see.\n\nD", "D"),
    ("Option A is wrong. Option B is wrong. So C.", "C"),
    ("Mitochondria", "C"),
    ("mitochondria.", "C"),
    ("It took long to see.\nThe cell wall", "B"),
    ("The answer is the cell wall.", "B"),
    ("The answer is a dog.", "A"),
    ("the answer is a", "A"),
    ("The best answer is A because dogs bark.", "A"),
    ("the correct answer is 3 apples", "D"),
    ("The answer is B. the cell wall, not C.", "B"),
    ("The answer is B, C is wrong.", "B"),
    ("The answer is C, the cell wall", "C"),  # label and words disagree
    ("I would choose option D.", "D"),
    ("I think it's B.", "B"),
    ("It must be B, since walls are rigid", "B"),
    ("B is the correct answer.", "B"),
    ("(B) the cell wall is correct", "B"),
    ("C and D are wrong; A is the best option", "A"),
    ("Option A is incorrect because x. Option B is correct.", "B"),
    ("(A) and (B) are both wrong, so the answer is (C).", "C"),
    ("The answer is A. Wait, no. The answer is D.", "D"),
    ("A. a dog\nB. the cell wall\nC. Mitochondria\nD. 3 apples\n\nAnswer: C", "C"),
    ("<think>the answer is A</think>B", "B"),
]
UNCHOSEN = [
    "",
    "I am not sure.",
    "A cat has four legs.",  # an article
    "The answer is a cat.",
    "A or B",
    "B and C",
    "The answer is A or B.",
    "The answer is both A and C",
    "The answer could be (A)/(B)",
    r"\boxed{A} and \boxed{B}",
    r"\boxed{A, B}",
    "The answer is E.",
    r"\boxed{E}",
    "the answer is not B",
    "B is not correct.",
    "Vitamin B is important.",
    "A. a dog\nB. the cell wall\nC. Mitochondria\nD. 3 apples",
    "Answer choices: A, B, C, D",
    r"The answer is \boxed{B",  # cut off
    "<think>The answer is B</think>",
    "Dogs bark, and walls are rigid",
]


@pytest.mark.parametrize(("text", "label"), CHOSEN)
def test_an_option_is_read(text: str, label: str):
    assert chosen(text, LETTERS) == label


@pytest.mark.parametrize("text", UNCHOSEN)
def test_no_option_is_read_where_none_is_named(text: str):
    assert chosen(text, LETTERS) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The answer is 3.", "3"),
        ("3", "3"),
        ("(2)", "2"),
        (r"\boxed{4}", "4"),
        ("answer1", "1"),
        ("the correct answer is answer3", "3"),
        ("option 2", "2"),
        ("2) because it is rigid", "2"),
        ("The answer is 3 apples", "4"),  # words, of which the number is a part
        ("1 or 2", None),
        ("the answer is 12", None),
        ("5", None),
        ("Answer: 2.5", None),
        ("B", None),
    ],
)
def test_options_may_have_numbers(text: str, label: str | None):
    assert chosen(text, NUMBERS) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [("R", "A"), ("rr", "B"), ("The answer is Rr", "C"), ("RR", "D"), ("B", "B"), ("A. R", "A"), ("r and R", None)],
)
def test_words_that_look_like_labels(text: str, label: str | None):
    """Capitals tell options apart where they must; "R" is no label of four."""
    assert chosen(text, Choice("A", ("R", "rr", "Rr", "RR"))) == label


def test_without_words_of_options_labels_are_read():
    assert chosen("The answer is (C).", Choice("A")) == "C"
    assert chosen("Mitochondria", Choice("A")) is None


@pytest.mark.parametrize(
    "piece", ["answer ", "answer is ", "A or ", "(A) ", "the ", "so the answer is not ", "* ", "B. ", "#### "]
)
def test_long_texts_of_one_piece_are_read_in_passing(piece: str):
    """A pattern that backtracks would not come to an end."""
    chosen(piece * 20_000, LETTERS)


def test_a_grade_tells_the_option():
    right, wrong, none = (grade(text, LETTERS, "letter") for text in ("(A)", "(B)", "who knows"))
    assert (right.answer, right.correct) == ("A", True)
    assert (wrong.answer, wrong.correct) == ("B", False)
    assert (none.answer, none.correct) == (None, False)


@pytest.mark.skipif(
    not os.environ.get("INTERLAT_REASONING"), reason="no benchmark files: name their folder in INTERLAT_REASONING"
)
@pytest.mark.parametrize("name", ["arc-easy", "arc-challenge", "openbookqa", "medqa"])
def test_labels_and_words_of_published_options_are_read(name: str):
    """Each option of each question, by its label in a sentence and by its words alone; options of the same words name nothing."""
    folder = Path(os.environ["INTERLAT_REASONING"])
    if not any(folder.glob(f"{name}*")):
        pytest.skip(f"no file of {name} in the folder that INTERLAT_REASONING names")
    for problem in problems_named(name).games("unseen", 200):  # type: ignore[arg-type]
        choice = problem.answer
        for label, option in zip(choice.labels, choice.options, strict=True):
            assert chosen(f"I see. The answer is ({label}).", choice) == label
            if option not in choice.labels:  # carbon, written as C
                assert chosen(option, choice) == (label if choice.options.count(option) == 1 else None)
