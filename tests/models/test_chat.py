"""A chat format's pieces, put together, are what the template writes, and nothing is added when they are tokenised."""

import pytest
from foreign_models import DEFAULT_SYSTEM, foreign_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from interlat.errors import InvalidSetting
from interlat.models import train_tokenizer
from interlat.models.chat import ChatFormat, encode
from interlat.models.load import resolve
from interlat.models.tiny import CHAT_TEMPLATE

USER_END = "<|im_end|>\n<|im_start|>assistant\n"
GEMMA = (
    "{{ '<bos>' }}{% for m in messages %}{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' "
    "+ m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
)


def test_chatml_by_hand():
    chat = ChatFormat.of(train_tokenizer(["a"], 270))
    assert chat == ChatFormat("<|im_start|>user\n", USER_END, "<|im_end|>", "\n<|im_start|>user\n")


def test_a_default_system_turn_opens_once_and_is_replaced_by_ones_own():
    """It comes with the first turn alone: repeated at each observation it would be another conversation."""
    default = ChatFormat.of(foreign_tokenizer())
    assert default.opening == f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n<|im_start|>user\n"
    own = ChatFormat.of(foreign_tokenizer(), system="Be brief.")
    assert own.opening == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"
    assert default.next_user == own.next_user == "\n<|im_start|>user\n"
    assert default.user_end == own.user_end == USER_END


def test_another_family_by_hand():
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens(["<start_of_turn>", "<end_of_turn>"], special_tokens=True)
    tokenizer.chat_template = GEMMA
    user_end = "<end_of_turn>\n<start_of_turn>model\n"
    wanted = ("<bos><start_of_turn>user\n", user_end, "<end_of_turn>", "\n<start_of_turn>user\n")
    assert ChatFormat.of(tokenizer) == ChatFormat(*wanted)


def test_the_longest_mark_ends_a_turn():
    """One special token may begin with another's text."""
    tokenizer = foreign_tokenizer()
    tokenizer.add_tokens(["<|im_end|>\n"], special_tokens=True)
    chat = ChatFormat.of(tokenizer)
    assert (chat.assistant_end, chat.next_user) == ("<|im_end|>\n", "<|im_start|>user\n")


@given(
    contents=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="<|>"), max_size=12), min_size=4, max_size=4
    )
)
def test_pieces_make_what_the_template_writes(contents: list[str]):
    tokenizer = foreign_tokenizer()
    chat = ChatFormat.of(tokenizer)
    roles = ["user", "assistant", "user", "assistant"]
    turns = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]
    ask, answer, again, answer_again = contents
    first = f"{chat.opening}{ask}{chat.user_end}"
    pieces = (
        f"{first}{answer}{chat.assistant_end}{chat.next_user}{again}{chat.user_end}{answer_again}{chat.assistant_end}"
    )
    assert tokenizer.apply_chat_template(turns, tokenize=False) == pieces + "\n"
    assert tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True) == first


def test_encoding_adds_and_cuts_nothing():
    """This tokenizer adds a BOS by default, and its model is said to hold 16 tokens."""
    tokenizer = foreign_tokenizer()
    assert tokenizer("go to drawer 2")["input_ids"][0] == tokenizer.bos_token_id
    ids = encode(tokenizer, "go to drawer 2 " * 10)
    assert tokenizer.bos_token_id not in ids
    assert tokenizer.decode(ids) == "go to drawer 2 " * 10
    assert len(ids) > 16
    assert encode(tokenizer, "") == []


def test_turn_marks_are_one_token():
    tokenizer = foreign_tokenizer()
    assert encode(tokenizer, ChatFormat.of(tokenizer).assistant_end) == [tokenizer.eos_token_id]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "wanted a tokenizer with a chat template, got one without; use an instruction-tuned model's tokenizer"),
        (CHAT_TEMPLATE.replace("message['content']", "message['content'][:3]"), "drops or rewrites turn contents"),
        (CHAT_TEMPLATE.replace("'<|im_end|>'", "'.'"), r"must end an assistant turn with a special token, got '\.\\n<"),
    ],
)
def test_templates_that_cannot_be_split_are_refused(template: str | None, message: str):
    tokenizer = foreign_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(InvalidSetting, match=message):
        ChatFormat.of(tokenizer)


@pytest.mark.smollm2
def test_smollm2s_conversation_has_the_tokens_of_its_template():
    tokenizer = AutoTokenizer.from_pretrained(resolve("smollm2-135m-instruct"))
    chat = ChatFormat.of(tokenizer)
    texts = [chat.opening + "Where is cabinet 27?", chat.user_end, "go to drawer 2", chat.assistant_end]
    texts += [chat.next_user + "You see nothing.", chat.user_end]
    turns = [("user", "Where is cabinet 27?"), ("assistant", "go to drawer 2"), ("user", "You see nothing.")]
    whole = tokenizer.apply_chat_template(
        [{"role": role, "content": text} for role, text in turns], add_generation_prompt=True, return_dict=False
    )
    assert [token for text in texts for token in encode(tokenizer, text)] == whole
    assert "SmolLM" in chat.opening
    assert encode(tokenizer, chat.assistant_end) == [tokenizer.eos_token_id] == [tokenizer.pad_token_id]
