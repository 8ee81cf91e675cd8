"""Documents are, token for token, what a collaboration's agents read and write; written-out problems, so that no package is needed."""

import random
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import CollaborationSettings, cast
from interlat.data.games import GameSource
from interlat.data.reasoning import Problem
from interlat.data.reasoning.split import deal_legs, deal_legs_singly, deal_needle
from interlat.errors import InvalidSetting
from interlat.models import TinyLM, build_tiny_lm, train_tokenizer
from interlat.models.chat import encode
from interlat.training import CollaborationDataModule
from interlat.training.collaboration_documents import KINDS, CollaborationDocuments

ANSWER = "expression"


def _problem(number: int) -> Problem:
    who = f"{'ABCDEFGH'[number % 8]}nn"
    if number % 2:
        question = f"Tom hates rain. {who} likes tea. \nWho likes tea? Reply only with a name."
        dealt, answer = deal_needle(question, who), who
    else:
        question, answer = (
            f"How many legs are there if you have {number % 5 + 2} dogs, 1 bee?",
            str(4 * (number % 5 + 2) + 6),
        )
        dealt = deal_legs(question, answer)
    assert dealt is not None
    return Problem(
        str(number), "t", question, dealt.solution, answer, "text", dealt.told, answer_tokens=32, parts=dealt.parts
    )


PROBLEMS = [_problem(number) for number in range(16)]


class Written(GameSource):
    """Written-out problems in the place of drawn ones."""

    def games(self, split: str, count: int | None) -> list[Problem]:
        return PROBLEMS[:count]

    def record(self, games: Any, max_explore_steps: int, seed: int) -> Any:
        raise AssertionError

    def identity(self) -> dict[str, object]:
        return {"env": "written"}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer([problem.question for problem in PROBLEMS], 400)


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    return build_tiny_lm(TinyLM(hidden_size=16, num_layers=1, num_heads=2), tokenizer)


@pytest.fixture
def writer(tokenizer: PreTrainedTokenizerBase) -> CollaborationDocuments:
    return CollaborationDocuments(cast("split"), tokenizer, ANSWER)


@pytest.mark.parametrize("problem", PROBLEMS[:2], ids=["legs", "needle"])
def test_prompts_are_those_of_the_agents_and_targets_what_they_should_write(
    writer: CollaborationDocuments, lm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, problem: Problem
):
    agents, (alone,) = cast("split"), cast("split-single")
    together = Collaboration(CollaborationSettings(agents, "text-mas", "tiny"), {"tiny": (lm, tokenizer)})
    single = Collaboration(CollaborationSettings((alone,), "single", "tiny"), {"tiny": (lm, tokenizer)})
    question = Question(problem.question, ANSWER, dict(zip(("first", "last"), problem.parts, strict=True)))
    told = {"first": problem.plan[0]}
    teller, listener, informed = (
        together.prompt_ids(agent, question, heard)
        for agent, heard in ((agents[0], {}), (agents[1], {}), (agents[1], told))
    )
    end = [together.end_id]
    solved = encode(tokenizer, problem.solution) + end
    said = encode(tokenizer, problem.plan[0])
    whole = single.prompt_ids(alone, Question(problem.question, ANSWER), {})
    guess = encode(tokenizer, f"The answer is {problem.answer}.") + end
    wanted = {
        "told": ([*teller], [*said, *end]),
        "heard": ([*informed], solved),
        "behind": ([*teller, *listener], solved),
        "both": ([*teller, *informed], solved),
        "alone": ([*listener], guess),
        "whole": ([*whole], solved),
    }
    assert single.prompt_ids(alone, Question(problem.question, ANSWER, {"last": problem.parts[1]}), {}) == listener
    assert set(wanted) | {"broken"} == set(KINDS)
    for kind, (read, written) in wanted.items():
        document = writer.document(problem, kind, random.Random(0))
        assert document.ids == [*read, *written]
        assert document.supervised == [False] * len(read) + [True] * len(written)
    lengths = set()
    for seed in range(60):
        document = writer.document(problem, "broken", random.Random(seed))
        words = len(document.ids) - len(teller) - len(listener) - len(solved)
        lengths.add(words)
        assert document.ids == [*teller, *said[:words], *listener, *solved]
        supervised = [False] * len(teller) + [True] * words + [False] * len(listener) + [True] * len(solved)
        assert document.supervised == supervised
    assert lengths <= set(range(1, len(said) + 1))
    assert {1, len(said)} <= lengths


