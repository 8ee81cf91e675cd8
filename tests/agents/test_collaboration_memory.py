"""A handover is let go when nobody hears it any more: memory grows with the longest message, not with their sum."""

import weakref

import pytest
from tiny_collaborations import QUESTIONS, question_lm, question_tokenizer, tiny_collaboration


@pytest.mark.parametrize(
    ("who", "topology", "alive"), [("sequential", "chain", [0, 1, 1, 0]), ("hierarchical", "tree", [0, 1, 2, 0])]
)
def test_a_handover_is_let_go(monkeypatch, who, topology, alive):
    """Counted when each agent before the last begins, and when the last one writes."""
    tokenizer = question_tokenizer()
    team = tiny_collaboration(question_lm(tokenizer), tokenizer, who=who, topology=topology)
    left: list[weakref.ref] = []
    counted: list[int] = []
    work, written = team.work, team._written

    def count():
        counted.append(sum(each() is not None for each in left))

    def watched_work(*arguments):
        count()
        handover = work(*arguments)
        left.append(weakref.ref(handover))
        return handover

    def watched_writing(*arguments):
        count()
        return written(*arguments)

    monkeypatch.setattr(team, "work", watched_work)
    monkeypatch.setattr(team, "_written", watched_writing)
    assert len(team.answer(QUESTIONS[:2])) == 2
    assert counted == alive
