"""How sure the last agent is of its answer: what it would be if the same answer were put behind the same messages, for every method."""

import pytest
import torch
from tiny_collaborations import QUESTIONS, question_lm, question_tokenizer, tiny_collaboration
from tiny_traces import TOKENIZER, trace_agents
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Answered, Collaboration
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.trace_folder import TraceCollaboration
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import extend
from interlat.models.certainty import Certainty
from interlat.models.decoding import Decoded, Sampling

PAPER = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=8)
METHODS = [
    ("single", "single", {}),
    ("text-mas", "sequential", {"text_tokens": 5}),
    ("latent-mas", "sequential", {}),
    ("latent-mas", "hierarchical", {"topology": "tree"}),
    ("latent-mas", "sequential", {"control": "zero"}),
    ("latent-mas", "sequential", {"control": "untrained"}),
    ("hybrid", "sequential", {"text_tokens": 5}),
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """In doubt between several tokens."""
    model = question_lm(tokenizer)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(0.1)
    return model


def _answered(team: Collaboration, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Answered], list[Decoded]]:
    """Answers, and the rows that the last agent wrote; the first row's third token ends an answer."""
    rows: list[Decoded] = []
    written = team._written

    def watched(*arguments):
        rows[:] = written(*arguments)
        return list(rows)

    monkeypatch.setattr(team, "_written", watched)
    team.answer(QUESTIONS)
    team.end_id = rows[0].ids[2]
    answers = team.answer(QUESTIONS, measure=True)
    return answers, list(rows)


@torch.no_grad()
def _forced(team: Collaboration, number: int, row: Decoded) -> tuple[torch.Tensor, torch.Tensor]:
    """The answer of one question, read at once behind what the others hand on: −log p and entropies of its tokens."""
    question = QUESTIONS[number]
    heard, _ = team.hand_over([question])
    last = team.settings.agents[-1]
    state, latest, _ = team.read(last, [question], heard, Ledger(last.name, 1, torch.device("cpu")))
    said = [*row.ids, *([team.end_id] if row.stopped else [])]
    model = team._model(last)
    states = extend(model, state, embed_tokens(model, torch.tensor([said])), torch.ones(1, len(said), dtype=torch.bool))
    log_p = token_logits(model, torch.cat([latest, states[0, :-1]])).log_softmax(dim=-1)
    return -log_p[torch.arange(len(said)), said], -(log_p.exp() * log_p).sum(dim=-1)


def _check(team: Collaboration, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, rows = _answered(team, monkeypatch)
    for number, (answer, row) in enumerate(zip(answers, rows, strict=True)):
        assert answer.certainty == row.certainty
        assert len(answer.certainty.nll) == answer.accounts[-1].output_tokens + answer.stopped
        nll, entropies = _forced(team, number, row)
        assert answer.certainty.nll == pytest.approx(nll.tolist(), abs=1e-9)
        assert answer.certainty.entropies == pytest.approx(entropies.tolist(), abs=1e-9)
    assert any(answer.stopped for answer in answers)
    plain = team.answer(QUESTIONS)
    assert [(each.text, each.texts) for each in plain] == [(each.text, each.texts) for each in answers]
    assert all(each.certainty == Certainty() for each in plain)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        (alone,) = team.answer([question], measure=True)
        assert alone.certainty.nll == pytest.approx(answer.certainty.nll, abs=1e-9)


@pytest.mark.parametrize(("method", "who", "others"), METHODS)
def test_an_answer_is_measured_behind_what_its_agent_heard(lm, tokenizer, method, who, others, monkeypatch):
    _check(tiny_collaboration(lm, tokenizer, method, who, sampling=PAPER, latent_steps=2, **others), monkeypatch)


@pytest.mark.parametrize("mode", ["receiver_only", "per_agent"])
def test_what_was_taught_is_measured_with_the_adapter_that_answers(mode, monkeypatch):
    agents = trace_agents(gradient=mode)
    agents.lm.eval()
    with torch.no_grad():
        agents.lm.get_base_model().get_output_embeddings().weight.mul_(0.1)
    settings = agents.settings.collaboration(sampling=PAPER)
    team = TraceCollaboration(settings, {"tiny": (agents.lm, TOKENIZER)}, agents.settings.adapters())
    _check(team, monkeypatch)
