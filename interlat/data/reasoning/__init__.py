"""Problems with one right answer, for a planner and a solver; knows nothing of models, and nothing of how answers are graded.

A benchmark is one description in ``benchmarks``, what a row of it means is in ``rows``; where its rows come from is settled in ``loading``;
``arithmetic``, ``procedural`` and ``split`` make problems without any file.
"""

from interlat.data.reasoning.answers import Answer, Choice, CodeTests
from interlat.data.reasoning.arithmetic import arithmetic_problems
from interlat.data.reasoning.benchmarks import BENCHMARKS, Benchmark, BenchmarkName
from interlat.data.reasoning.problem import Grading, Problem
from interlat.data.reasoning.procedural import GYM_TASKS, ReasoningGymNotFound, gym_problems
from interlat.data.reasoning.sources import Arithmetic, Problems, ReasoningGym, SplitReasoningGym, problems_named
from interlat.data.reasoning.split import SPLIT_TASKS, split_problems

__all__ = [
    "BENCHMARKS",
    "GYM_TASKS",
    "SPLIT_TASKS",
    "Answer",
    "Arithmetic",
    "Benchmark",
    "BenchmarkName",
    "Choice",
    "CodeTests",
    "Grading",
    "Problem",
    "Problems",
    "ReasoningGym",
    "ReasoningGymNotFound",
    "SplitReasoningGym",
    "arithmetic_problems",
    "gym_problems",
    "problems_named",
    "split_problems",
]
