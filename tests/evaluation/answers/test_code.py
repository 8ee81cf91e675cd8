"""Code graded as HumanEval and MBPP grade it: by records in their format, and by the published ones where they are there."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile_programs import CONFINES

from interlat.data.reasoning import CodeTests, Problem, problems_named
from interlat.data.reasoning.rows.code import humaneval_row, mbpp_row
from interlat.errors import InvalidSetting
from interlat.evaluation.answers import Grade, grade

pytestmark = pytest.mark.skipif(not CONFINES, reason="this kernel has no Landlock, or no filter of system calls")

HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": (
        "import math\n\ndef root(x: float) -> float:\n    return math.sqrt(x)\n\n"
        'def hypotenuse(a: float, b: float) -> float:\n    """Of a triangle."""\n'
    ),
    "canonical_solution": "    return root(a * a + b * b)\n",
    "test": (
        "\n\nMETADATA = {'author': 'none'}\n\n\ndef check(candidate):\n    assert candidate(3, 4) == 5\n"
        "    assert math.fabs(candidate(1, 1) - root(2)) < 1e-9\n    assert candidate(b=0, a=7) == 7\n"
    ),
    "entry_point": "hypotenuse",
}
MBPP = {
    "task_id": 9000,
    "text": "Write a function to add the values of a tree.",
    "code": (
        "class Node:\r\n    def __init__(self, value):\r\n        self.value, self.left, self.right = value, None, None\r\n"
        "def add_up(node):\r\n    return 0 if node is None else node.value + add_up(node.left) + add_up(node.right)"
    ),
    "test_setup_code": "root = Node(1)\r\nroot.left = Node(2)",
    "test_list": ["assert add_up(root) == 3", "assert add_up(Node(5)) == 5", "assert add_up(None) == 0"],
    "challenge_test_list": [],
}


def _graded(text: str, row: dict[str, object]) -> Grade:
    fields = (humaneval_row if "entry_point" in row else mbpp_row)(row)
    return grade(text, fields.answer, "code")


@pytest.mark.parametrize("row", [HUMANEVAL, MBPP])
def test_the_published_solution_is_right(row: dict[str, object]):
    solution = (humaneval_row if "entry_point" in row else mbpp_row)(row).solution
    assert _graded(solution, row).correct


@pytest.mark.parametrize(
    ("text", "correct"),
    [
        ("    return root(a * a + b * b)", True),
        ("def hypotenuse(a, b):\n    return (a * a + b * b) ** 0.5", True),
        ("```python\nimport numpy as np\n\ndef hypotenuse(a, b):\n    return np.hypot(a, b)\n```", True),
        ("    return a + b", False),
        ("    return (a * a + b", False),
        ("    raise NotImplementedError", False),
        ("I would rather not.", False),
        ("```python\ndef check(candidate):\n    pass\n\ndef hypotenuse(a, b):\n    return 0\n```", False),
        # Helpers of the prompt are the tests' own: a program does not change what it is measured by.
        ("    return 0\n\ndef root(x):\n    return 0\n\n", False),
    ],
)
def test_answers_to_humaneval(text: str, correct: bool):
    assert _graded(text, HUMANEVAL).correct is correct


def test_a_grade_tells_the_program_and_why_it_failed():
    wrong, none = _graded("    return a + b", HUMANEVAL), _graded("I would rather not.", HUMANEVAL)
    assert wrong.answer is not None
    assert "return a + b" in wrong.answer
    assert wrong.reason == "AssertionError"
    assert (none.answer, none.reason) == (None, "the text has no program")
    assert _graded("    return root(a * a + b * b)", HUMANEVAL).reason == ""


PLUS = {
    "task_id": 2,
    "prompt": "Write a function to find the shared elements from the given two lists.",
    "code": "def similar_elements(test_tup1, test_tup2):\n  return tuple(set(test_tup1) & set(test_tup2))",
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "test_imports": ["from collections import Counter"],
    "test_list": ["assert set(similar_elements((3, 4, 5, 6),(5, 7, 4, 10))) == set((4, 5))"],
    "test": (
        "import numpy as np\nfrom math import inf\n\ndef is_floats(x) -> bool:\n    return isinstance(x, (float, np.ndarray))\n\n"
        "def assertion(out, exp, atol):\n    if atol == 0 and is_floats(exp):\n        atol = 1e-6\n"
        "    if out != exp and atol != 0:\n        assert np.allclose(out, exp, rtol=1e-07, atol=atol)\n"
        "    else:\n        assert out == exp, 'not equal'\n\n"
        "inputs = [[[3, 4, 5, 6], [5, 7, 4, 10]], [[], []]]\nresults = [{4, 5}, set()]\n"
        "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assert Counter([1])[1] == 1\n"
        "    assertion(set(similar_elements(*inp)), exp, 0)\n"
    ),
}


def test_evalplus_tests_run_with_numpy():
    assert _graded(mbpp_row(PLUS).solution, PLUS).correct
    assert _graded("def similar_elements(a, b): return ()", PLUS).reason == "AssertionError: not equal"


def test_a_right_answer_of_another_kind_is_told():
    with pytest.raises(InvalidSetting, match="kind str cannot be graded as 'code'"):
        grade("x", "5", "code")
    with pytest.raises(InvalidSetting, match="kind CodeTests cannot be graded as 'number'"):
        grade("x", CodeTests("", "f"), "number")


@pytest.mark.skipif(
    not os.environ.get("INTERLAT_REASONING"), reason="no benchmark files: name their folder in INTERLAT_REASONING"
)
def test_published_solutions_of_humaneval_pass_and_stubs_fail():
    """Every eighth problem; the whole benchmark is `interlat-eval --env humaneval --policy walkthrough`."""
    if not any(Path(os.environ["INTERLAT_REASONING"]).glob("[hH]uman[eE]val*")):
        pytest.skip("no HumanEval.jsonl.gz in the folder that INTERLAT_REASONING names")
    problems = problems_named("humaneval").games("unseen", None)
    assert len(problems) == 164
    assert all(_parts(problem).prompt.strip() in problem.question for problem in problems)
    with ThreadPoolExecutor(2) as pool:
        solved = list(pool.map(lambda problem: grade(problem.solution, problem.answer, "code"), problems[::8]))
        stubs = list(pool.map(lambda problem: grade("    pass", problem.answer, "code"), problems[::16]))
    assert [graded.reason for graded in solved if not graded.correct] == []
    assert not any(graded.correct for graded in stubs)


def _parts(problem: Problem) -> CodeTests:
    assert isinstance(problem.answer, CodeTests)
    return problem.answer
