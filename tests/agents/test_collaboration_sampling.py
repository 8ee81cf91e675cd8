"""What agents write when they sample: for every method the same for a question alone, in any batch and in any order."""

import dataclasses

import pytest
from tiny_collaborations import QUESTIONS, question_lm, question_tokenizer, tiny_collaboration
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Answered, Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.models.decoding import Sampling

PAPER = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=8)
METHODS = [
    ("single", "single", "chain"),
    ("text-mas", "sequential", "chain"),
    ("latent-mas", "sequential", "chain"),
    ("latent-mas", "hierarchical", "tree"),
    ("hybrid", "sequential", "chain"),
    ("hybrid", "hierarchical", "tree"),
]
FIVE = [*QUESTIONS, Question("go to mug 3", "expression"), Question("What?", shown={"planner": "What is it?"})]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Untied weights that say many things: in float64, so that batches agree to 1e-9 and a draw moves as seldom."""
    return question_lm(tokenizer)


def _said(answered: Answered) -> tuple[object, ...]:
    written = tuple(account.output_tokens for account in answered.accounts)
    return answered.text, answered.stopped, answered.texts, written


def _ending(collaboration: Collaboration, seed: int) -> Collaboration:
    """The first token that the first question's answer has and another's has not is made the end mark: rows end apart."""
    ids = [collaboration.tokenizer(answered.text)["input_ids"] for answered in collaboration.answer(FIVE, seed)]
    collaboration.end_id = next(token for token in ids[0] if any(token not in other for other in ids[1:]))
    return collaboration


@pytest.mark.parametrize(("method", "who", "topology"), METHODS)
def test_a_sampled_batch_is_each_question_alone(lm, tokenizer, method, who, topology):
    """In float64, at the published temperature and top_p; texts of all agents, not of the last alone."""
    settings = {"sampling": PAPER, "topology": topology, "text_tokens": 5}
    collaboration = tiny_collaboration(lm, tokenizer, method, who, **settings)
    together = [_said(each) for each in collaboration.answer(FIVE)]
    assert [_said(collaboration.answer([each])[0]) for each in FIVE] == together
    turned = collaboration.answer(FIVE[:1:-1])
    assert [_said(each) for each in turned] == together[:1:-1]
    assert len({text for text, *_ in together}) == 5
    other = [_said(each) for each in collaboration.answer(FIVE, seed=1)]
    assert all(one != another for one, another in zip(together, other, strict=True))


@pytest.mark.parametrize("method", ["text-mas", "latent-mas"])
def test_so_it_is_where_rows_end_apart(lm, tokenizer, method):
    collaboration = _ending(tiny_collaboration(lm, tokenizer, method, sampling=PAPER), 0)
    together = [_said(each) for each in collaboration.answer(FIVE)]
    assert len({written for *_, written in together}) > 1
    assert [_said(collaboration.answer([each])[0]) for each in FIVE] == together


def test_who_answers_draws_alike_for_every_method(lm, tokenizer):
    """Alone or behind three others; agents, seeds and questions draw apart, and what an agent is shown counts as its question."""
    alone = tiny_collaboration(lm, tokenizer, "single", "single")
    chain = tiny_collaboration(lm, tokenizer, "text-mas")

    def seeds(collaboration: Collaboration, place: int, seed: int = 0) -> list[int]:
        agent = collaboration.settings.agents[place]
        return [generator.initial_seed() for generator in collaboration._draws(agent, FIVE, seed)]

    assert seeds(alone, -1) == seeds(chain, -1)
    drawn = [each for place in range(4) for seed in (0, 1) for each in seeds(chain, place, seed)]
    assert len(set(drawn)) == 4 * 2 * 5
    changed = dataclasses.replace(FIVE[4], shown={"planner": "What was it?"})
    agent = chain.settings.agents[0]
    assert chain._draws(agent, [changed], 0)[0].initial_seed() != seeds(chain, 0)[4]
