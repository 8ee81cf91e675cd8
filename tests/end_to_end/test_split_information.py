"""Two tiny agents of which each sees half, from documents to answers: what was told decides, by words and by keys and values alike.

Eight problems of four questions, each with two first parts that make its answer another: one agent alone cannot have more than half.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import fit
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_settings import CollaborationSettings, cast
from interlat.data.games import GameSource
from interlat.data.reasoning import Problem
from interlat.data.reasoning.split import deal_legs
from interlat.evaluation.answers import grade
from interlat.evaluation.conditions import Condition
from interlat.evaluation.method_evaluation import question_of
from interlat.models import TinyLM, load_causal_lm
from interlat.models.decoding import Sampling
from interlat.training import CollaborationDataModule, DocumentStage

STEPS = 300


def _problem(first: str, last: str, answer: int) -> Problem:
    question = f"How many legs if you have {first}, {last}?"
    dealt = deal_legs(question, str(answer))
    assert dealt is not None
    return Problem(
        question,
        "legs",
        question,
        dealt.solution,
        str(answer),
        "text",
        dealt.told,
        answer_tokens=32,
        parts=dealt.parts,
    )


HALVES = product((("2 dogs", 8), ("1 bee", 6)), (("3 cows", 12), ("1 crab", 10), ("2 ants", 12), ("1 bird", 2)))
PROBLEMS = [_problem(first, last, legs + more) for (first, legs), (last, more) in HALVES]


class Written(GameSource):
    """The eight problems, again and again."""

    def games(self, split: str, count: int | None) -> list[Problem]:
        return PROBLEMS

    def record(self, games: Any, max_explore_steps: int, seed: int) -> Any:
        raise AssertionError

    def identity(self) -> dict[str, object]:
        return {"env": "written"}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of some 30,000 weights that knows the eight by heart, once they are put together."""
    folder: Path = tmp_path_factory.mktemp("split")
    data = CollaborationDataModule(Written(), "split", vocab_size=400, batch_size=14, cache=str(folder))
    stage = DocumentStage(
        TinyLM(hidden_size=48, num_layers=2, num_heads=4),
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=8e-3),
    )
    losses = fit(stage, data, STEPS)
    assert sum(losses[-5:]) < 0.3 * sum(losses[:5])
    stage.export(folder)
    return load_causal_lm(folder)


def _right(
    taught: Any, method: str, who: str = "split", problems: Sequence[Problem] = PROBLEMS, **settings: Any
) -> int:
    made = CollaborationSettings(
        cast(who), method, "tiny", sampling=Sampling(max_new_tokens=32), **{"latent_steps": 0, **settings}
    )
    questions = [question_of(problem, made, Condition(method)) for problem in problems]
    answers = Collaboration(made, {"tiny": taught}).answer(questions)
    return sum(
        grade(each.text, problem.answer, "text").correct for each, problem in zip(answers, problems, strict=True)
    )


@pytest.mark.parametrize("method", ["text-mas", "latent-mas", "hybrid"])
def test_what_the_first_agent_knows_reaches_the_last(taught: Any, method: str):
    assert _right(taught, method) == 8


def test_one_agent_alone_has_no_more_than_its_half(taught: Any):
    assert _right(taught, "single", "split-single") <= 4


@pytest.mark.parametrize("control", ["zero", "untrained"])
def test_an_empty_message_leaves_the_last_agent_where_one_alone_is(taught: Any, control: str):
    assert _right(taught, "latent-mas", control=control) <= 4


def test_a_swapped_message_answers_the_other_s_question(taught: Any):
    """Of two problems that differ in the first part alone: each gets the other's answer."""
    pair = [PROBLEMS[0], PROBLEMS[4]]
    assert pair[0].parts[1] == pair[1].parts[1]
    assert _right(taught, "latent-mas", problems=pair) == 2
    assert _right(taught, "latent-mas", problems=pair, control="swap") == 0
