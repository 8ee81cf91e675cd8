"""Numbers of a handful of episodes, counted by hand; the torchmetrics ones agree with them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.evaluation.metrics import EpisodeSteps, SuccessRate
from interlat.evaluation.statistics import wilson_interval
from interlat.evaluation.summary import Comparison, by_condition, by_task_type, compare, leads, measure


def test_measures_counted_by_hand(episode):
    """Won: 2 and 4 steps; lost: 20. Mean won 3, mean all 26/3; invalid 3 of 26 actions; seconds (1+2+3)/3; tokens 60/3."""
    found = measure(
        [
            episode("a", True, 2, message_seconds=1.0, output_tokens=10),
            episode("b", True, 4, message_seconds=2.0, output_tokens=20, invalid_actions=1),
            episode("c", False, 20, message_seconds=3.0, output_tokens=30, invalid_actions=2),
        ]
    )
    assert (found.episodes, found.games) == (3, 3)
    assert found.success_rate == pytest.approx(2 / 3)
    assert found.ci95 == pytest.approx(wilson_interval(2, 3))
    assert (found.steps_success, found.steps_all) == pytest.approx((3, 26 / 3))
    assert found.invalid_share == pytest.approx(3 / 26)
    assert (found.message_seconds, found.output_tokens) == (2.0, 20.0)


def test_steps_of_won_episodes_are_none_where_none_is_won(episode):
    assert measure([episode(won=False)]).steps_success is None


def test_runs_repeat_games_and_do_not_narrow_the_interval(episode):
    once = [episode("a", True), episode("b", False)]
    thrice = [episode(game, won, run=run) for run in range(3) for game, won in (("a", True), ("b", False))]
    assert measure(thrice).ci95 == measure(once).ci95
    assert measure(thrice).success_rate_by_run == {0: 0.5, 1: 0.5, 2: 0.5}
    assert (measure(thrice).episodes, measure(thrice).games) == (6, 2)


def test_nothing_to_measure_is_an_error():
    with pytest.raises(ValueError, match="at least one episode"):
        measure([])


def test_conditions_keep_the_order_they_were_played_in(episode):
    records = [episode("a", message="text"), episode("a", message="latent", length=8), episode("b", message="text")]
    assert {name: len(group) for name, group in by_condition(records).items()} == {"text": 2, "latent:8": 1}
    assert list(by_condition(records)) == ["text", "latent:8"]


def test_a_comparison_counts_games_and_only_shared_ones(episode):
    """a: +, b: -, c: =, d: +, e is not played by the other. Two against one of three: p = 2 · (1 + 3)/8 capped at 1; (2 - 1)/4."""
    ours = [episode(game, won) for game, won in zip("abcde", (True, False, True, True, True), strict=True)]
    theirs = [episode(game, won) for game, won in zip("abcd", (False, True, True, False), strict=True)]
    found = compare(ours, theirs)
    assert (found.games, found.games_won_more, found.games_won_less, found.p) == (4, 2, 1, 1.0)
    assert (found.difference, found.discordant_share) == (0.25, 0.75)
    assert -1 <= found.ci95[0] < 0.25 < found.ci95[1] <= 1


def test_a_game_goes_to_who_wins_it_more_often(episode):
    """Over two runs: 2 wins against 1 count once; 1 against 1, in different runs, count for nobody. Leads 1/2 and 0."""
    ours = [episode("a", run=0), episode("a", run=1), episode("b", run=0), episode("b", False, run=1)]
    theirs = [episode("a", False, run=0), episode("a", run=1), episode("b", False, run=0), episode("b", run=1)]
    assert leads(ours, theirs) == {"a": (1, 2), "b": (0, 2)}
    assert compare(ours, theirs) == Comparison(2, 1, 0, 0.25, (0.0, 0.5), 1.0)


def test_without_a_shared_game_nothing_is_known(episode):
    assert compare([episode("a")], [episode("b")]) == Comparison(0, 0, 0, 0.0, (-1.0, 1.0), 1.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 20), st.sampled_from(["walk", "run"])), min_size=1))
def test_metrics_agree_with_the_summary(episode, drawn):
    records = [episode(str(i), won, steps, task_type=kind) for i, (won, steps, kind) in enumerate(drawn)]
    kinds = ["run", "swim", "walk"]
    rate, steps_all, steps_won = SuccessRate(kinds), EpisodeSteps(kinds), EpisodeSteps(kinds, won_only=True)
    for record in records:
        for metric in (rate, steps_all, steps_won):
            metric.update(record)
    expected_rate, expected_all, expected_won = {}, {}, {}
    for suffix, of in {"": measure(records), **{f"/{k}": m for k, m in by_task_type(records).items()}}.items():
        expected_rate[f"success_rate{suffix}"] = of.success_rate
        expected_all[f"steps_all{suffix}"] = of.steps_all
        if of.steps_success is not None:
            expected_won[f"steps_success{suffix}"] = of.steps_success
    for metric, expected in ((rate, expected_rate), (steps_all, expected_all), (steps_won, expected_won)):
        assert {name: value.item() for name, value in metric.compute().items()} == pytest.approx(expected)


def test_metrics_add_up_over_processes(episode):
    """The state of two processes is summed: 1 of 1 and 0 of 2 make 1 of 3."""
    first, second = SuccessRate(["walk"]), SuccessRate(["walk"])
    first.update(episode("a"))
    second.update(episode("b", won=False))
    second.update(episode("c", won=False))
    for name in ("won", "episodes"):
        setattr(first, name, first._reductions[name](torch.stack([getattr(first, name), getattr(second, name)])))
    assert first.compute()["success_rate"].item() == pytest.approx(1 / 3)
