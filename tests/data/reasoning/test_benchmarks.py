"""What is described of each benchmark, what rows of MATH, GSM8K and the AIME mean, and what is said of rows that mean nothing."""

from typing import get_args

import pytest

from interlat.data.reasoning.benchmarks import BENCHMARKS, BenchmarkName
from interlat.data.reasoning.rows import Fields
from interlat.data.reasoning.rows.mathematics import aime_row, gsm8k_row, math_row


def test_all_but_the_procedural_ones_are_described():
    assert {"arithmetic", "reasoning-gym", "reasoning-gym-split", "reasoning-gym-split-3", *BENCHMARKS} == set(
        get_args(BenchmarkName)
    )
    assert all(benchmark.name == name for name, benchmark in BENCHMARKS.items())


def test_every_benchmark_has_test_problems():
    assert all("test" in benchmark.hub.splits for benchmark in BENCHMARKS.values())


def test_math_of_the_hub_has_its_answer_in_the_solution():
    row = {"problem": "What is $1+1$?", "level": "Level 3", "type": "Algebra", "solution": "It is $\\boxed{2}$."}
    assert math_row(row) == Fields("What is $1+1$?", "2", "It is $\\boxed{2}$.", "level 3")


def test_math500_names_answer_and_problem_itself():
    row = {
        "problem": "q",
        "level": 5,
        "subject": "Algebra",
        "solution": "\\boxed{1}",
        "answer": "2",
        "unique_id": "test/7",
    }
    assert math_row(row) == Fields("q", "2", "\\boxed{1}", "level 5", "test/7")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"level": "Level ?"}, "level ?"),  # as MATH itself has it for two problems
        ({"subject": "Number Theory"}, "number theory"),
        ({"type": "Geometry"}, "geometry"),
        ({}, "all"),
    ],
)
def test_without_a_level_the_subject_stands_in(row: dict[str, str], kind: str):
    assert math_row({"problem": "q", "answer": "1", **row}).task_type == kind


def test_gsm8k_loses_its_calculator_notes_and_thousands():
    row = {"question": "How many?", "answer": "He has 3*400=<<3*400=1200>>1,200.\n#### 1,200"}
    assert gsm8k_row(row) == Fields("How many?", "1200", "He has 3*400=1,200.\nThe answer is \\boxed{1200}.", "all")


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"answer": "1"}, "problem"),
        ({"problem": " ", "answer": "1"}, "no text under 'problem'"),
        ({"problem": "q", "solution": "nothing boxed"}, "no answer"),
        ({"problem": "q", "answer": "", "solution": ""}, "no answer"),
        ({"problem": 5, "answer": "1"}, "no text under 'problem'"),
    ],
)
def test_a_row_that_is_no_problem_is_told(row: dict[str, object], wrong: str):
    with pytest.raises((KeyError, ValueError), match=wrong):
        math_row(row)


@pytest.mark.parametrize("answer", ["1200", "worked ####", "####  "])
def test_gsm8k_without_an_answer_is_told(answer: str):
    with pytest.raises(ValueError, match="####"):
        gsm8k_row({"question": "q", "answer": answer})


@pytest.mark.parametrize(("answer", "read"), [("204", "204"), ("033", "33"), (7, "7"), ("0", "0")])
def test_an_answer_of_the_aime_is_a_number_to_999(answer: object, read: str):
    """As in HuggingFaceH4/aime_2024 (id, problem, solution, answer, url, year)."""
    row = {"id": 60, "problem": "Find it.", "solution": "We find $x$.\n\n~somebody", "answer": answer, "year": "2024"}
    assert aime_row(row) == Fields(
        "Find it.", read, f"We find $x$.\n\n~somebody\nThe answer is \\boxed{{{read}}}.", "all", "60"
    )


def test_an_aime_without_solutions_is_read():
    assert aime_row({"problem": "Find it.", "answer": "70"}) == Fields("Find it.", "70", "", "all")


@pytest.mark.parametrize("answer", ["1000", "-1", "x", "", None])
def test_another_answer_is_none_of_the_aime(answer: object):
    with pytest.raises(ValueError, match=r"answer|invalid literal"):
        aime_row({"problem": "q", "answer": answer})
