"""Rows of HumanEval, MBPP and their EvalPlus editions: what a function is to do, and tests that it must pass.

Knows no file and runs nothing.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from interlat.data.reasoning.answers import CodeTests
from interlat.data.reasoning.rows.fields import Fields, source_of, text_of

_SHOWN_TESTS = 3  # in a question of MBPP, as its paper shows them


def humaneval_row(row: Mapping[str, Any]) -> Fields:
    """A row of HumanEval or HumanEval+.

    ``task_id``, ``prompt``, ``canonical_solution``, ``test`` with ``check(candidate)``, ``entry_point``.
    """
    prompt, entry_point = source_of(row, "prompt"), text_of(row, "entry_point")
    tests = f"{source_of(row, 'test')}\n\ncheck({entry_point})\n"
    question = f"Complete this Python function.\n\n```python\n{prompt.strip()}\n```"
    solution = _fenced(prompt + str(row.get("canonical_solution") or "")) if row.get("canonical_solution") else ""
    return Fields(question, CodeTests(tests, entry_point, prompt), solution, "all", text_of(row, "task_id"))


def mbpp_row(row: Mapping[str, Any]) -> Fields:
    """A row of MBPP, whole or sanitized, or of MBPP+.

    ``text`` (``prompt`` in the later editions), ``code``, ``test_list``, perhaps ``test_setup_code``, ``test_imports``, ``task_id``; in
    MBPP+ also ``test``, which takes the place of the list. The function's name stands in the tests only, so the question shows three
    of them.
    """
    asked = text_of(row, "text" if "text" in row else "prompt").replace("\r\n", "\n")
    code, listed = source_of(row, "code"), [str(test).replace("\r\n", "\n") for test in row["test_list"]]
    if not listed:
        raise ValueError("has no tests under 'test_list'")
    imports = "\n".join(row.get("test_imports") or ())
    tests = source_of(row, "test") if row.get("test") else "\n".join(listed)
    shown = "\n".join(listed[:_SHOWN_TESTS])
    question = f"{asked}\nWrite one Python function. It has to pass tests like these:\n\n```python\n{shown}\n```"
    setup = str(row.get("test_setup_code") or "").replace("\r\n", "\n")
    return Fields(
        question,
        CodeTests(f"{imports}\n{tests}\n".lstrip(), _tested(code, listed), setup=setup),
        _fenced(code),
        "all",
        str(row["task_id"]) if "task_id" in row else None,
    )


def _tested(code: str, tests: Sequence[str]) -> str:
    """The function that the tests call: of those that the published program defines, the last one named in them."""
    defined = [part.name for part in ast.parse(code).body if isinstance(part, (ast.FunctionDef, ast.ClassDef))]
    used = {node.id for test in tests for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Name)}
    named = [name for name in defined if name in used]
    if not named:
        raise ValueError(f"has tests that call none of {', '.join(defined) or 'no function at all'}")
    return named[-1]


def _fenced(program: str) -> str:
    return f"```python\n{program.strip()}\n```"
