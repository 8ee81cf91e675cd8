"""Faults in what is said of results."""

from ..mutant import Mutant

STATISTICS = "interlat/evaluation/statistics.py"
TESTS = "tests/evaluation/test_statistics.py"

FAULTS = [
    Mutant(
        "Wilson's z is one-sided",
        STATISTICS,
        "NormalDist().inv_cdf((1 + confidence) / 2)",
        "NormalDist().inv_cdf(confidence)",
        f"{TESTS}::test_wilson_at_one_half",
    ),
    Mutant(
        "Wilson's interval is p ± z SE",
        STATISTICS,
        "scale = 1 + z**2 / trials\n    center = (share + z**2 / (2 * trials)) / scale",
        "scale = 1.0\n    center = share",
        f"{TESTS}::test_wilson_without_a_success",
    ),
    Mutant(
        "McNemar's test is one-sided",
        STATISTICS,
        "float(min(1.0, 2 * tail / 2**differing))",
        "float(min(1.0, tail / 2**differing))",
        f"{TESTS}::test_mcnemar_by_counting",
    ),
    Mutant(
        "McNemar counts the larger side",
        STATISTICS,
        "range(min(only_first, only_second) + 1)",
        "range(max(only_first, only_second) + 1)",
        f"{TESTS}::test_mcnemar_by_counting",
    ),
]
