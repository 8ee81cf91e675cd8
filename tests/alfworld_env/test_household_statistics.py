"""What is counted in a game, how it is dealt out again, and that generated games count like the measured ones."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfworld_env import TaskType, household_games
from alfworld_env.household import measure
from alfworld_env.household.chance import deal
from alfworld_env.household.measure import sample_of, write_statistics
from alfworld_env.household.placing import Placer
from alfworld_env.household.statistics import (
    ObjectStatistics,
    ReceptacleStatistics,
    load_statistics,
    read_statistics,
)
from alfworld_env.household.tally import Sample, count_statistics, layout_digest, summary
from alfworld_env.household.things import ObjectKind, PlacedReceptacle

MUG = ObjectKind("Mug", ("Cabinet", "Shelf"), ("pickupable",))


def mean(counts):
    return sum(int(number) * count for number, count in counts.items()) / sum(counts.values())


@pytest.fixture(scope="module")
def measured():
    return json.loads(Path(measure.__file__).with_name("statistics.json").read_text())


@pytest.fixture(scope="module")
def generated():
    """500 games counted as ALFWorld's were."""
    return count_statistics(map(sample_of, household_games("train", 500, rooms="measured")))


def test_a_kitchen_counted_by_hand(kitchen):
    """Two cabinets, one of which stands with the countertop; apples, a knife, a mug and a lamp as in conftest."""
    counted = count_statistics([Sample("kitchen", "a", kitchen("cool")), Sample("kitchen", "a", kitchen("two"))])
    room = counted["rooms"]["kitchen"]
    assert (room["games"], room["scenes"]) == (2, 1)
    assert room["num_receptacles"] == {"max": 7, "mean": 7.0, "min": 7, "p5": 7, "p95": 7}
    assert room["num_objects"]["mean"] == 5.0
    assert room["receptacles"]["Cabinet"] == {"holds": {"0": 2, "1": 2}, "numbers": {"2": 1}, "openable": 1.0}
    assert room["receptacles"]["CounterTop"] == {"holds": {"3": 2}, "numbers": {"1": 1}, "openable": 0.0}
    # One of two countertops in two games stands at a cabinet's location: two guests out of two chances.
    assert room["beside"] == {"CounterTop": {"Cabinet": 1.0}}
    # The apple is what both games are about, so its number is counted with the tasks.
    assert room["objects"]["Apple"] == {"numbers": {}, "places": {"Cabinet": 2, "CounterTop": 2}}
    assert room["objects"]["Mug"] == {"numbers": {"1": 2}, "places": {"CounterTop": 2}}
    assert room["fixtures"] == {"DeskLamp": {"numbers": {"1": 1}, "places": {"SideTable": 2}}}
    assert room["tasks"] == {
        "pick_cool_then_place_in_recep": {"Apple SideTable": 1},
        "pick_two_obj_and_place": {"Apple SideTable": 1},
    }
    assert counted["flags"]["Apple"] == ["cleanable", "coolable", "heatable", "pickupable", "sliceable"]
    assert counted["flags"]["Mug"] == ["isReceptacleObject", "pickupable"]
    assert counted["can_contain"]["CounterTop"] == ["Apple", "Knife", "Mug"]
    assert counted["task_types"]["pick_two_obj_and_place"] == {
        "instances": {"2": 1},
        "sentences": {"put two {0} in {1}.": 1},
        "starts": {"in the appliance": 0, "in the target": 0, "listed": 2},
        "walkthroughs": {"9": 1},
    }


def test_statistics_survive_being_written_and_read(kitchen):
    counted = count_statistics([Sample("kitchen", "a", kitchen("cool"))])
    read = read_statistics(json.loads(write_statistics(counted)))
    assert json.loads(write_statistics(counted)) == counted
    assert read.rooms["kitchen"].receptacles["Cabinet"].mean_number == 2.0
    assert read.rooms["kitchen"].tasks == {TaskType.COOL_AND_PLACE: {("Apple", "SideTable"): 1}}
    assert set(read.kinds["Apple"].places) == {"Cabinet", "CounterTop", "Fridge", "Microwave", "SideTable"}


def test_layouts_are_told_apart_by_numbers_and_not_by_order():
    assert layout_digest(["Bed", "Desk", "Bed"]) == layout_digest(["Desk", "Bed", "Bed"])
    assert layout_digest(["Bed", "Desk"]) != layout_digest(["Bed", "Desk", "Bed"])


def test_summary_takes_the_nearest_rank():
    """Of 0 to 100, the 5 % rank is 5 and the 95 % rank 95."""
    assert summary(list(range(100, -1, -1))) == {"mean": 50.0, "p5": 5, "p95": 95, "min": 0, "max": 100}


@given(
    st.dictionaries(st.integers(0, 30), st.integers(1, 30), min_size=1, max_size=12),
    st.integers(1, 60),
    st.integers(0, 1000),
)
def test_dealt_numbers_have_the_measured_distribution_to_within_one_room(numbers, hands, seed):
    dealt = Counter(deal(numbers, hands, random.Random(seed)))
    total = sum(numbers.values())
    assert dealt.total() == hands
    assert set(dealt) <= set(numbers)
    for number, count in numbers.items():
        assert abs(dealt[number] - hands * count / total) < 1 + 1e-9


