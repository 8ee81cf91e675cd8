"""Which problems a trace is taught on, what each agent is shown, and what the last one is to say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from interlat.data.games import GameSource, Household
from interlat.data.prompt_targets import PromptTargets
from interlat.data.reasoning import Arithmetic, Choice, CodeTests, Problem
from interlat.errors import GameDataNotFound, InvalidSetting
from interlat.training.trace_data import TaughtProblem, TraceDataModule


class Three(GameSource):
    """Three problems."""

    def games(self, split: Any, count: int | None) -> Sequence[Problem]:
        return [_problem(f"{split}/{number}") for number in range(3)][:count]

    def identity(self) -> dict[str, object]:
        return {"env": "three"}


def _problem(name: str = "p", **fields: Any) -> Problem:
    return Problem(
        **{
            "game_id": name,
            "task_type": "all",
            "question": "Q?",
            "solution": "",
            "answer": "7",
            "grading": "number",
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("fields", "kind", "target"),
    [
        ({}, "solution", "\\boxed{7}"),
        ({"solution": "Three and four. \\boxed{7}"}, "solution", "Three and four. \\boxed{7}"),
        ({"solution": "Three and four. \\boxed{7}"}, "answer", "\\boxed{7}"),
        ({"answer": Choice("B"), "grading": "letter"}, "solution", "\\boxed{B}"),
        (
            {"answer": CodeTests("t", "f"), "solution": "```python\npass\n```", "grading": "code"},
            "solution",
            "```python\npass\n```",
        ),
    ],
)
def test_what_is_taught(fields: dict[str, Any], kind: Any, target: str):
    assert TaughtProblem(_problem(**fields), kind).target == target


def test_tests_alone_teach_nothing():
    with pytest.raises(InvalidSetting, match="got tests and no solution"):
        TaughtProblem(_problem(answer=CodeTests("t", "f"), grading="code"))


@pytest.mark.parametrize(
    ("grading", "asked"),
    [
        ("number", "number"),
        ("mathematics", "expression"),
        ("letter", "choice"),
        ("code", "code"),
        ("text", "expression"),
    ],
)
def test_how_an_answer_is_asked_for_follows_its_grading(grading: Any, asked: str):
    """As in evaluation, so that prompts are those that were learnt."""
    question = TaughtProblem(_problem(grading=grading)).question(["a", "b"])
    assert question.answer == asked
    assert question.shown == {}


def test_agents_are_shown_their_parts():
    split = TaughtProblem(_problem(parts=("ships", "shells", "Q?")))
    assert split.question(["a", "b", "c"]).shown == {"a": "ships", "b": "shells", "c": "Q?"}
    assert split.question(["alone"]).shown == {"alone": "Q?"}
    with pytest.raises(InvalidSetting, match="3 parts, got 2 agents"):
        split.question(["a", "b"])


def test_problems_are_the_first_of_the_source_and_held_out_ones_stand_behind_them():
    def names(**settings: Any) -> tuple[list[str], list[str]]:
        data = TraceDataModule(Arithmetic(seed=3), **settings)
        data.setup("fit")
        return [each.name for each in data.train], [each.name for each in data.validation]

    wanted = [problem.game_id for problem in Arithmetic(seed=3).games("train", 9)]
    assert names(num_games=6) == (wanted[:6], [])
    assert names(num_games=6, num_validation=3, seed=4) == (wanted[:6], wanted[6:])
    train, other = names(num_games=6, num_validation=2, validation_split="seen")
    assert train == wanted[:6]
    assert other == [problem.game_id for problem in Arithmetic(seed=3).games("seen", 2)]
    assert names(num_games=4, split="unseen")[0] == [
        problem.game_id for problem in Arithmetic(seed=3).games("unseen", 4)
    ]


def test_what_cannot_be_taught_is_said():
    with pytest.raises(InvalidSetting, match="at least 1 training problem"):
        TraceDataModule(Three(), num_games=0)
    with pytest.raises(GameDataNotFound, match="wanted 4 problems of split 'train'"):
        TraceDataModule(Three(), num_games=3, num_validation=1).setup("fit")
    with pytest.raises(InvalidSetting, match="got a source of"):
        TraceDataModule(Household(), num_games=1).setup("fit")


def test_what_was_taught_is_kept_on_record(tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"prompt": "p", "target": f"t{i}"}) + "\n" for i in range(4))
    )
    data = TraceDataModule(PromptTargets(str(tmp_path / "rows.jsonl"), seed=None), num_games=3)
    data.setup("fit")
    made = data.provenance()
    assert made["trained_on"] == ["rows/1", "rows/2", "rows/3"]
    assert made["data"]["env"] == "prompt-targets"
    assert made["data"]["split"] == "train"
