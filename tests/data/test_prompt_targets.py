"""Rows of any file as problems."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from interlat.data.prompt_targets import PromptTargets
from interlat.data.reasoning import Problem
from interlat.errors import GameDataNotFound, InvalidSetting

ROWS = [
    {"prompt": "2 + 2?", "target": "Four. \\boxed{4}", "answer": "4", "name": "two"},
    {
        "prompt": "Cup?\nA. sky\nB. shelf",
        "target": "On shelves. \\boxed{ b }",
        "answer": "B",
        "parts": ["Cup?", "A. sky"],
    },
    {"prompt": "3 + 3?", "target": "Seven. \\boxed{7}", "answer": "6"},
    {"prompt": "Say hello.", "target": "Hello."},
]


def _file(folder: Path, rows: Any = ROWS, name: str = "rows.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / name)


def _names(problems: Any) -> list[str]:
    return [problem.game_id for problem in problems]


def test_rows_become_problems(tmp_path: Path):
    """A target without an answer and without a box is its own answer."""
    problems = PromptTargets(_file(tmp_path), seed=None, grading="number").games("train", None)
    assert problems[0] == Problem("rows/two", "all", "2 + 2?", "Four. \\boxed{4}", "4", "number")
    assert problems[1].parts == ("Cup?", "A. sky")
    assert [problem.answer for problem in problems] == ["4", "B", "6", "Hello."]
    assert _names(problems) == ["rows/two", "rows/2", "rows/3", "rows/4"]
    assert problems[3].record().guided[0][1] == "Hello."


def test_fields_have_the_names_that_the_file_gives_them(tmp_path: Path):
    path = _file(tmp_path, [{"q": "2 + 2?", "trace": "\\boxed{4}", "gold": 4, "id": "x"}])
    (problem,) = PromptTargets(path, prompt="q", target="trace", answer="gold", name="id").games("train", None)
    assert (problem.question, problem.solution, problem.answer, problem.game_id) == (
        "2 + 2?",
        "\\boxed{4}",
        "4",
        "rows/x",
    )


def test_only_traces_that_end_in_the_right_answer_are_kept(tmp_path: Path):
    """The third says 7 for 6; the fourth boxes nothing."""
    assert _names(PromptTargets(_file(tmp_path), only_correct=True, seed=None).games("train", None)) == [
        "rows/two",
        "rows/2",
    ]


def test_the_order_is_the_seed_s(tmp_path: Path):
    path = _file(tmp_path, [{"prompt": "p", "target": str(number)} for number in range(30)])
    orders = [_names(PromptTargets(path, seed=seed).games("train", None)) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    assert _names(PromptTargets(path).games("train", 7)) == orders[0][:7]


def test_packed_files_and_test_rows(tmp_path: Path):
    path = _file(tmp_path)
    with gzip.open(tmp_path / "more.jsonl.gz", "wt") as file:
        file.write(json.dumps(ROWS[0]))
    source = PromptTargets(path, test_path=str(tmp_path / "more.jsonl.gz"))
    assert len(source.games("unseen", None)) == 1
    before = source.identity()
    _file(tmp_path, ROWS[:2])
    assert source.identity() != before


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([{"prompt": "p"}], "row 1 .* has no text under 'target'"),
        ([{"prompt": "p", "target": " "}], "no text under target"),
        ([], "at least one"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, rows: Any, text: str):
    with pytest.raises(GameDataNotFound, match=text):
        PromptTargets(_file(tmp_path, rows)).games("train", None)


def test_splits_that_are_not_there_are_refused(tmp_path: Path):
    with pytest.raises(InvalidSetting, match="has no split 'seen'"):
        PromptTargets(_file(tmp_path)).games("seen", None)
    with pytest.raises(GameDataNotFound, match="cannot be read"):
        PromptTargets(str(tmp_path / "nothing.jsonl")).games("train", None)
