"""Messages between models of one tokenizer: what cannot be taken over is read again, where it stood and under its own name."""

import dataclasses

import pytest
import torch
from tiny_collaborations import QUESTIONS, SHORT, question_lm, question_tokenizer, tiny_collaboration
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_settings import CollaborationSettings, cast
from interlat.messages import Span
from interlat.models.kv import Keep


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return question_tokenizer()


@pytest.fixture(scope="module")
def lm(tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    return question_lm(tokenizer)


def test_another_model_of_the_same_tokenizer_reads_again_what_it_is_handed(lm, tokenizer):
    """A chain of one model under two names gives the answer of one name; its costs say that prompts were read again."""
    agents = cast("sequential")
    mixed = (agents[0], dataclasses.replace(agents[1], model="other"), *agents[2:])
    settings = CollaborationSettings(mixed, "latent-mas", "tiny", 4, sampling=SHORT)
    twice = Collaboration(settings, {"tiny": (lm, tokenizer), "other": (lm, tokenizer)})
    plain = tiny_collaboration(lm, tokenizer)
    for answered, expected in zip(twice.answer(QUESTIONS), plain.answer(QUESTIONS), strict=True):
        assert answered.text == expected.text
        held = [account.prefill_positions + 4 for account in expected.accounts]
        read = [account.prefill_positions for account in answered.accounts]
        assert read[1:3] == [held[0] + held[1] - 4, held[0] + held[1] + held[2] - 4]
        assert [account.kv_bytes for account in answered.accounts[:3]] == [0, 0, 0]
        assert answered.accounts[3].kv_bytes == expected.accounts[3].kv_bytes


def test_what_is_read_again_is_what_was_sent_on(lm, tokenizer):
    """Cut to half its entries, the message of another model keeps names, positions and places, and holds the other's own keys."""
    other = question_lm(tokenizer, "qwen2", 1)
    agents = cast("sequential")
    mixed = (agents[0], dataclasses.replace(agents[1], model="other"), agents[3])
    keep = Keep(share=0.5, recent=2)
    settings = CollaborationSettings(mixed, "latent-mas", "tiny", 4, keep=keep, sampling=SHORT)
    collaboration = Collaboration(settings, {"tiny": (lm, tokenizer), "other": (other, tokenizer)})
    with torch.no_grad():
        first = collaboration.work(mixed[0], QUESTIONS, [], Ledger("planner", 3, lm.device))
        second = collaboration.work(mixed[1], QUESTIONS, [first], Ledger("critic", 3, lm.device))
        again = collaboration._kept(mixed[2], second, Ledger("judger", 3, lm.device))
    for row, (message, cut) in enumerate(zip(second.messages, again, strict=True)):
        assert set(cut.positions.tolist()) < set(message.positions.tolist())
        assert cut.next_position == message.next_position
        whole = dict(zip(message.positions.tolist(), _names(message), strict=True))
        assert [whole[position] for position in cut.positions.tolist()] == _names(cut)
        # In the first layer a key depends on input and position alone: the first prompt's are those the first agent had.
        start = int((cut.entries.span == 0).nonzero()[0])
        position = int(cut.positions[start])
        original = first.messages[row]
        torch.testing.assert_close(cut.keys[0][:, start], original.keys[0][:, position], rtol=0, atol=1e-9)
    assert collaboration.answer(QUESTIONS)[0].accounts[-1].kv_bytes == 0


def _names(message) -> list[tuple[Span, int]]:
    entries = message.entries
    return [(message.spans[s], p) for s, p in zip(entries.span.tolist(), entries.place.tolist(), strict=True)]
