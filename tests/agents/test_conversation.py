"""A conversation by hand: every word of it, which tokens carry labels, and that playing reads what training read."""

from typing import Any

import pytest
from foreign_models import DEFAULT_SYSTEM, TEXTS, foreign_tokenizer

from interlat.agents.conversation import Conversation
from interlat.agents.prompts import prompt
from interlat.models import train_tokenizer

OPENING = "You are in a room.\n\nYour task is to: find a mug."
TURNS = [
    ("I look in the drawer.", "go to drawer 2", "On the drawer 2, you see a mug 1."),
    ("There it is.", "take mug 1 from drawer 2", "You pick up the mug 1."),
]
ASK = "<|im_end|>\n<|im_start|>assistant\n"
HEADS = {
    "action": (
        f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n<|im_start|>user\n"
        f"You act in a house. Answer each observation with one action.\n\n{OPENING}\n\n"
        "Here is a step-by-step plan for the task:\n"
    ),
    "react": (
        f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n<|im_start|>user\n"
        f"{prompt('actor_react')}\n\n{OPENING}\n\nHere is a step-by-step plan for the task:\n"
    ),
}
TAILS = {
    "action": (
        f"{ASK}go to drawer 2<|im_end|>\n<|im_start|>user\nOn the drawer 2, you see a mug 1.{ASK}"
        "take mug 1 from drawer 2<|im_end|>"
    ),
    "react": (
        f"{ASK}Thought: I look in the drawer.\nAction: go to drawer 2<|im_end|>\n<|im_start|>user\n"
        f"Observation: On the drawer 2, you see a mug 1.{ASK}"
        "Thought: There it is.\nAction: take mug 1 from drawer 2<|im_end|>"
    ),
}
LABELS = {
    "action": "go to drawer 2<|im_end|>take mug 1 from drawer 2<|im_end|>",
    "react": (
        "Thought: I look in the drawer.\nAction: go to drawer 2<|im_end|>"
        "Thought: There it is.\nAction: take mug 1 from drawer 2<|im_end|>"
    ),
}

forms = pytest.mark.parametrize("form", ["action", "react"])


@forms
def test_every_word_by_hand(form: Any):
    talk = Conversation(foreign_tokenizer(), form)
    assert talk.tokenizer.decode(talk.head(OPENING)) == HEADS[form]
    assert talk.tokenizer.decode(talk.tail(TURNS).ids) == TAILS[form]


@forms
def test_labels_are_on_the_answers_with_their_end_marks(form: Any):
    """This tokenizer's end mark is its pad: labels taken from what is no pad would never teach it to end."""
    talk = Conversation(foreign_tokenizer(), form)
    tail = talk.tail(TURNS)
    assert len(tail.ids) == len(tail.supervised)
    labelled = [token for token, keep in zip(tail.ids, tail.supervised, strict=True) if keep]
    assert talk.tokenizer.decode(labelled) == LABELS[form]
    assert labelled.count(talk.tokenizer.pad_token_id) == 2


@forms
def test_playing_reads_what_training_read(form: Any):
    talk = Conversation(foreign_tokenizer(), form)
    (thought, action, seen), (later_thought, later_action, _) = TURNS
    played = [
        *talk.ask(),
        *talk.answer(thought, action),
        *talk.observe(seen),
        *talk.answer(later_thought, later_action),
    ]
    assert played == talk.tail(TURNS).ids


@forms
@pytest.mark.parametrize("tokenizer", [foreign_tokenizer(), train_tokenizer(TEXTS, 300)])
def test_pieces_have_the_tokens_of_the_whole(tokenizer: Any, form: Any):
    """No token reaches over the border of two pieces, so a model that writes freely begins as it was taught."""
    talk = Conversation(tokenizer, form)
    ids = talk.head(OPENING) + talk.tail(TURNS).ids
    assert tokenizer(tokenizer.decode(ids), add_special_tokens=False)["input_ids"] == ids


def test_only_the_opening_has_a_system_turn():
    own = Conversation(foreign_tokenizer(), system="Be brief.")
    text = own.tokenizer.decode(own.head(OPENING) + own.tail(TURNS).ids)
    assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nYou act in a house.")
    assert text.count("system") == 1
    assert DEFAULT_SYSTEM not in text


def test_what_follows_the_last_action_is_left_out():
    talk = Conversation(foreign_tokenizer())
    assert "pick up" not in talk.tokenizer.decode(talk.tail(TURNS).ids)
    assert talk.tail(TURNS).ids[-1] == talk.end_id == talk.tokenizer.eos_token_id


def test_without_turns_there_is_nothing_to_learn():
    talk = Conversation(foreign_tokenizer())
    assert talk.tail([]).ids == talk.ask()
    assert not any(talk.tail([]).supervised)


def test_a_conversation_can_be_tokenised_again():
    """Lists grow while a tail is put together; none of them may be the conversation's own."""
    talk = Conversation(foreign_tokenizer())
    first = talk.tail(TURNS)
    talk.ask().append(99)
    assert talk.tail(TURNS) == first
    assert talk.tokenizer.decode(talk.ask()) == ASK


@pytest.mark.parametrize(
    ("form", "text", "action"),
    [
        ("action", " go to desk 1\n", "go to desk 1"),
        ("action", "Action: look", "Action: look"),
        ("action", "", ""),
        ("react", "Thought: I see.\nAction: go to desk 1", "go to desk 1"),
        ("react", "Thought: I see.\nAction: go to desk 1 \nObservation: made up", "go to desk 1"),
        ("react", "Action:look\nAction: wait", "look"),
        ("react", "Thought: I think and think", ""),
        ("react", "go to desk 1", ""),
        ("react", "Action:", ""),
    ],
)
def test_the_action_of_an_answer(form: Any, text: str, action: str):
    assert Conversation(foreign_tokenizer(), form).action_of(text) == action


@forms
def test_the_action_of_what_it_teaches_is_the_action(form: Any):
    talk = Conversation(foreign_tokenizer(), form)
    for thought, action, _ in TURNS:
        written = talk.tokenizer.decode(talk.answer(thought, action), skip_special_tokens=True)
        assert talk.action_of(written) == action
