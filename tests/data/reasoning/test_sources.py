"""Where problems come from: a named file, a folder of files, the hub; and what is said where they do not."""

import builtins
import gzip
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from interlat.data.reasoning import Arithmetic, Choice, CodeTests, Problem, Problems, problems_named
from interlat.data.reasoning.loading import FOLDER_VARIABLE
from interlat.errors import GameDataNotFound, InvalidSetting

FOLDER = os.environ.get(FOLDER_VARIABLE, "")  # read before a test takes it out of the environment
ROWS = [{"problem": f"What is {n}+1?", "solution": f"\\boxed{{{n + 1}}}", "level": 1 + n % 5} for n in range(20)]


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)


def _write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_a_named_file_is_both_splits_and_comes_in_a_seeded_order(tmp_path: Path):
    path = str(_write(tmp_path / "mine.jsonl", ROWS))
    first, again, other = (Problems("math", path, seed).games("unseen", None) for seed in (0, 0, 1))
    assert [problem.game_id for problem in first] == [problem.game_id for problem in again]
    assert [problem.game_id for problem in first] != [problem.game_id for problem in other]
    assert {problem.game_id for problem in first} == {f"math/test/{n}" for n in range(1, 21)}
    assert first[:3] == Problems("math", path).games("unseen", 3)
    assert {problem.grading for problem in first} == {"mathematics"}


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".json"])
def test_a_folder_is_looked_through_by_benchmark_and_part(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / f"math_train{ending}"
    text = json.dumps(ROWS) if ending == ".json" else "\n".join(json.dumps(row) for row in ROWS)
    file.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert len(Problems("math").games("train", None)) == 20
    with pytest.raises(GameDataNotFound, match=r"math_test\.jsonl"):
        Problems("math", str(tmp_path)).games("unseen", None)


def test_what_is_made_of_problems_is_made_anew_when_their_file_changes(tmp_path: Path):
    path = _write(tmp_path / "mine.jsonl", ROWS)
    before = Problems("math", str(path)).identity()
    assert before == Problems("math", str(path)).identity()
    _write(path, ROWS[1:])
    assert Problems("math", str(path)).identity() != before
    assert Arithmetic(1).identity() != Arithmetic(2).identity()


def test_a_record_is_one_turn_on_a_plan_and_in_silence():
    source = Arithmetic()
    (problem,) = source.games("train", 1)
    (record,) = source.record([problem], 20, 0)
    assert record.opening == problem.question
    assert record.guided == record.explored == (("", problem.solution, ""),)
    assert record.walkthrough == problem.plan
    assert record.house == ""


def test_a_problem_without_a_solution_is_solved_by_its_bare_answer():
    assert Problem("id", "all", "q", "", "5", "number").walkthrough == ("\\boxed{5}",)
    assert Problem("id", "all", "q", "", Choice("B"), "letter").walkthrough == ("\\boxed{B}",)
    assert Problem("id", "all", "q", "", CodeTests("f()", "f"), "code").walkthrough == ("",)  # tests solve nothing


def test_a_file_named_as_it_is_published_is_found(tmp_path: Path):
    row = {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "test": "def check(c): pass"}
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    (problem,) = Problems("humaneval", str(tmp_path)).games("unseen", None)
    assert problem.game_id == "humaneval/HumanEval/0"
    assert problem.grading == "code"
    with pytest.raises(
        GameDataNotFound,
        match=r"holds none of humaneval_train\.jsonl, humaneval_train\.jsonl\.gz, humaneval_train\.json;",
    ):
        Problems("humaneval", str(tmp_path)).games("train", None)


def _without_datasets(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "datasets":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_a_file_and_without_datasets_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch):
    _without_datasets(monkeypatch)
    with pytest.raises(GameDataNotFound, match=r"pip install 'interlat\[reasoning\]', or put math_train.jsonl"):
        Problems("math").games("train", 1)


def test_a_hub_that_is_not_within_reach_is_told(monkeypatch: pytest.MonkeyPatch):
    """With a package of that name that fails as datasets does offline."""

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route")

    package = types.ModuleType("datasets")
    package.load_dataset = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", package)
    with pytest.raises(GameDataNotFound, match=r"EleutherAI/hendrycks_math, algebra.*ConnectionError: no route"):
        Problems("math").games("train", 1)


def test_all_subjects_of_the_hub_are_read_and_named_by_subject_and_number(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str, str]] = []

    def load(repository: str, subset: str, split: str) -> list[dict[str, Any]]:
        asked.append((repository, subset, split))
        return ROWS[:2]

    package = types.ModuleType("datasets")
    package.load_dataset = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", package)
    problems = Problems("math").games("unseen", None)
    assert len(asked) == 7
    assert asked[0] == ("EleutherAI/hendrycks_math", "algebra", "test")
    assert len({problem.game_id for problem in problems}) == 14
    assert "math/test/number_theory/2" in {problem.game_id for problem in problems}


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("not json\n", "cannot be read"),
        ("", "got none"),
        ("[1, 2]\n", "row 1 .* is list"),
        ('{"question": "q"}\n', "row 1 .* is no problem of math .* has the fields question"),
    ],
)
def test_a_file_that_holds_something_else_is_told(tmp_path: Path, content: str, wrong: str):
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    with pytest.raises(GameDataNotFound, match=wrong):
        Problems("math", str(path)).games("train", None)


