"""Probes read what is there, nothing that is not, and every game is predicted once by a probe that has not seen it."""

import pytest
import torch

from interlat.errors import InvalidSetting
from interlat.evaluation.analysis.probe import FOLDS, REPEATS, cross_predict, folds, probe
from interlat.evaluation.statistics import wilson_interval


@pytest.mark.parametrize("games", [5, 7, 134])
def test_folds_hold_every_game_once(games: int):
    parts = folds(games, seed=1)
    assert sorted(torch.cat(parts).tolist()) == list(range(games))
    assert {len(part) for part in parts} <= {games // FOLDS, games // FOLDS + 1}
    assert not torch.equal(torch.cat(folds(134, 1)), torch.cat(folds(134, 2)))


def test_no_game_is_predicted_by_a_probe_that_saw_it():
    """Each game is a feature of its own: a probe knows its class if it has seen it, and else names the commonest, which is 0."""
    classes = torch.tensor([0] * 14 + [1] * 6)
    assert cross_predict(100 * torch.eye(20), classes, seed=0).tolist() == [0] * 20


def test_the_majority_by_hand():
    """Seven of ten games are of one class."""
    labels = {"label": ["a"] * 2 + ["b"] * 7 + ["c"]}
    (found,) = probe({"x": torch.randn(10, 2)}, labels).baselines
    assert (found.classes, found.majority) == (3, pytest.approx(0.7))


def test_separable_labels_are_read_and_random_ones_are_not():
    generator = torch.Generator().manual_seed(0)
    kinds = [f"kind {number % 4}" for number in range(60)]
    clear = torch.nn.functional.one_hot(torch.arange(60) % 4, 6) + 0.1 * torch.randn(60, 6, generator=generator)
    random = [f"kind {int(number)}" for number in torch.randint(4, (60,), generator=generator)]
    found = probe({"clear": clear, "noise": torch.randn(60, 6, generator=generator)}, {"kind": kinds, "random": random})
    accuracy = {(score.label, score.representation): score.accuracy.mean for score in found.scores}
    assert accuracy["kind", "clear"] == 1.0
    # Chance is 1/4 of 60 games, with a standard error of 0.056.
    for other in (("kind", "noise"), ("random", "clear"), ("random", "noise")):
        assert accuracy[other] < 0.45
    assert all(score.shuffled.mean < 0.45 for score in found.scores)
    assert [(of.label, of.classes) for of in found.baselines] == [("kind", 4), ("random", 4)]
    assert (found.games, found.folds) == (60, FOLDS)


def test_intervals_count_each_game_once():
    found = probe({"x": torch.randn(30, 3)}, {"label": ["a", "b", "c"] * 10})
    accuracy = found.scores[0].accuracy
    assert len(accuracy.by_seed) == REPEATS
    assert accuracy.mean == pytest.approx(sum(accuracy.by_seed) / REPEATS)
    assert accuracy.ci95 == wilson_interval(accuracy.mean * 30, 30)


def test_seeds_repeat():
    features, labels = {"x": torch.randn(20, 3)}, {"label": ["a", "b"] * 10}
    assert probe(features, labels, seed=4) == probe(features, labels, seed=4)


def test_too_few_games_are_refused():
    with pytest.raises(InvalidSetting, match="needs at least 5 games with a message, got 4; raise --games"):
        probe({"x": torch.randn(4, 2)}, {"label": ["a", "b", "a", "b"]})
