"""Components of points whose components are known, and shifts that nothing but a change of shape causes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interlat.errors import InvalidSetting
from interlat.evaluation.analysis.pca import adapter_planes, align, between_share, principal_components

CORNERS = torch.tensor([[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]], dtype=torch.float64)


def test_points_on_a_line_have_one_component():
    """t·(1, 2, 2) for t = −1, 0, 1, 2: the direction has length 3, the mean lies at t = 0.5."""
    t = torch.tensor([-1.0, 0.0, 1.0, 2.0])
    coordinates, explained = principal_components(t[:, None] * torch.tensor([1.0, 2.0, 2.0]))
    assert explained == pytest.approx((1.0, 0.0), abs=1e-12)
    assert coordinates[:, 0].tolist() == pytest.approx([-4.5, -1.5, 1.5, 4.5])
    assert coordinates[:, 1].abs().max() < 1e-6


def test_shares_of_the_variance_by_hand():
    """Corners (±2, ±1): variance 4 along x and 1 along y."""
    coordinates, explained = principal_components(CORNERS + 7)
    assert explained == pytest.approx((0.8, 0.2))
    torch.testing.assert_close(coordinates, CORNERS)


@pytest.mark.parametrize("points", [torch.zeros(2, 5), torch.zeros(5, 1)])
def test_too_little_for_two_components_is_refused(points: torch.Tensor):
    with pytest.raises(InvalidSetting, match="two components need at least three messages of width 2"):
        principal_components(points)


def test_equal_messages_are_refused():
    with pytest.raises(InvalidSetting, match="all 4 messages are the same"):
        principal_components(torch.ones(4, 3))


def test_the_share_between_groups_by_hand():
    """0, 2 against 4, 6: 2·(1 − 3)² + 2·(5 − 3)² = 16 of 9 + 1 + 1 + 9 = 20."""
    points = torch.tensor([[0.0], [2.0], [4.0], [6.0]])
    assert between_share(points, ["a", "a", "b", "b"]) == pytest.approx(0.8)
    assert between_share(points, ["a", "b", "b", "a"]) == pytest.approx(0.0)
    assert between_share(points, ["a", "b", "c", "d"]) == pytest.approx(1.0)
    assert between_share(torch.ones(2, 1), ["a", "b"]) == 0.0


@given(st.floats(0.1, 50), st.floats(0, 2 * math.pi), st.booleans(), st.floats(-9, 9))
def test_turning_mirroring_scaling_and_moving_are_undone(scale: float, angle: float, mirrored: bool, move: float):
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    if mirrored:
        turn = turn @ torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))
    points = torch.tensor([[0.0, 0.0], [3.0, 0.5], [1.0, 2.0], [-4.0, 1.0]], dtype=torch.float64)
    moved, still = align(scale * points @ turn + move, points)
    torch.testing.assert_close(moved, still, atol=1e-9, rtol=0)
    assert float(still.pow(2).sum(dim=1).mean()) == pytest.approx(1.0)


def test_shifts_by_hand():
    """(±2, ±1) becomes (±3, ±1) in a space of three dimensions: corner A goes from (2, 1)/√5 to (3, 1)/√10."""
    after = torch.zeros(4, 3, dtype=torch.float64)
    after[:, 0], after[:, 2] = 1.5 * CORNERS[:, 0], CORNERS[:, 1]
    found = adapter_planes(CORNERS, after, ["A", "B", "C", "D"])
    way = (3 / math.sqrt(10) - 2 / math.sqrt(5), 1 / math.sqrt(10) - 1 / math.sqrt(5))
    of_a = found.shifts[0]
    assert (of_a.task_type, of_a.games) == ("A", 1)
    assert of_a.length == pytest.approx(math.hypot(*way))
    assert of_a.degrees == pytest.approx(math.degrees(math.atan2(way[1], way[0])))
    assert (found.before.explained, found.after.explained) == (pytest.approx((0.8, 0.2)), pytest.approx((0.9, 0.1)))
    assert found.before.between_types == pytest.approx(1.0)


def test_a_rotation_shifts_nothing():
    before = torch.randn(30, 4) * torch.tensor([5.0, 3.0, 1.0, 0.5])
    rotation = torch.linalg.qr(torch.randn(4, 4)).Q
    types = ["heat", "cool", "clean"] * 10
    found = adapter_planes(before, 0.02 * before @ rotation + 3, types)
    assert [shift.task_type for shift in found.shifts] == ["clean", "cool", "heat"]
    assert max(shift.length for shift in found.shifts) < 1e-4
    assert found.after.between_types_in_full == pytest.approx(found.before.between_types_in_full, abs=1e-4)
