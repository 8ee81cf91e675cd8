"""Perplexity and entropy of answers, by hand."""

from dataclasses import astuple
from math import e, log
from random import Random

import pytest

from interlat.evaluation.stability import (
    EntropyCurve,
    entropy_curve,
    measured,
    perplexity,
    perplexity_change,
)

LN2 = log(2)


@pytest.fixture
def answer(episode):
    """``answer(game_id, nll, run)``; entropies are as large as −log p unless given."""

    def make(game_id, nll, run=0, entropies=None):
        entropies = tuple(nll) if entropies is None else entropies
        return episode(game_id, run=run, token_nll=tuple(nll), token_entropies=entropies)

    return make


@pytest.mark.parametrize("vocab", [1, 60, 49_152])
def test_perplexity_of_one_who_knows_nothing_is_the_vocabulary(answer, vocab):
    """And of one who is always certain 1."""
    found = perplexity([answer("a", [log(vocab)] * 3), answer("b", [log(vocab)])])
    assert (found.answers, found.tokens) == (2, 4)
    assert found.entropy == pytest.approx(log(vocab))
    assert astuple(found.perplexity) == pytest.approx((vocab,) * 3)


def test_tokens_are_pooled_and_problems_drawn(answer):
    """(2 ln 2 + 0)/3 is 2^(2/3), not the mean of 2 and 1. A quarter of draws is twice the one problem, a quarter twice the other."""
    found = perplexity([answer("a", [LN2, LN2]), answer("b", [0.0])])
    assert astuple(found.perplexity) == pytest.approx((2 ** (2 / 3), 1, 2))


def test_runs_of_a_problem_are_drawn_together(answer):
    """Equal runs make nobody surer."""
    once = [answer(game, [cost]) for game, cost in zip("abcdef", (0.1, 0.2, 0.4, 0.8, 1.6, 3.2), strict=True)]
    thrice = [answer(each.game_id, each.token_nll, run) for each in once for run in range(3)]
    assert astuple(perplexity(thrice).perplexity) == pytest.approx(astuple(perplexity(once).perplexity))
    assert perplexity(thrice).tokens == 18


def test_the_interval_covers_what_it_should(answer):
    """Of 100 samples of 40 problems, each as hard in all its tokens, with 1 nat a token by design: 95 intervals hold e, less or more 3 sd.

    Drawn by tokens instead of problems they would be half as wide and hold it 67 times.
    """
    random, held = Random(0), 0
    for _ in range(100):
        sample = [answer(str(game), [random.expovariate(1.0)] * 4) for game in range(40)]
        interval = perplexity(sample).perplexity
        held += interval.low <= e <= interval.high
    assert 88 <= held <= 100


def test_a_difference_is_over_the_same_problems(answer):
    """A hard problem is hard for both: each perplexity is unsure, their difference is not."""
    mine = [answer("a", [log(3)]), answer("b", [0.0])]
    found = perplexity_change(mine, mine)
    assert astuple(found) == (0, 0, 0)
    assert perplexity(mine).perplexity.high - perplexity(mine).perplexity.low == pytest.approx(2)
    lower = perplexity_change([answer("a", [0.0]), answer("b", [0.0])], [answer("b", [LN2]), answer("a", [LN2])])
    assert astuple(lower) == pytest.approx((-1, -1, -1))


def test_what_only_one_has_answered_says_nothing_of_the_difference(answer):
    mine = [answer("a", [LN2]), answer("a", [9.0], run=1), answer("c", [7.0])]
    theirs = [answer("a", [0.0]), answer("b", [5.0]), answer("c", ())]
    assert perplexity_change(mine, theirs).estimate == pytest.approx(2 - 1)
    assert perplexity_change(mine[2:], theirs) is None


def test_entropy_by_position(answer):
    """(1 + 3)/2, then one answer alone."""
    found = entropy_curve([answer("a", [0.0] * 3, entropies=(1.0, 2.0, 0.0)), answer("b", [0.0], entropies=(3.0,))])
    assert found == EntropyCurve((2.0, 2.0, 0.0), (2, 1, 1))
    assert entropy_curve([]) == EntropyCurve((), ())


def test_what_nobody_measured_is_left_out(answer, episode):
    kept = answer("a", [0.5])
    assert measured([kept, episode("b")]) == [kept]
    with pytest.raises(ValueError, match="at least one answer whose tokens were measured"):
        perplexity([])
