"""Agents answer problems together: what is asked, what is recorded, and what a resumption answers."""

from dataclasses import replace

import pytest
from tiny_collaborations import question_lm, question_tokenizer

from interlat.agents.collaboration import Collaboration
from interlat.data.reasoning import Arithmetic
from interlat.data.reasoning.problem import Problem
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import Condition
from interlat.evaluation.method_costs import cost, cost_by_agent
from interlat.evaluation.method_evaluation import answered, batches_of, question_of
from interlat.evaluation.method_settings import MethodSettings
from interlat.evaluation.summary import by_condition

METHODS = "single,text-mas,latent-mas,latent-mas:0,latent-mas+cross-task,hybrid"
PROBLEMS = Arithmetic().games("unseen", 5)
TOKENIZER = question_tokenizer()
LM = question_lm(TOKENIZER)
SPLIT = Problem("p", "split", "two mugs and three mugs", "", "5", "number", parts=("two mugs", "three mugs"))


class _Kept:
    def __init__(self, keys=()):
        self.keys = set(keys)


def _settings(method=METHODS, **others) -> MethodSettings:
    return MethodSettings(method, "tiny", **{"latent_steps": 2, "answer_tokens": 4, "batch_size": 2, **others})


def _build(condition, answer_tokens, seed):
    of = _settings(condition.name).collaboration(condition, answer_tokens)
    return Collaboration(of, {"tiny": (LM, TOKENIZER)}, seed)


@pytest.fixture(scope="module")
def records():
    return list(answered(_settings(runs=2), PROBLEMS, _build, _Kept()))


def test_every_method_answers_every_problem_in_every_run(records):
    groups = by_condition(records)
    assert list(groups) == METHODS.split(",")
    for group in groups.values():
        assert [(r.game_id, r.run, r.seed) for r in group] == [
            (p.game_id, run, run) for run in (0, 1) for p in PROBLEMS
        ]
    assert all(
        record.steps == 1 and record.observations[0] == p.question for record, p in zip(records, PROBLEMS, strict=False)
    )


def test_costs_are_counted_agent_by_agent(records):
    costs = {name: cost_by_agent(group) for name, group in by_condition(records).items()}
    assert list(costs["single"]) == ["single"]
    assert list(costs["hybrid"]) == ["planner", "critic", "refiner", "judger"]
    assert [of.latent_steps for of in costs["latent-mas"].values()] == [2, 2, 2, 0]
    assert [of.latent_steps for of in costs["latent-mas:0"].values()] == [0, 0, 0, 0]
    assert costs["text-mas"]["judger"].kv_bytes == 0 < costs["latent-mas"]["judger"].kv_bytes
    assert costs["latent-mas"]["planner"].output_tokens == 0
    group = by_condition(records)["latent-mas"]
    whole = cost(group)
    assert whole.latent_steps == 6
    assert whole.prefill_positions == sum(of.prefill_positions for of in costs["latent-mas"].values())
    assert all(record.output_tokens == record.accounts[-1]["output_tokens"] for record in group)
    assert all(0 < record.message_seconds < sum(a["seconds"] for a in record.accounts) for record in group)


def test_words_are_kept_where_they_travel(records):
    groups = by_condition(records)
    assert all(list(record.texts) == ["planner", "critic", "refiner"] for record in groups["text-mas"])
    assert all(record.texts == {} for record in groups["latent-mas"])


def test_a_resumption_answers_what_is_missing_as_before(records):
    """The cross-task message comes from the same problem, although half of the batch is there already."""
    there = {record.key for record in records if record.game_id != PROBLEMS[1].game_id}
    again = list(answered(_settings(runs=2), PROBLEMS, _build, _Kept(there)))
    assert {record.key for record in again} == {record.key for record in records} - there
    before = {record.key: record.actions for record in records}
    assert {record.key: record.actions for record in again} == {key: before[key] for key in before if key not in there}


def test_nothing_is_built_where_nothing_is_missing(records):
    def refuse(condition, answer_tokens, seed):
        raise AssertionError("built")

    assert not list(answered(_settings(runs=2), PROBLEMS, refuse, _Kept({record.key for record in records})))


def test_one_left_over_is_not_alone_where_messages_are_swapped():
    swap, plain = Condition("latent-mas", None, "cross-task"), Condition("latent-mas")
    assert [len(batch) for batch in batches_of(PROBLEMS, 2, plain)] == [2, 2, 1]
    assert [len(batch) for batch in batches_of(PROBLEMS, 2, swap)] == [2, 3]
    assert [each for batch in batches_of(PROBLEMS, 2, swap) for each in batch] == list(PROBLEMS)
    with pytest.raises(InvalidSetting, match="a message of another problem, got 1 problem"):
        batches_of(PROBLEMS[:1], 2, swap)


def test_each_agent_sees_its_part_of_what_is_split(tmp_path):
    file = tmp_path / "two.json"
    file.write_text('[{"name": "a", "role": "latentmas/planner"}, {"name": "b", "role": "latentmas/judger"}]')
    settings = _settings("single,single+whole,latent-mas", cast=str(file))

    def shown(written):
        (condition,) = [of for of in settings.compared if of.name == written]
        return dict(question_of(SPLIT, settings.collaboration(condition, 4), condition).shown)

    assert shown("latent-mas") == {"a": "two mugs", "b": "three mugs"}
    assert shown("single") == {"single": "three mugs"}
    assert shown("single+whole") == {}
    four = _settings("latent-mas").collaboration(Condition("latent-mas"), 4)
    with pytest.raises(InvalidSetting, match="split into 2 parts, got 4 agents \\(planner, critic"):
        question_of(SPLIT, four, Condition("latent-mas"))
    assert question_of(replace(SPLIT, parts=()), four, Condition("latent-mas")).shown == {}
