"""ΔCE% of known numbers, its interval over games, and the whole curve on tiny agents."""

from pathlib import Path

import pytest
import torch

from alfworld_env import household_games
from interlat.evaluation.analysis.compression_gain import (
    SHARES,
    CompressionGain,
    bootstrap_interval,
    measure_compression_gain,
    percent_of_sums,
)
from interlat.evaluation.analysis.row_losses import row_losses
from interlat.evaluation.analysis.run import TrainedRun, adapt, open_run, send_plans
from interlat.evaluation.analysis.tasks import tasks_of


def _sums(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_gain_of_known_numbers():
    """CE_full sums to 1 + 3 nats, CE_comp to 2 + 3: 100·(5 − 4)/4 = 25 %. It is no mean of the games' own 100 % and 0 %."""
    full, compressed = _sums(1, 3), _sums(2, 3)
    assert percent_of_sums(compressed - full, full) == pytest.approx(25.0)


def test_an_interval_of_two_games_by_hand():
    """Draws of two games: the first twice (100 %, one in four), each once (25 %), the second twice (0 %, one in four)."""
    full, compressed = _sums(1, 3), _sums(2, 3)
    assert bootstrap_interval(compressed - full, full, seed=0) == pytest.approx((0.0, 100.0))


def test_games_that_agree_leave_no_doubt():
    full = _sums(1, 2, 5)
    assert bootstrap_interval(0.1 * full, full, seed=0) == pytest.approx((10.0, 10.0))


def test_the_interval_is_that_of_the_mean():
    """1,000 games of mean gain 0 and standard deviation 1 % each: the 95 % interval is ±1.96/√1000 = ±0.062 %."""
    noise = torch.randn(1000, dtype=torch.float64)
    noise = (noise - noise.mean()) / noise.std()
    low, high = bootstrap_interval(0.01 * noise, torch.ones(1000, dtype=torch.float64), seed=0)
    assert (low, high) == (pytest.approx(-0.062, abs=0.006), pytest.approx(0.062, abs=0.006))


@pytest.fixture(scope="module")
def measured(runs: Path) -> tuple[TrainedRun, CompressionGain, list[int]]:
    run = open_run([runs / "stage2", runs / "stage2-base"])
    tasks = tasks_of(household_games("unseen", 6), seed=0)
    plans = send_plans(run, tasks, batch_size=4, seed=0)
    found = measure_compression_gain(run, tasks, [plan.latents for plan in plans], 4, seed=0)
    return run, found, [len(plan.ids) for plan in plans]


def test_the_full_message_adds_nothing(measured: tuple[TrainedRun, CompressionGain, list[int]]):
    _, found, lengths = measured
    full = found.points[len(SHARES) - 1]
    assert (full.name, full.rate, full.gain, full.ci95) == ("cut to 100 %", 1.0, 0.0, (0.0, 0.0))
    assert full.cross_entropy == found.full_cross_entropy > 0
    assert found.mean_latents == sum(lengths) / len(lengths)
    assert found.games == 6


def test_rates_are_latents_sent_of_latents(measured: tuple[TrainedRun, CompressionGain, list[int]]):
    _, found, lengths = measured
    by_name = {point.name: point for point in found.points}
    assert by_name["cut to 50 %"].rate == pytest.approx(sum(max(1, length // 2) for length in lengths) / sum(lengths))
    assert by_name["K = 3"].rate == pytest.approx(3 * 6 / sum(lengths))
    assert by_name["K = 2"].rate == pytest.approx(2 * 6 / sum(lengths))
    assert by_name["silence"].rate == 0
    assert [point.kind for point in found.points].count("learned") == 2


def test_margins_compare_at_the_same_k(measured: tuple[TrainedRun, CompressionGain, list[int]]):
    _, found, _ = measured
    by_name = {point.name: point for point in found.points}
    assert [margin.name for margin in found.margins] == ["K = 3", "K = 2"]
    for margin, length in zip(found.margins, (3, 2), strict=True):
        wanted = by_name[f"cut to {length} latents"].gain - by_name[margin.name].gain
        assert margin.points == pytest.approx(wanted)
        assert margin.ci95[0] <= margin.points <= margin.ci95[1]


def test_losses_of_a_batch_are_those_one_by_one(measured: tuple[TrainedRun, CompressionGain, list[int]]):
    """And silence is not a message: rows with and without one stand in one batch."""
    run = measured[0]
    tasks = tasks_of(household_games("unseen", 3), seed=0)
    messages = adapt(run.actor, [torch.randn(length, 32) for length in (4, 2)], 2)
    given = [messages[0], None, messages[1]]
    records = [task.record for task in tasks]
    sums, tokens = row_losses(run.actor, records, given)
    for number, (record, message) in enumerate(zip(records, given, strict=True)):
        alone, count = row_losses(run.actor, [record], [message])
        assert float(sums[number]) == pytest.approx(float(alone), rel=1e-5)
        assert int(tokens[number]) == int(count) > 0
    silent, _ = row_losses(run.actor, records[:1], [None])
    assert float(silent) != pytest.approx(float(sums[0]), rel=1e-4)
