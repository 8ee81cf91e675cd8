"""Where controls strike, who is untrained under ``untrained``, and what an agent's words follow."""

import pytest
import torch
from tiny_collaborations import QUESTIONS, STEPS, question_lm, question_tokenizer, tiny_collaboration
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.collaboration import counted
from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.handover import Handover
from interlat.models.backbone import embed_tokens, last_layer_states, token_logits


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    return question_lm(tokenizer)


@torch.no_grad()
def _handed_to_the_last(collaboration: Collaboration) -> Handover:
    settings, left = collaboration.settings, {}
    for agent in settings.agents[:-1]:
        heard = [left[other.name] for other in settings.heard_by(agent)]
        left[agent.name] = collaboration.work(
            agent, QUESTIONS, heard, Ledger(agent.name, len(QUESTIONS), torch.device("cpu"))
        )
    return left[settings.agents[-2].name]


def test_a_control_strikes_at_the_last_hand_over_alone(lm, tokenizer):
    """What the agents before the last leave is to the last digit what they leave without a control."""
    plain = _handed_to_the_last(tiny_collaboration(lm, tokenizer))
    for control in ("zero", "swap", "permute"):
        left = _handed_to_the_last(tiny_collaboration(lm, tokenizer, control=control))
        for message, expected in zip(left.messages, plain.messages, strict=True):
            assert torch.equal(message.positions, expected.positions), control
            assert all(map(torch.equal, message.keys, expected.keys)), control
            assert all(map(torch.equal, message.values, expected.values)), control


def test_who_answers_is_trained_and_nobody_else(lm, tokenizer):
    """Through the trained model go the last agent's prompts and words, and nothing of the others."""
    collaboration = tiny_collaboration(lm, tokenizer, control="untrained")
    with counted([lm]) as passed:
        answered = collaboration.answer(QUESTIONS)
    accounts = [each.accounts[-1] for each in answered]
    assert passed.real == sum(account.prefill_positions + account.output_tokens for account in accounts)
    assert all(account.prefill_positions > 0 and account.output_tokens > 0 for account in accounts)


@torch.no_grad()
def test_words_follow_the_thoughts(lm, tokenizer):
    """A hybrid's planner, token by token without a cache: its prompt, four thoughts, and the likeliest tokens behind them."""
    collaboration = tiny_collaboration(lm, tokenizer, "hybrid", text_tokens=5)
    planner = collaboration.settings.agents[0]
    align = collaboration._aligner("planner", planner)
    for question in QUESTIONS[:2]:
        inputs = embed_tokens(lm, torch.tensor([collaboration.prompt_ids(planner, question, {})]))
        written = []
        for step in range(STEPS + 5):
            latest = last_layer_states(lm, inputs, torch.ones(inputs.shape[:2], dtype=torch.bool))[:, -1:]
            if step >= STEPS:
                written.append(int(token_logits(lm, latest).argmax()))
            fed = embed_tokens(lm, torch.tensor([written[-1:]])) if written else align(latest)
            inputs = torch.cat([inputs, fed], dim=1)
        (answered,) = collaboration.answer([question])
        assert answered.texts["planner"] == tokenizer.decode(written, skip_special_tokens=True)