def test_settings_that_name_nothing_are_refused(tmp_path: Path):
    with pytest.raises(
        InvalidSetting, match="no benchmark is called 'maths'; choose one of math, math500, gsm8k, aime24"
    ):
        Problems("maths")
    with pytest.raises(InvalidSetting, match="no split 'seen'"):
        Problems("math", str(_write(tmp_path / "mine.jsonl", ROWS))).games("seen", None)
    with pytest.raises(InvalidSetting, match="math500 has no train problems"):
        Problems("math500").games("train", None)
    for levels in ((), (0, 1), (6,)):
        with pytest.raises(InvalidSetting, match="levels must be some of 1, 2, 3, 4, 5"):
            Arithmetic(levels=levels)


@pytest.mark.skipif(not FOLDER, reason="no benchmark files: name their folder in INTERLAT_REASONING")
@pytest.mark.parametrize(
    ("name", "split", "count", "file"),
    [
        ("math500", "unseen", 500, "math500_test.jsonl"),
        ("gsm8k", "unseen", 1319, "gsm8k_test.jsonl"),
        ("gsm8k", "train", 7473, "gsm8k_train.jsonl"),
        ("arc-easy", "unseen", 2376, "arc-easy_test.json"),
        ("arc-easy", "train", 2251, "arc-easy_train.json"),
        ("arc-challenge", "unseen", 1172, "arc-challenge_test.json"),
        ("arc-challenge", "train", 1119, "arc-challenge_train.json"),
        ("openbookqa", "unseen", 500, "openbookqa_test.json"),
        ("openbookqa", "train", 4957, "openbookqa_train.json"),
        ("medqa", "unseen", 300, "medqa_300.json"),
        ("humaneval", "unseen", 164, "HumanEval.jsonl.gz"),
    ],
)
def test_published_files_are_read_whole(name: Any, split: Any, count: int, file: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FOLDER_VARIABLE, FOLDER)
    if not (Path(FOLDER) / file).is_file():
        pytest.skip(f"no {file} in the folder that INTERLAT_REASONING names")
    problems = problems_named(name).games(split, None)
    assert len(problems) == count == len({problem.game_id for problem in problems})
    assert all(problem.question and problem.walkthrough[0] for problem in problems)
    assert not any("Answer1:" in problem.question or "Answer format" in problem.question for problem in problems)
    choices = [problem.answer for problem in problems if isinstance(problem.answer, Choice)]
    assert len(choices) == (count if problems[0].grading == "letter" else 0)
    assert all(all(choice.options) for choice in choices)
