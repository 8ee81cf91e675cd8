"""What a planner is asked and what a solver answers: the problem stands in both prompts, its solution in neither."""

import pytest
from transformers import PreTrainedTokenizerBase

from interlat.agents.conversation import Conversation
from interlat.agents.prompts import prompt
from interlat.agents.sender import request_text
from interlat.data.reasoning import Arithmetic
from interlat.models import train_tokenizer
from interlat.models.chat import ChatFormat

PROBLEM = Arithmetic().games("train", 1)[0]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer([prompt("planner_request"), prompt("actor_solve"), PROBLEM.question, PROBLEM.solution], 512)


def test_a_planner_is_asked_for_a_plan_without_the_answer(tokenizer: PreTrainedTokenizerBase):
    chat = ChatFormat.of(tokenizer)
    asked = request_text(chat, PROBLEM.question, None, "problem")
    assert asked.startswith(chat.opening)
    assert asked.endswith(PROBLEM.question + chat.user_end)
    assert "do not say its final answer" in asked
    assert PROBLEM.solution not in asked
    # Senders of games are asked what they were asked before there were planners: their stores stay valid.
    assert request_text(chat, "opening", "a house") == request_text(chat, "opening", "a house", "house")
    assert prompt("sender_request") in request_text(chat, "opening", None)


def test_a_solver_answers_with_the_whole_solution(tokenizer: PreTrainedTokenizerBase):
    talk = Conversation(tokenizer, "solve")
    head = tokenizer.decode(talk.head(PROBLEM.question))
    assert "\\boxed{}" in head
    assert PROBLEM.question in head
    tail = talk.tail(PROBLEM.record().guided)
    learned = [token for token, supervised in zip(tail.ids, tail.supervised, strict=True) if supervised]
    assert tokenizer.decode(learned[:-1]) == PROBLEM.solution
    assert learned[-1] == talk.end_id
    text = f"  {PROBLEM.solution}\nAction: go to desk 1\n"
    assert talk.action_of(text) == text.strip()  # nothing of an answer is cut: the grader reads all of it
