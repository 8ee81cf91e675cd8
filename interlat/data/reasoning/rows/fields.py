"""What a problem is made of, whichever benchmark it comes from. Knows no benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlat.data.reasoning.answers import Answer


@dataclass(frozen=True)
class Fields:
    """What a row of a benchmark holds.

    Args:
        question: what is asked.
        answer: the right one.
        solution: worked out, its answer boxed, or a program; empty where the benchmark has none.
        task_type: its level or subject.
        name: its own name in the benchmark; None where it has none, and its number in the file stands in.
    """

    question: str
    answer: Answer
    solution: str
    task_type: str
    name: str | None = None


def text_of(row: Mapping[str, Any], name: str) -> str:
    """The text of a field, without blanks around it.

    Raises:
        KeyError: if there is no such field.
        ValueError: if it has no text.
    """
    return source_of(row, name).strip()


def source_of(row: Mapping[str, Any], name: str) -> str:
    """The text of a field as it stands, with plain line ends: blanks mean something in source code. Raises as ``text_of`` does."""
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has no text under {name!r}")
    return value.replace("\r\n", "\n")
