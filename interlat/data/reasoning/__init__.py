"""Problems with one right answer, for a planner and a solver; knows nothing of models, and nothing of how answers are graded.

A benchmark is one description in ``benchmarks``; where its rows come from is settled in ``loading``; ``arithmetic`` makes
problems without any file.
"""

from interlat.data.reasoning.arithmetic import arithmetic_problems
from interlat.data.reasoning.benchmarks import BENCHMARKS, Benchmark, BenchmarkName
from interlat.data.reasoning.problem import Problem
from interlat.data.reasoning.sources import Arithmetic, Problems, problems_named

__all__ = [
    "BENCHMARKS",
    "Arithmetic",
    "Benchmark",
    "BenchmarkName",
    "Problem",
    "Problems",
    "arithmetic_problems",
    "problems_named",
]
