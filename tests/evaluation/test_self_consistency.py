"""Several answers to one problem: counted, compared as graders compare, and put to the vote."""

from dataclasses import replace

import pytest

from interlat.data.reasoning.answers import Choice
from interlat.data.reasoning.problem import Problem
from interlat.evaluation import self_consistency as module
from interlat.evaluation.answers import GraderNotFound
from interlat.evaluation.environment import NOT_UNDERSTOOD
from interlat.evaluation.problem_environment import ProblemEnvironment
from interlat.evaluation.self_consistency import self_consistency
from interlat.evaluation.statistics import wilson_interval

PROBLEMS = {
    "number": Problem("p", "", "q", "", "5", "number"),
    "text": Problem("p", "", "q", "", "a cat", "text"),
    "mathematics": Problem("p", "", "q", "", "\\frac{1}{3}", "mathematics"),
    "letter": Problem("p", "", "q", "", Choice("B", ("one", "two", "three", "four")), "letter"),
}


@pytest.fixture
def answers(episode):
    """``answers(game_id, right or wrong, ...)``: one record a run."""

    def make(game_id, *won, **others):
        return [
            episode(game_id, right, 1, run=run, observations=("q", "Right." if right else "Wrong: 0"), **others)
            for run, right in enumerate(won)
        ]

    return make


@pytest.fixture
def written(episode):
    """``written(grading, text, ...)``: what comes of these texts, one a run, where the environment grades them."""

    def make(grading, *texts):
        records = []
        for run, text in enumerate(texts):
            told, _, won, _, _ = ProblemEnvironment(PROBLEMS[grading]).step(text)
            of = {"observations": ("q", told), "invalid_actions": int(told == NOT_UNDERSTOOD), "grading": grading}
            records.append(episode("p", won, 1, run=run, actions=(text,), **of))
        return records

    return make


def test_problems_are_counted_by_how_often_they_were_answered_rightly(answers):
    """Four runs: always, three times, once and never right; two of four in at least three runs."""
    records = [
        *answers("a", True, True, True, True),
        *answers("b", True, True, False, True),
        *answers("c", False, True, False, False),
        *answers("d", False, False, False, False),
    ]
    found = self_consistency(records)
    assert (found.runs, found.problems, found.right_counts) == (4, 4, (1, 1, 0, 1, 1))
    assert (found.nearly_always, found.ci95) == (0.5, wilson_interval(2, 4))


def test_a_problem_that_lacks_a_run_is_left_out(answers):
    records = [*answers("a", True, True, False), *answers("b", True, True)]
    found = self_consistency(records)
    assert (found.runs, found.problems, found.right_counts) == (3, 1, (0, 0, 1, 0))
    assert self_consistency(answers("a", True)) is None
    apart = [answers("a", True, True)[0], answers("b", True, True)[1]]
    assert self_consistency(apart) is None


@pytest.mark.parametrize(
    ("grading", "texts", "is_right", "agreement"),
    [
        ("number", ["\\boxed{5}", "\\boxed{7}", "\\boxed{7.0}"], False, 2 / 3),
        ("number", ["\\boxed{5}", "\\boxed{5.0}", "\\boxed{7}"], True, 2 / 3),
        ("number", ["\\boxed{8}", "\\boxed{1,000}", "\\boxed{1000}", "\\boxed{5}"], False, 2 / 4),
        # As often: the one given first.
        ("number", ["\\boxed{7}", "\\boxed{5}"], False, 1 / 2),
        ("number", ["\\boxed{5}", "\\boxed{7}"], True, 1 / 2),
        ("number", ["\\boxed{6}", "\\boxed{7}", "\\boxed{5}", "\\boxed{7}", "\\boxed{5}"], False, 2 / 5),
        # No answer is no vote.
        ("number", ["no idea", "none", "\\boxed{5}"], True, 1 / 3),
        ("number", ["no idea", ""], False, 0),
        ("text", ["\\boxed{A dog.}", "\\boxed{a dog}", "\\boxed{a cat}"], False, 2 / 3),
        ("letter", ["The answer is (C).", "three", "B"], False, 2 / 3),
        ("letter", ["A", "B", "\\boxed{B}", "C"], True, 2 / 4),
        ("mathematics", ["\\boxed{\\frac{1}{2}}", "\\boxed{0.5}", "\\boxed{\\frac{2}{6}}"], False, 2 / 3),
    ],
)
def test_answers_are_compared_as_they_are_graded(written, grading, texts, is_right, agreement):
    majority = self_consistency(written(grading, *texts)).majority
    assert majority.accuracy == float(is_right)
    assert majority.agreement == pytest.approx(agreement)
    assert majority.ci95 == wilson_interval(int(is_right), 1)


def test_the_first_of_equals_is_that_of_the_first_run(written):
    """In whatever order a folder that was gone on with holds them."""
    records = written("number", "\\boxed{7}", "\\boxed{9}", "\\boxed{5}")
    assert self_consistency(records[::-1]).majority == self_consistency(records).majority
    assert self_consistency(records[::-1]).majority.accuracy == 0


def test_means_are_over_problems(written):
    """One problem with 3 of 3 alike and right, one with 1 of 3 and wrong."""
    sure = written("number", "\\boxed{5}", "\\boxed{5}", "\\boxed{5}")
    unsure = [replace(each, game_id="q") for each in written("number", "\\boxed{1}", "\\boxed{2}", "\\boxed{3}")]
    majority = self_consistency([*sure, *unsure]).majority
    assert (majority.accuracy, majority.agreement) == (0.5, pytest.approx((1 + 1 / 3) / 2))


@pytest.mark.parametrize("grading", ["code", ""])
def test_programs_have_no_majority(answers, grading):
    """Nor have answers that were kept before it was said how they are compared; they are counted all the same."""
    found = self_consistency(answers("a", True, False, grading=grading))
    assert found.majority is None
    assert found.right_counts == (0, 1, 0)


def test_mathematics_without_its_grader_has_no_majority(written, monkeypatch):
    def missing(answer, other):
        raise GraderNotFound("math-verify is not installed")

    records = written("mathematics", "\\boxed{x+41}", "\\boxed{41+x}")
    monkeypatch.setitem(module._SAME, "mathematics", missing)
    assert self_consistency(records).majority is None
