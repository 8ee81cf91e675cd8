"""Documents for the base model: what is asked, what is learned, and what stays hidden."""

import re

import pytest
from tiny_agents import task_records

from interlat.agents.conversation import Conversation
from interlat.agents.sender import ReasoningAgent
from interlat.data.documents import (
    MOST_THINGS_IN_A_DRILL,
    QUESTIONS_IN_A_DRILL,
    Document,
    DocumentDataset,
)
from interlat.data.plan_writer import write_plan

RECORDS = task_records(6)


@pytest.fixture(params=["house", "task"])
def documents(request: pytest.FixtureRequest, sender: ReasoningAgent) -> DocumentDataset:
    conversation = Conversation(sender.tokenizer)
    return DocumentDataset(RECORDS, sender.tokenizer, conversation, sender.prompt_ids, view=request.param)


def _of(documents: DocumentDataset, kind: str) -> list[tuple[Document, str, str, int]]:
    """Every document of a kind: itself, what is read, what is learned, and its record's number."""
    found = []
    for index, (own, record) in enumerate(documents.documents):
        if own != kind:
            continue
        document = documents[index]
        learned = [token for token, keep in zip(document.ids, document.supervised, strict=True) if keep]
        read = [token for token, keep in zip(document.ids, document.supervised, strict=True) if not keep]
        decode = documents.tokenizer.decode
        found.append((document, decode(read), decode(learned), RECORDS.index(record)))
    return found


def test_each_game_gives_its_documents(documents: DocumentDataset):
    """Three of six games have an expert that finished."""
    kinds = [kind for kind, _ in documents.documents]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "plan": 6,
        "guided": 6,
        "drill": 6,
        "explored": 3,
    }
    assert len(documents) == 21


def test_a_plan_is_learned_after_its_request_and_ends(documents: DocumentDataset):
    plans = {write_plan(r.walkthrough, documents.view, seed) for r in RECORDS for seed in range(100)}
    for document, read, learned, number in _of(documents, "plan"):
        assert document.ids[-1] == documents.tokenizer.eos_token_id
        assert document.supervised[-1]
        assert learned.removesuffix(documents.tokenizer.eos_token) in plans
        assert RECORDS[number].opening in read
        assert (RECORDS[number].house in read) is (documents.view == "house")


def test_the_walkthrough_is_learned_on_its_plan_and_the_house_is_not_shown(documents: DocumentDataset):
    for document, read, learned, number in _of(documents, "guided"):
        record = RECORDS[number]
        head = documents.conversation.head(record.opening)
        assert document.ids[: len(head)] == head
        assert not any(line in read for line in record.house.split("\n"))
        assert any(write_plan(record.walkthrough, documents.view, seed) in read for seed in range(100))
        for action in record.walkthrough:
            assert action in learned


def test_exploration_is_learned_in_silence(documents: DocumentDataset):
    for document, _, learned, number in _of(documents, "explored"):
        record = RECORDS[number]
        head, tail = documents.conversation.head(record.opening), documents.conversation.tail(record.explored)
        assert document.ids == [*head, *tail.ids]
        assert all(action in learned for _, action, _ in record.explored)


def test_a_drill_asks_only_for_what_it_told(documents: DocumentDataset):
    for document, read, learned, _ in _of(documents, "drill"):
        told = dict(re.findall(r" ([a-z]+ \d+) in ([a-z]+ \d+)\.", documents.tokenizer.decode(document.ids)))
        assert 2 <= len(told) <= MOST_THINGS_IN_A_DRILL
        asked = re.findall(r"[a-z]+ \d+", learned)
        assert len(asked) == QUESTIONS_IN_A_DRILL // len(told) * len(told)
        assert sorted(asked) == sorted(list(told.values()) * (QUESTIONS_IN_A_DRILL // len(told)))
        assert not document.supervised[0]
        assert all(f" {thing} in" in read for thing in told)


def test_a_drill_is_the_same_every_time(documents: DocumentDataset):
    index = next(index for index, (kind, _) in enumerate(documents.documents) if kind == "drill")
    assert documents[index] == documents[index]


def test_only_the_kinds_asked_for_are_made(sender: ReasoningAgent):
    conversation = Conversation(sender.tokenizer)
    plans = DocumentDataset(RECORDS, sender.tokenizer, conversation, sender.prompt_ids, view="house", kinds=["plan"])
    assert [kind for kind, _ in plans.documents] == ["plan"] * 6
