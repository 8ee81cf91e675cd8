r"""Answers that are the same mathematics, answers that only look like it, and answers made to break a grader."""

import os
import threading
from pathlib import Path

import pytest

from interlat.data.reasoning import problems_named
from interlat.data.reasoning.boxed import last_box
from interlat.evaluation.answers import GraderNotFound, grade, mathematics, require_grader, same_mathematics

pytest.importorskip("math_verify", reason="no math-verify: pip install 'interlat[reasoning]'")

RIGHT = [
    ("1,234", "1234"),
    ("1234", r"1{,}234"),
    ("10000", r"10\,000"),
    ("20000", "20 000"),
    ("1000000", "10^6"),
    ("42", "42.0"),
    ("42", "42."),
    ("42", "$42$"),
    ("42", r"\$42"),
    ("2220", "2220.0000"),
    ("0", "-0"),
    ("1024", "2^{10}"),
    (r"3 \times 10^4", "30000"),
    (r"\frac{1}{2}", "0.5"),
    (r"\frac12", "1/2"),
    (r"\frac{1}{2}", r"\dfrac{2}{4}"),
    (r"\frac43", r"\frac{4}{3}"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    (r"-\frac{1}{2}", r"\frac{1}{-2}"),
    (r"1\frac{1}{2}", "1.5"),
    (r"\frac{1}{3}", "0.33333333"),
    (r"\frac13", r"0.\overline{3}"),
    (r"\frac{31}{30}", r"1.0\overline{3}"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\frac{1}{\sqrt{3}}", r"\frac{\sqrt3}{3}"),
    (r"11\sqrt2", r"11\sqrt{2}"),
    ("x=5", "5"),
    ("5", "x = 5"),
    ("y = 2x+1", "y=1+2x"),
    ("2k+2", "2(k+1)"),
    ("(a+5)(b+2)", "(b+2)(a+5)"),
    ("x^2-1", "(x-1)(x+1)"),
    ("p - q", "-q+p"),
    ("1,-2", "-2, 1"),
    ("3, 5, 7", r"\{7,5,3\}"),
    ("(3,4]", r"\left(3, 4\right]"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"(3, \pi/2)"),
    (r"(-\infty, 2) \cup (3, \infty)", r"(-\infty,2)\cup(3,\infty)"),
    (r"x \in [2,5]", "[2,5]"),
    (r"2 \le x \le 5", "[2,5]"),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix} -\frac13 \\ \frac23 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{bmatrix} 1 & 2 \end{bmatrix}"),
    (r"90^\circ", "90"),
    ("90", r"90^{\circ}"),
    (r"50\%", "50"),
    ("15", r"15 \text{ cm}"),
    ("15", r"15\mathrm{cm}^2"),
    (r"12 \text{ hours}", "12 hours"),
    (r"\$12.50", "12.5"),
    (r"\text{Evelyn}", "Evelyn"),
    (r"\text{east}", r"\textbf{ east }"),
    (r"\text{even}", "Even"),
    (r"\text{A, B}", "A,B"),
    (r"\text{(B)}", "B"),
    ("52_8", "52_{8}"),
    ("6 - 5i", "-5i+6"),
    ("1+274i", "1 + 274 i"),
    (r"1 \pm \sqrt{19}", r"1 + \sqrt{19}, 1 - \sqrt{19}"),
    (r"\cot x", r"\cot(x)"),
    (r"\frac{3}{2}", "3:2"),
    ("720", "6!"),
    ("10", r"\binom{5}{2}"),
    ("3", r"\log_2 8"),
    (r"\emptyset", r"\varnothing"),
    ("-3", r"\!-3"),
]

WRONG = [
    ("7", "-7"),
    ("42", "42.5"),
    ("1234", "1,235"),
    (r"\frac{1}{3}", "0.333"),
    (r"\frac{2}{3}", "0.67"),
    (r"\pi", "3.14"),
    ("x^3+3x-6", "x^3+3x+6"),
    ("p - q", "q - p"),
    ("1,-2", "-2"),
    ("-2", "1,-2"),
    ("(3,4]", "[3,4]"),
    ("(3,4]", "(3,4)"),
    ("(-2,1)", "(1,-2)"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 2 \\ 1 \end{pmatrix}"),
    (r"\text{Evelyn}", r"\text{Briana}"),
    (r"\text{even}", "odd"),
    ("B", "C"),
    ("52_8", "42"),
    ("6-5i", "6+5i"),
    (r"1 \pm \sqrt{19}", r"1+\sqrt{19}"),
    (r"\infty", r"-\infty"),
    ("0", r"\emptyset"),
    ("203", "2 0 3"),
    ("5", ""),
    ("5", r"\frac{5"),
    ("5", "}{"),
    ("5", r"\text{"),
    ("5", r"\left("),
]


@pytest.mark.parametrize(("right", "answer"), RIGHT)
def test_the_same_in_another_notation_is_right(right: str, answer: str):
    assert same_mathematics(answer, right)


@pytest.mark.parametrize(("right", "answer"), WRONG)
def test_what_only_looks_alike_is_wrong(right: str, answer: str):
    assert not same_mathematics(answer, right)


ENDLESS = (r"10^{10^{10}}!", r"9^{9^{9^{9}}}", r"\binom{1000000000}{500000000}")
STRANGE = (
    "{" * 12 + "1" + "}" * 12,
    "(" * 100,
    "9" * 900,
    "\x00\x01",
    "\ud800",
    "𝟛",
    "__import__('os').kill(1, 9)",
    r"\input{secret}",
    r"\frac{1}{0}",
    "\\" * 300,
    '\n\n\n{"same": true}\n',
)


@pytest.mark.parametrize("answer", ENDLESS)
def test_a_calculation_without_end_is_ended_and_the_next_answer_is_graded(answer: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mathematics, "PROCESSOR_SECONDS", 0.5)
    assert not same_mathematics(answer, "5")
    monkeypatch.undo()
    assert same_mathematics(r"\frac{10}{4}", "2.5")


@pytest.mark.parametrize("answer", STRANGE)
def test_a_strange_answer_is_wrong_and_nothing_else(answer: str):
    assert not same_mathematics(answer, "5")
    assert same_mathematics(r"\frac{10}{4}", "2.5")


def test_a_worker_that_was_killed_is_replaced():
    assert same_mathematics(r"\frac{10}{4}", "2.5")
    worker = mathematics._worker()
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait()
    assert not same_mathematics(r"\frac{10}{4}", "2.5")  # the answer in hand is lost
    assert same_mathematics(r"\frac{10}{4}", "2.5")


def test_grading_works_from_many_threads_at_once():
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(same_mathematics(rf"\frac{{{2 * n + 1}}}{{2}}", f"{n}.5")))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_a_missing_grader_is_told_before_anything_is_solved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mathematics.importlib.util, "find_spec", lambda name: None)
    require_grader("number")
    with pytest.raises(GraderNotFound, match=r"pip install 'interlat\[reasoning\]'"):
        require_grader("mathematics")


