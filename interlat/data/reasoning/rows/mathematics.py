"""Rows of GSM8K, of MATH and of the AIME: a question, and an answer that is a number or a formula. Knows no file and no grader."""

import re
from collections.abc import Mapping
from typing import Any

from interlat.data.reasoning.boxed import last_box
from interlat.data.reasoning.rows.fields import Fields, text_of

_CALCULATOR = re.compile(r"<<.*?>>")  # GSM8K's notes for a calculator, which no solver has


def math_row(row: Mapping[str, Any]) -> Fields:
    """A row of MATH in any of its editions: the answer stands alone or is boxed in the solution; a level is 3 or "Level 3"."""
    solution = str(row.get("solution") or "")
    answer = row.get("answer")
    answer = last_box(solution) if answer in (None, "") else str(answer)
    if not answer:
        raise ValueError("has no answer and no \\boxed{} in its solution")
    level = str(row.get("level") or "").lower().removeprefix("level").strip()
    kind = f"level {level}" if level else str(row.get("subject") or row.get("type") or "all").lower()
    return Fields(text_of(row, "problem"), answer, solution, kind, row.get("unique_id"))


def gsm8k_row(row: Mapping[str, Any]) -> Fields:
    """A row of GSM8K: the answer stands behind ``####`` at the end of the solution. There are no levels."""
    worked, mark, answer = text_of(row, "answer").rpartition("####")
    if not mark or not answer.strip():
        raise ValueError("has no '####' and an answer behind it")
    answer = answer.strip().replace(",", "")
    solution = f"{_CALCULATOR.sub('', worked).strip()}\nThe answer is \\boxed{{{answer}}}."
    return Fields(text_of(row, "question"), answer, solution, "all")


def aime_row(row: Mapping[str, Any]) -> Fields:
    r"""A row of the AIME.

    ``problem``, ``answer`` (0 to 999, as a number or a text, with zeros before it or not), perhaps ``id`` and ``solution``.
    Published solutions are copied from a forum: several of them behind each other, some with no box or a wrong one at the end. The
    answer is therefore boxed behind them.
    """
    answer = int(str(row["answer"]).strip())
    if not 0 <= answer <= 999:
        raise ValueError(f"has the answer {answer}, wanted 0 to 999")
    worked = str(row.get("solution") or "").strip()
    solution = f"{worked}\nThe answer is \\boxed{{{answer}}}." if worked else ""
    name = row.get("id")
    return Fields(text_of(row, "problem"), str(answer), solution, "all", None if name is None else str(name))