def test_each_of_three_agents_reads_what_those_before_it_said(lm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
    """Written out for a chain: the second agent hears the first, the last hears both; caches stand one behind the other."""
    question = "How many legs are there if you have 2 dogs, 1 bee, 3 dogs?"
    dealt = deal_legs_singly(question, "26")
    assert dealt is not None
    problem = Problem("3", "t", question, dealt.solution, "26", "text", dealt.told, answer_tokens=32, parts=dealt.parts)
    agents = cast("split-3")
    writer = CollaborationDocuments(agents, tokenizer, ANSWER)
    team = Collaboration(CollaborationSettings(agents, "text-mas", "tiny"), {"tiny": (lm, tokenizer)})
    shown = Question(question, ANSWER, dict(zip(("first", "second", "last"), problem.parts, strict=True)))
    said = dict(zip(("first", "second"), problem.plan, strict=True))
    quiet = [team.prompt_ids(agent, shown, {}) for agent in agents]
    informed = [
        team.prompt_ids(agent, shown, heard)
        for agent, heard in zip(agents, ({}, {"first": said["first"]}, said), strict=True)
    ]
    assert informed[0] == quiet[0]
    assert informed[1] != quiet[1]
    end = [team.end_id]
    words, solved = [encode(tokenizer, text) for text in problem.plan], [*encode(tokenizer, problem.solution), *end]
    told = {tuple(writer.document(problem, "told", random.Random(seed)).ids) for seed in range(20)}
    assert told == {(*informed[place], *words[place], *end) for place in (0, 1)}
    assert writer.document(problem, "heard", random.Random(0)).ids == [*informed[2], *solved]
    assert writer.document(problem, "behind", random.Random(0)).ids == [*quiet[0], *quiet[1], *quiet[2], *solved]
    assert writer.document(problem, "both", random.Random(0)).ids == [*informed[0], *informed[1], *informed[2], *solved]
    broken = writer.document(problem, "broken", random.Random(0)).ids
    first = len(quiet[0]) + 1
    assert broken[:first] == [*quiet[0], words[0][0]]
    assert broken[-len(quiet[2]) - len(solved) :] == [*quiet[2], *solved]
    with pytest.raises(InvalidSetting, match="has 3 parts and 2 told, for 2 agents wanted 2 and 1"):
        CollaborationDocuments(cast("split"), tokenizer, ANSWER).document(problem, "told", random.Random(0))


def test_one_agent_alone_tells_no_one(tokenizer: PreTrainedTokenizerBase):
    with pytest.raises(InvalidSetting, match="got 1; take a cast of two or more"):
        CollaborationDocuments(cast("single"), tokenizer, ANSWER)


def _data(cache: Path, **settings: Any) -> CollaborationDataModule:
    defaults = {"num_games": 16, "num_validation": 4, "vocab_size": 400, "batch_size": 8, "cache": str(cache)}
    return CollaborationDataModule(Written(), "split", **{**defaults, **settings})


def test_each_problem_has_a_document_of_each_kind_and_one_named_twice_has_two(tmp_path: Path):
    data = _data(tmp_path, kinds=["broken", "heard", "broken"])
    data.prepare_data()
    data.setup("fit")
    assert (len(data.train), len(data.validation)) == (48, 12)
    assert data.train[1].ids == data.validation[1].ids
    tokenizer = next(tmp_path.glob("tokenizer-*/tokenizer.json"))
    made = tokenizer.stat().st_mtime_ns
    _data(tmp_path).prepare_data()
    assert tokenizer.stat().st_mtime_ns == made
    assert len(list(tmp_path.glob("tokenizer-*"))) == 1


def test_documents_do_not_depend_on_what_was_made_before(tmp_path: Path):
    first, again, other = (_data(tmp_path, seed=seed) for seed in (0, 0, 1))
    for data in (first, again, other):
        data.prepare_data()
        data.setup("fit")
    assert [document.ids for document in first.train] == [document.ids for document in again.train]
    assert [document.ids for document in first.train] != [document.ids for document in other.train]
