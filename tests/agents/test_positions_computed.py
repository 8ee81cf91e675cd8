"""No prompt is computed twice: what goes through the model is what the agents' accounts say, for every method and topology."""

from pathlib import Path

import pytest
from tiny_agents import save_tiny_lm
from tiny_collaborations import QUESTIONS, STEPS, question_lm, question_tokenizer, tiny_collaboration
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.collaboration import METHODS, Job, counted, measure
from interlat.agents.account import total
from interlat.agents.collaboration_prompts import Question
from interlat.models.decoding import Sampling

SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=6)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    return question_lm(tokenizer)


@pytest.mark.parametrize(
    ("method", "who", "topology"),
    [
        ("single", "single", "chain"),
        ("text-mas", "sequential", "chain"),
        ("latent-mas", "sequential", "chain"),
        ("latent-mas", "hierarchical", "tree"),
        ("hybrid", "sequential", "chain"),
        ("hybrid", "hierarchical", "tree"),
    ],
)
def test_positions_are_prompts_latent_steps_and_tokens_written(lm, tokenizer, method, who, topology):
    """Prompts are counted by their tokens, each once; rows that end early, and pads, bring none."""
    collaboration = tiny_collaboration(lm, tokenizer, method, who, topology=topology, sampling=SAMPLING, text_tokens=5)
    # The second token that is written at all is made the end mark, so that a row ends before others.
    rows, text_of = [], collaboration._text
    collaboration._text = lambda row: rows.append(row.ids) or text_of(row)
    collaboration.answer(QUESTIONS[:1])
    collaboration.end_id = rows[0][1]
    with counted([lm]) as passed:
        answered = collaboration.answer(QUESTIONS)
    spent = total([total(each.accounts) for each in answered])
    prompts = sum(_prompts(collaboration, question, each) for question, each in zip(QUESTIONS, answered, strict=True))
    thoughts = 3 * STEPS * len(QUESTIONS) if method in ("latent-mas", "hybrid") else 0
    assert (spent.prefill_positions, spent.latent_steps) == (prompts, thoughts)
    assert passed.real == prompts + thoughts + spent.output_tokens
    assert passed.computed > passed.real
    writes = next(place for place, account in enumerate(answered[1].accounts) if account.output_tokens)
    assert answered[0].accounts[writes].output_tokens == 1 < answered[1].accounts[writes].output_tokens


def _prompts(collaboration, question: Question, answered) -> int:
    """Tokens of all agents' prompts, with the words each heard in them: in a tree, those before the last hear nobody."""
    agents, texts = collaboration.settings.agents, list(answered.texts.items())
    tree = collaboration.settings.topology == "tree"
    heard = [dict(() if tree and agent is not agents[-1] else texts[:place]) for place, agent in enumerate(agents)]
    return sum(
        len(collaboration.prompt_ids(*each)) for each in zip(agents, [question] * len(agents), heard, strict=True)
    )


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("method", METHODS)
def test_the_benchmark_measures_a_model_of_a_folder(tmp_path, method):
    """Two batches, the second of one question; every position is accounted for, and memory is above what loading took."""
    model = save_tiny_lm(tmp_path / "tiny")
    questions = (
        Question("What is 2 + 3?"),
        Question("A mug costs 3 and a plate 4. What do both cost?"),
        Question("go"),
    )
    measured = measure(Job(str(model), method, 2, questions, latent_steps=2, answer_tokens=3, text_tokens=3))
    assert (measured.questions, measured.passed.real) == (3, measured.accounted)
    assert measured.peak_bytes >= measured.loaded_bytes > 10_000_000
    assert measured.processor_seconds > 0
    assert (measured.last_kv_bytes > 0) == (method in ("latent-mas", "hybrid"))
    assert measured.account.kv_bytes >= measured.last_kv_bytes
