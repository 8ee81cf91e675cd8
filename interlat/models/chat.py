"""Split a tokenizer's chat template into the pieces between contents; knows nothing of prompts or messages.

A conversation is then tokenised piece by piece, so that the place where a message goes and the tokens that carry
labels are known exactly, for every template, without searching for token ids.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from interlat.errors import InvalidSetting

_MARK = "\x02PART{}\x02"  # templates that trim contents would cut \x1c to \x1f, which Python counts as blanks


@dataclass(frozen=True)
class ChatFormat:
    """The text a chat template puts around user and assistant contents.

    ``opening`` user ``user_end`` assistant ``assistant_end`` ``next_user`` user ``user_end`` assistant …

    Args:
        opening: before the first user content (may hold a system turn and a BOS).
        user_end: between a user content and the assistant content that answers it.
        assistant_end: what the assistant itself emits to end its turn: one special token.
        next_user: between the assistant's end mark and the next user content.
    """

    opening: str
    user_end: str
    assistant_end: str
    next_user: str

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, system: str | None = None) -> "ChatFormat":
        """Read the format off a tokenizer's chat template.

        Raises:
            InvalidSetting: if the tokenizer has no template or one that rewrites contents.
        """
        if not tokenizer.chat_template:
            raise InvalidSetting(
                "wanted a tokenizer with a chat template, got one without; use an instruction-tuned model's tokenizer, "
                "or set tokenizer.chat_template before training"
            )
        marks = [_MARK.format(i) for i in range(4)]
        roles = ["user", "assistant", "user", "assistant"]
        turns = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
        pieces: list[str] = []
        for mark in marks:
            before, found, text = text.partition(mark)
            if not found:
                raise InvalidSetting(
                    "the tokenizer's chat template drops or rewrites turn contents; wanted one that keeps them as they are"
                )
            pieces.append(before)
        end = _end_mark(tokenizer, pieces[2])
        return cls(pieces[0], pieces[1], end, pieces[2][len(end) :])


def _end_mark(tokenizer: PreTrainedTokenizerBase, between: str) -> str:
    """The leading special token of what stands between an assistant content and the next user content."""
    specials = {str(token) for token in tokenizer.added_tokens_decoder.values()} | {str(tokenizer.eos_token)}
    starting = [token for token in specials if token and between.startswith(token)]
    if not starting:
        raise InvalidSetting(
            f"the chat template must end an assistant turn with a special token, got {between!r}; "
            "without one a receiver could never learn where an action ends"
        )
    return max(starting, key=len)


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a piece of a conversation, with nothing added (templates bring their own BOS)."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
