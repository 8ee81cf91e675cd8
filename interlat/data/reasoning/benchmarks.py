"""The benchmarks, one description each: where their rows are, what a row means, how answers are graded. Reads no file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from interlat.data.reasoning.problem import Grading
from interlat.data.reasoning.rows.choices import arc_row, gpqa_row, medqa_row
from interlat.data.reasoning.rows.code import humaneval_row, mbpp_row
from interlat.data.reasoning.rows.fields import Fields
from interlat.data.reasoning.rows.mathematics import aime_row, gsm8k_row, math_row

BenchmarkName: TypeAlias = Literal[
    "arithmetic",
    "reasoning-gym",
    "reasoning-gym-split",
    "reasoning-gym-split-3",
    "gsm8k",
    "math",
    "math500",
    "aime24",
    "aime25",
    "arc-easy",
    "arc-challenge",
    "openbookqa",
    "commonsenseqa",
    "medqa",
    "gpqa-diamond",
    "humaneval",
    "humaneval-plus",
    "mbpp",
    "mbpp-plus",
]
"""All that a command line may name; ``arithmetic`` and those of reasoning-gym are made on the spot, the others are read."""

Part: TypeAlias = Literal["train", "test"]
"""What a benchmark's rows are divided into."""


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
        read: what a row means; raises KeyError, TypeError or an error of ValueError's kind for a row that is not one of this benchmark.
        grading: how answers are compared.
        answer_tokens: most tokens that an answer may have. LatentMAS's budgets where it has one.
        published_as: names of files of its test problems as others publish them, taken as they are.
    """

    name: str
    hub: Hub
    read: Callable[[Mapping[str, Any]], Fields] = field(repr=False)
    grading: Grading
    answer_tokens: int
    published_as: tuple[str, ...] = ()


_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
_BOTH: Mapping[Part, str] = {"train": "train", "test": "test"}
_TEST: Mapping[Part, str] = {"test": "test"}
_AS_TRAIN: Mapping[Part, str] = {"test": "train"}  # data sets of one split, which the hub calls so
# The answers of its test questions are not published; everybody evaluates on the validation questions.
_VALIDATED: Mapping[Part, str] = {"train": "train", "test": "validation"}
_HENDRYCKS = Hub("EleutherAI/hendrycks_math", _SUBJECTS, _BOTH)
_ANY = ("default",)

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("math", _HENDRYCKS, math_row, "mathematics", 2048),
        Benchmark("math500", Hub("HuggingFaceH4/MATH-500", _ANY, _TEST), math_row, "mathematics", 2048),
        Benchmark("gsm8k", Hub("openai/gsm8k", ("main",), _BOTH), gsm8k_row, "number", 512),
        Benchmark("aime24", Hub("HuggingFaceH4/aime_2024", _ANY, _AS_TRAIN), aime_row, "number", 20_000),
        Benchmark("aime25", Hub("yentinglin/aime_2025", _ANY, _AS_TRAIN), aime_row, "number", 20_000),
        Benchmark("arc-easy", Hub("allenai/ai2_arc", ("ARC-Easy",), _BOTH), arc_row, "letter", 2048),
        Benchmark("arc-challenge", Hub("allenai/ai2_arc", ("ARC-Challenge",), _BOTH), arc_row, "letter", 2048),
        Benchmark("openbookqa", Hub("allenai/openbookqa", ("main",), _BOTH), arc_row, "letter", 2048),
        Benchmark("commonsenseqa", Hub("tau/commonsense_qa", _ANY, _VALIDATED), arc_row, "letter", 2048),
        Benchmark(
            "medqa",
            Hub("GBaker/MedQA-USMLE-4-options", _ANY, _BOTH),
            medqa_row,
            "letter",
            4096,
            ("medqa.json", "medqa_300.json"),
        ),
        Benchmark("gpqa-diamond", Hub("fingertap/GPQA-Diamond", _ANY, _TEST), gpqa_row, "letter", 8192),
        Benchmark(
            "humaneval",
            Hub("openai/openai_humaneval", ("openai_humaneval",), _TEST),
            humaneval_row,
            "code",
            4096,
            ("HumanEval.jsonl.gz", "HumanEval.jsonl"),
        ),
        Benchmark("humaneval-plus", Hub("evalplus/humanevalplus", _ANY, _TEST), humaneval_row, "code", 4096),
        Benchmark("mbpp", Hub("google-research-datasets/mbpp", ("full",), _BOTH), mbpp_row, "code", 4096),
        Benchmark("mbpp-plus", Hub("evalplus/mbppplus", _ANY, _TEST), mbpp_row, "code", 4096),
    )
}
