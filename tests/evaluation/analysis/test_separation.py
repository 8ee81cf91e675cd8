"""When the curve falls is found where it falls, and nowhere else."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.errors import CheckpointMismatch
from interlat.evaluation.analysis.separation import drop_step, moving_average, separation_curve

STEPS = range(10, 210, 10)
STEP_DOWN = [0.69] * 10 + [0.2] * 10  # high up to step 100, low from step 110 on


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (1, [1.0, 2.0, 6.0, 3.0]),
        (2, [1.0, 1.5, 4.0, 4.5]),  # one before, none after
        (3, [1.5, 3.0, 11 / 3, 4.5]),  # at the ends, of the two points there
        (9, [3.0, 3.0, 3.0, 3.0]),
    ],
)
def test_a_moving_average_by_hand(window: int, expected: list[float]):
    assert moving_average([1.0, 2.0, 6.0, 3.0], window) == pytest.approx(expected)


@pytest.mark.parametrize("window", [1, 3, 5])
def test_a_step_down_is_found_where_it_is(window: int):
    """Window 3: the average at step 100 is (0.69 + 0.69 + 0.2)/3 = 0.527, above half-way at 0.445; at step 110 it is 0.363."""
    assert drop_step(STEPS, STEP_DOWN, window) == 110


def test_half_of_a_straight_fall_is_its_middle():
    """1.0, 0.9, … 0.0: half of the fall of 1 is reached at the sixth of eleven points."""
    assert drop_step(range(11), [1 - at / 10 for at in range(11)], 1) == 5


@pytest.mark.parametrize("values", [[0.69] * 20, [0.2 + at / 100 for at in range(20)], [0.5]])
def test_what_does_not_fall_has_no_drop(values: list[float]):
    assert drop_step(range(len(values)), values, 3) is None


def test_noise_alone_is_no_drop_and_does_not_hide_one():
    rng = random.Random(0)
    found = []
    for _ in range(50):
        noise = [rng.gauss(0, 0.02) for _ in range(100)]
        found.append(drop_step(range(100), noise, 5))
        falling = [value + (0.69 if at < 60 else 0.3) for at, value in enumerate(noise)]
        assert abs((drop_step(range(100), falling, 5) or 0) - 60) <= 1
    assert sum(step is not None for step in found) <= 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 50))
def test_an_average_stays_within_its_values(values: list[float], window: int):
    averaged = moving_average(values, window)
    assert len(averaged) == len(values)
    assert min(values) - 1e-12 <= min(averaged) <= max(averaged) <= max(values) + 1e-12


def test_the_curve_is_ln_2_minus_js_without_steps_that_had_no_negative():
    logged = {"train/js": [(1, 0.1), (2, 0.0), (3, 0.3)], "val/js": [(3, 0.25)], "val/loss": [(3, 1.5)]}
    curve = separation_curve("run", logged, window=1)
    assert curve.metric == "train/js"
    assert curve.steps == (1, 3)
    assert curve.values == pytest.approx((math.log(2) - 0.1, math.log(2) - 0.3))
    assert curve.held_out == ((3, math.log(2) - 0.25),)
    assert (curve.matched, curve.mismatched) == (((3, 1.5),), ())


def test_the_loss_is_minus_js():
    curve = separation_curve("run", {"train/loss_separation": [(1, -0.1)]}, window=1)
    assert curve.values == pytest.approx((math.log(2) - 0.1,))


def test_a_run_without_the_loss_is_read_from_validation():
    """Training then logs zeros."""
    logged = {"train/js": [(1, 0.0)], "train/loss_separation": [(1, 0.0)], "val/js": [(5, 0.2)]}
    curve = separation_curve("run", logged)
    assert (curve.metric, curve.steps, curve.held_out) == ("val/js", (5,), ())


def test_a_run_without_any_is_refused():
    with pytest.raises(CheckpointMismatch, match=r"metrics of 'x', got train/loss; name the run folder of a stage 1"):
        separation_curve("x", {"train/loss": [(1, 0.5)]})
    with pytest.raises(CheckpointMismatch, match=r"got no metrics\.csv"):
        separation_curve("x", {})