def test_a_grade_tells_the_answer_it_read():
    assert grade(r"so \boxed{0.5}", r"\frac12", "mathematics").correct
    assert grade(r"so \boxed{0.5}", "1/2", "number").correct
    wrong = grade(r"so \boxed{3}", "4", "number")
    assert (wrong.answer, wrong.correct) == ("3", False)
    none = grade("who knows", "4", "mathematics")
    assert (none.answer, none.correct) == (None, False)


@pytest.mark.skipif(
    not os.environ.get("INTERLAT_REASONING"), reason="no benchmark files: name their folder in INTERLAT_REASONING"
)
def test_every_published_solution_of_math500_is_graded_right_and_its_neighbours_wrong():
    """Answers by the box of each worked solution; a neighbour's answer is right only where the two answers are the same mathematics."""
    if not (Path(os.environ["INTERLAT_REASONING"]) / "math500_test.jsonl").is_file():
        pytest.skip("no math500_test.jsonl in the folder that INTERLAT_REASONING names")
    problems = problems_named("math500").games("unseen", None)
    assert all(grade(problem.solution, problem.answer, problem.grading).correct for problem in problems)
    boxes = [last_box(problem.solution) for problem in problems]
    taken = [
        (problem.answer, other)
        for problem, other in zip(problems[:100], boxes[1:101], strict=True)
        if other and other != problem.answer and same_mathematics(other, problem.answer)
    ]
    assert taken == []