def placer(mugs_in_shelves, capacity=2):
    kinds = {kind: ReceptacleStatistics({1: 1}, 0.0, capacity, 1.0, {}) for kind in ("Cabinet", "Shelf", "Bed")}
    room = [PlacedReceptacle(f"{kind}_bar_1", kind, False, f"loc_bar_{kind}") for kind in kinds]
    shares = {"Cabinet": 1 - mugs_in_shelves, "Shelf": mugs_in_shelves}
    return Placer({"Mug": ObjectStatistics({2: 1}, shares)}, kinds, room, random.Random(0))


def test_things_lie_only_where_they_were_found_and_only_until_it_is_full():
    placed = placer(0.5).put(MUG, 9)
    assert Counter(item.receptacle.kind for item in placed) == {"Cabinet": 2, "Shelf": 2}
    assert len({item.identity for item in placed}) == 4
    assert {item.receptacle.kind for item in placer(0.5).put(MUG, 9, frozenset({"Shelf"}))} == {"Cabinet"}


def test_things_lie_where_they_were_found_as_often_as_they_were_found_there():
    """A quarter in shelves: 1000 of 4000 with a standard deviation of 27."""
    placed = placer(0.25, capacity=5000).put(MUG, 4000)
    assert abs(sum(item.receptacle.kind == "Shelf" for item in placed) - 1000) < 110


def test_generated_rooms_are_as_large_and_as_full_as_measured_ones(measured, generated):
    """Means to within 15 % of receptacles (games favour some scenes) and 6 % of objects; quantiles never far outside."""
    for room, wanted in measured["rooms"].items():
        got = generated["rooms"][room]
        assert got["num_receptacles"]["mean"] == pytest.approx(wanted["num_receptacles"]["mean"], rel=0.15)
        assert got["num_objects"]["mean"] == pytest.approx(wanted["num_objects"]["mean"], rel=0.06)
        for which in ("num_receptacles", "num_objects"):
            assert wanted[which]["min"] - 4 <= got[which]["p5"] <= got[which]["p95"] <= wanted[which]["max"]


def test_generated_rooms_have_the_measured_furniture(measured, generated):
    """To within 15 % or half a receptacle a scene; doors to within 0.2; as crowded to within 20 % or half an object."""
    for room, wanted in measured["rooms"].items():
        for kind, each in wanted["receptacles"].items():
            got = generated["rooms"][room]["receptacles"].get(kind)
            if got is None or sum(got["holds"].values()) < 100:
                continue  # met too rarely in 500 games to be compared
            assert mean(got["numbers"]) == pytest.approx(mean(each["numbers"]), rel=0.15, abs=0.5)
            assert got["openable"] == pytest.approx(each["openable"], abs=0.2)
            assert mean(got["holds"]) == pytest.approx(mean(each["holds"]), rel=0.2, abs=0.5)
            assert max(map(int, got["holds"])) <= max(map(int, each["holds"]))


def test_things_lie_where_such_things_were_measured(measured, generated):
    """On average over kinds, a tenth or so of them lies elsewhere than in the measured rooms (total variation)."""
    for room, wanted in measured["rooms"].items():
        distances = []
        for kind, each in wanted["objects"].items():
            places, got = each["places"], generated["rooms"][room]["objects"].get(kind, {"places": {}})["places"]
            assert set(got) <= set(places)
            if sum(got.values()) >= 50:
                share = {place: number / sum(places.values()) for place, number in places.items()}
                distances.append(sum(abs(share[p] - got.get(p, 0) / sum(got.values())) for p in places) / 2)
        assert len(distances) > 5
        assert sum(distances) / len(distances) < 0.15, room


def test_tasks_are_worded_and_solved_as_measured(measured, generated):
    for task_type, wanted in measured["task_types"].items():
        got = generated["task_types"][task_type]
        assert mean(got["instances"]) == pytest.approx(mean(wanted["instances"]), rel=0.15)
        assert mean(got["walkthroughs"]) == pytest.approx(mean(wanted["walkthroughs"]), abs=0.35)
        assert set(got["sentences"]) == set(wanted["sentences"])
        assert wanted["starts"]["in the appliance"] == got["starts"]["in the appliance"] == 0
        shares = [each["starts"]["in the target"] / each["starts"]["listed"] for each in (wanted, got)]
        assert shares[1] == pytest.approx(shares[0], abs=0.12)


def test_things_are_what_they_were_measured_to_be(measured, generated):
    for kind, flags in generated["flags"].items():
        assert flags == measured["flags"][kind]
    for place, things in generated["can_contain"].items():
        assert set(things) <= set(measured["can_contain"][place])
    assert set(load_statistics().kinds) == set(measured["flags"])
    cool = [sum(each["cool_in_fridge"].values()) / len(each["cool_in_fridge"]) for each in (measured, generated)]
    assert 0 < cool[1] == pytest.approx(cool[0], abs=0.04)


def test_missing_games_are_said_to_be_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert measure.main(["--out", str(tmp_path / "statistics.json")]) == 1
    assert "alfworld-download" in capsys.readouterr().err
    assert not (tmp_path / "statistics.json").exists()


@pytest.mark.slow
@pytest.mark.alfworld
def test_the_packaged_statistics_are_those_of_the_installed_games(real_games, tmp_path, measured):
    real_games("train")
    assert measure.main(["--out", str(tmp_path / "statistics.json")]) == 0
    assert json.loads((tmp_path / "statistics.json").read_text()) == measured
