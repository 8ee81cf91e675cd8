"""Rows of HumanEval and MBPP in the formats of the hub; that they are graded as they should is shown where code is graded."""

import pytest

from interlat.data.reasoning import CodeTests
from interlat.data.reasoning.rows import Fields
from interlat.data.reasoning.rows.code import humaneval_row, mbpp_row


def test_humaneval_asks_for_the_rest_of_a_function():
    """Fields of openai/openai_humaneval and evalplus/humanevalplus."""
    row = {
        "task_id": "HumanEval/53",
        "prompt": 'def add(x, y):\n    """Add."""\n',
        "canonical_solution": "    return x + y\n",
        "test": "def check(candidate):\n    assert candidate(0, 1) == 1",
        "entry_point": "add",
    }
    assert humaneval_row(row) == Fields(
        'Complete this Python function.\n\n```python\ndef add(x, y):\n    """Add."""\n```',
        CodeTests("def check(candidate):\n    assert candidate(0, 1) == 1\n\ncheck(add)\n", "add", row["prompt"]),
        '```python\ndef add(x, y):\n    """Add."""\n    return x + y\n```',
        "all",
        "HumanEval/53",
    )


MBPP = {
    "task_id": 11,
    "text": "Write a function to remove it.",
    "code": "def helper(s):\r\n    return s\r\ndef remove(s):\r\n    return helper(s)",
    "test_list": [
        "assert remove('a') == 'a'",
        "assert remove('b') == 'b'",
        "assert remove('') == ''",
        "assert remove('d') == 'd'",
    ],
    "test_setup_code": "",
    "challenge_test_list": [],
}


def test_mbpp_shows_three_tests_and_runs_all():
    """Fields of google-research-datasets/mbpp, full."""
    fields = mbpp_row(MBPP)
    assert fields.question == (
        "Write a function to remove it.\nWrite one Python function. It has to pass tests like these:\n\n```python\n"
        "assert remove('a') == 'a'\nassert remove('b') == 'b'\nassert remove('') == ''\n```"
    )
    assert fields.answer == CodeTests("\n".join(MBPP["test_list"]) + "\n", "remove")
    assert fields.solution == "```python\ndef helper(s):\n    return s\ndef remove(s):\n    return helper(s)\n```"
    assert fields.name == "11"


def test_mbpp_sanitized_and_plus_call_it_a_prompt():
    """Fields of the sanitized edition, and of evalplus/mbppplus, whose ``test`` takes the place of the list."""
    later = {
        **{key: value for key, value in MBPP.items() if key != "text"},
        "prompt": MBPP["text"],
        "test_imports": ["import math"],
    }
    fields = mbpp_row(later)
    assert fields.question == mbpp_row(MBPP).question
    assert isinstance(fields.answer, CodeTests)
    assert fields.answer.tests.startswith("import math\nassert remove('a')")
    plus = mbpp_row({**later, "test": "assert remove('x') == 'x'"})
    assert plus.answer == CodeTests("import math\nassert remove('x') == 'x'\n", "remove")
    assert plus.question == fields.question


def test_mbpp_sets_up_what_the_tests_need():
    assert mbpp_row({**MBPP, "test_setup_code": "root = 1\r\n"}).answer == CodeTests(
        "\n".join(MBPP["test_list"]) + "\n", "remove", setup="root = 1\n"
    )


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"test_list": []}, "no tests under 'test_list'"),
        ({"code": " "}, "no text under 'code'"),
        ({"code": "x = 1"}, "call none of no function at all"),
        ({"code": "def other(): pass"}, "call none of other"),
        ({"code": "def ("}, "invalid syntax"),
    ],
)
def test_a_row_that_is_no_problem_is_told(change: dict[str, object], wrong: str):
    with pytest.raises((ValueError, SyntaxError), match=wrong):
        mbpp_row({**MBPP, **change})
