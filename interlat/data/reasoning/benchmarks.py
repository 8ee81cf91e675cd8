"""The benchmarks, one description each: where their rows are, what a row means, how answers are graded. Reads no file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from interlat.data.reasoning.boxed import last_box
from interlat.data.reasoning.problem import Grading

BenchmarkName: TypeAlias = Literal["arithmetic", "gsm8k", "math", "math500"]
"""All that a command line may name; ``arithmetic`` is made on the spot, the others are read."""

Part: TypeAlias = Literal["train", "test"]
"""What a benchmark's rows are divided into."""

_CALCULATOR = re.compile(r"<<.*?>>")  # GSM8K's notes for a calculator, which no solver has


@dataclass(frozen=True)
class Fields:
    """What a row of a benchmark holds.

    Args:
        question: what is asked.
        answer: the right one.
        solution: worked out, its answer boxed; empty where the benchmark has none.
        task_type: its level or subject.
        name: its own name in the benchmark; None where it has none, and its number in the file stands in.
    """

    question: str
    answer: str
    solution: str
    task_type: str
    name: str | None = None


@dataclass(frozen=True)
class Hub:
    """Where a benchmark lies on the hub.

    Args:
        repository: of the data set.
        subsets: its configurations, all of which are read in this order.
        splits: the hub's name of each split that there is.
    """

    repository: str
    subsets: tuple[str, ...]
    splits: Mapping[Part, str]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Args:
        name: as command lines and recipes write it; ``<name>_<train or test>.jsonl`` is its local file.
        hub: where it is read from where there is no file.
        read: what a row means; raises KeyError or ValueError for a row that is not one of this benchmark.
        grading: how answers are compared.
        answer_tokens: most tokens that an answer may have.
    """

    name: str
    hub: Hub
    read: Callable[[Mapping[str, Any]], Fields] = field(repr=False)
    grading: Grading
    answer_tokens: int


def math_row(row: Mapping[str, Any]) -> Fields:
    """A row of MATH in any of its editions: the answer stands alone or is boxed in the solution; a level is 3 or "Level 3"."""
    solution = str(row.get("solution") or "")
    answer = row.get("answer")
    answer = last_box(solution) if answer in (None, "") else str(answer)
    if not answer:
        raise ValueError("has no answer and no \\boxed{} in its solution")
    level = str(row.get("level") or "").lower().removeprefix("level").strip()
    kind = f"level {level}" if level else str(row.get("subject") or row.get("type") or "all").lower()
    return Fields(_text(row, "problem"), answer, solution, kind, row.get("unique_id"))


def gsm8k_row(row: Mapping[str, Any]) -> Fields:
    """A row of GSM8K: the answer stands behind ``####`` at the end of the solution. There are no levels."""
    worked, mark, answer = _text(row, "answer").rpartition("####")
    if not mark or not answer.strip():
        raise ValueError("has no '####' and an answer behind it")
    answer = answer.strip().replace(",", "")
    solution = f"{_CALCULATOR.sub('', worked).strip()}\nThe answer is \\boxed{{{answer}}}."
    return Fields(_text(row, "question"), answer, solution, "all")


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has no text under {name!r}")
    return value.strip()


_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "math",
            Hub("EleutherAI/hendrycks_math", _SUBJECTS, {"train": "train", "test": "test"}),
            math_row,
            "mathematics",
            2048,
        ),
        Benchmark(
            "math500", Hub("HuggingFaceH4/MATH-500", ("default",), {"test": "test"}), math_row, "mathematics", 2048
        ),
        Benchmark(
            "gsm8k", Hub("openai/gsm8k", ("main",), {"train": "train", "test": "test"}), gsm8k_row, "number", 512
        ),
    )
}
