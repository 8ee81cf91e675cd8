"""Rows of multiple-choice benchmarks. Each becomes a question with its options below it behind A, B, C, whatever the row calls them.

Knows no file and no grader.
"""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from interlat.data.reasoning.answers import Choice, lettered
from interlat.data.reasoning.rows.fields import Fields, text_of

_INSTRUCTED = re.compile(
    r"Please choose the correct answer to the question: (.*?)\s*\n\n(Answer1: .*?)\s*\n\nAnswer format: .*", re.DOTALL
)
_ANSWER = re.compile(r"\s*\bAnswer\d: ")
_LABEL = re.compile(r"^\s*\(?([A-Z])[.):]\)?\s*")


def arc_row(row: Mapping[str, Any]) -> Fields:
    """A row of ARC, OpenBookQA or CommonsenseQA.

    As on the hub: ``question`` (``question_stem`` in OpenBookQA), ``choices`` with ``text`` and ``label``, ``answerKey``, ``id``; a few
    rows of ARC have the labels 1 to 4. Or as an instruction, as LLM-Adapters publishes them: ``instruction`` with
    "Answer1: ... Answer2: ..." and ``answer``, "answer2".
    """
    if "instruction" in row:
        return _instructed(row)
    choices = row["choices"]
    labels = [str(label) for label in choices["label"]]
    right = labels.index(text_of(row, "answerKey"))
    stem = text_of(row, "question_stem" if "question_stem" in row else "question")
    return _fields(stem, choices["text"], right, name=row.get("id"))


def medqa_row(row: Mapping[str, Any]) -> Fields:
    """A row of MedQA's questions with four options.

    As on the hub (GBaker/MedQA-USMLE-4-options): ``question``, ``options`` by letter, ``answer_idx``, ``meta_info``. Or as LatentMAS
    publishes 300 of them: ``options`` is a list of "A. ...", the question ends with the same list, and ``answer`` is the right one's words.
    """
    options = row["options"]
    if isinstance(options, Mapping):
        letters = list(options)
        return _fields(
            text_of(row, "question"),
            [options[letter] for letter in letters],
            letters.index(text_of(row, "answer_idx")),
            str(row.get("meta_info") or "all"),
        )
    question, listed = text_of(row, "question"), "\n".join(options)
    while question.endswith(listed):
        question = question.removesuffix(listed).rstrip()
    texts = [_LABEL.sub("", option).strip() for option in options]
    return _fields(
        question, texts, texts.index(text_of(row, "answer"))
    )  # its "idx" names a row of another set, some of them twice


def gpqa_row(row: Mapping[str, Any]) -> Fields:
    """A row of GPQA.

    As its authors publish it (Idavidrein/gpqa): ``Question``, ``Correct Answer``, ``Incorrect Answer 1`` to ``3``, ``High-level domain``,
    ``Explanation``, ``Record ID``; the options come in an order that depends on the question alone. Or as fingertap/GPQA-Diamond, which
    LatentMAS reads: ``question`` with the options in it, ``answer``, a letter.
    """
    if "Question" not in row:
        return Fields(text_of(row, "question"), Choice(text_of(row, "answer").strip("()")), "", "all")
    question, right = text_of(row, "Question"), text_of(row, "Correct Answer")
    options = [right, *(text_of(row, f"Incorrect Answer {number}") for number in (1, 2, 3))]
    order = list(range(len(options)))
    random.Random(hashlib.sha256(question.encode()).digest()).shuffle(order)
    fields = _fields(
        question,
        [options[place] for place in order],
        order.index(0),
        str(row.get("High-level domain") or "all").lower(),
        row.get("Record ID"),
    )
    explained = str(row.get("Explanation") or "").strip()
    solution = f"{explained}\nThe answer is \\boxed{{{fields.answer}}}." if explained else ""
    return Fields(fields.question, fields.answer, solution, fields.task_type, fields.name)


def _instructed(row: Mapping[str, Any]) -> Fields:
    found = _INSTRUCTED.fullmatch(text_of(row, "instruction").replace("\r\n", "\n"))
    if found is None:
        raise ValueError("has no question, options and answer format under 'instruction'")
    options = _ANSWER.split(found[2])[1:]
    return _fields(found[1].strip(), options, int(text_of(row, "answer").removeprefix("answer")) - 1)


def _fields(stem: str, options: Sequence[Any], right: int, task_type: str = "all", name: str | None = None) -> Fields:
    texts = tuple(str(option).strip() for option in options)
    if not 0 <= right < len(texts):
        raise ValueError(f"has {len(texts)} options, and the right one is number {right + 1}")
    question, labels = lettered(stem, texts)
    return Fields(question, Choice(labels[right], texts, labels), "", task_type, name)
