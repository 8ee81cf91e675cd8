"""A result is written whole, with what made it, or not at all."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlat.evaluation.analysis.files import Origin, write_analysis
from interlat.evaluation.settings import PROTOCOL_VERSION

ORIGIN = Origin({"seed": 3}, "interlat-analyze x", "abc")


@dataclass(frozen=True)
class Point:
    at: tuple[float, float]


@dataclass(frozen=True)
class Result:
    points: tuple[Point, ...]
    best: float


def test_a_result_and_its_origin(tmp_path: Path):
    path = write_analysis(tmp_path / "new", "x", Result((Point((1.0, 2.0)),), 0.5), ORIGIN)
    assert path == tmp_path / "new" / "x.json"
    assert json.loads(path.read_text()) == {
        "analysis": "x",
        "protocol_version": PROTOCOL_VERSION,
        "command": "interlat-analyze x",
        "commit": "abc",
        "settings": {"seed": 3},
        "result": {"points": [{"at": [1.0, 2.0]}], "best": 0.5},
    }


def test_what_json_cannot_hold_leaves_the_old_result(tmp_path: Path):
    path = write_analysis(tmp_path, "x", Result((), 0.5), ORIGIN)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_analysis(tmp_path, "x", Result((), math.nan), ORIGIN)
    assert path.read_bytes() == before
    write_analysis(tmp_path, "x", Result((), 0.7), ORIGIN)
    assert json.loads(path.read_text())["result"]["best"] == 0.7
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
