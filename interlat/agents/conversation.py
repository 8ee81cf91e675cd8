"""The actor's conversation as token ids: where the message goes and which tokens carry labels.

One place for training and rollouts, so that what is read at test time is what was trained on.
Knows nothing of models, messages' content or environments.

    head    opening · instruction, task, lead-in                         (the message follows, inside the user turn)
    answer  end of user turn · [Thought, Action · end of turn]           bracketed tokens are supervised
    then    next user turn · observation · end of user turn · [Thought, Action · end of turn] …
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

from interlat.agents.prompts import prompt
from interlat.models.chat import ChatFormat, encode

ActionForm = Literal["action", "react", "solve"]


@dataclass(frozen=True)
class Tokens:
    """Token ids and, for each, whether it carries a label."""

    ids: list[int]
    supervised: list[bool]


class Conversation:
    """Tokenises the actor's side of an episode.

    Args:
        tokenizer: the actor's, with a chat template.
        form: ``action`` answers with the command alone; ``react`` with a thought and the command; ``solve`` with a worked solution.
        system: content of a system turn; None leaves it to the template.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, form: ActionForm = "action", system: str | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.form = form
        self.chat = ChatFormat.of(tokenizer, system)
        self.end_id = encode(tokenizer, self.chat.assistant_end)[0]
        self._user_end = encode(tokenizer, self.chat.user_end)

    def head(self, opening: str) -> list[int]:
        """Everything before the message: instruction, the first observation with the task, and the lead-in."""
        user = f"{prompt(f'actor_{self.form}')}\n\n{opening}\n\n{prompt('lead_in')}\n"
        return encode(self.tokenizer, self.chat.opening + user)

    def ask(self) -> list[int]:
        """What follows the message: the end of the user turn, up to where the actor's answer begins."""
        return list(self._user_end)

    def observe(self, observation: str) -> list[int]:
        """A new user turn with an observation, up to where the actor's answer begins."""
        text = f"Observation: {observation}" if self.form == "react" else observation
        return encode(self.tokenizer, self.chat.next_user + text) + self._user_end

    def answer(self, thought: str, action: str) -> list[int]:
        """The actor's answer with its end mark."""
        text = f"Thought: {thought}\nAction: {action}" if self.form == "react" else action
        return [*encode(self.tokenizer, text), self.end_id]

    def tail(self, turns: Sequence[tuple[str, str, str]]) -> Tokens:
        """Everything after the message, for training: (thought, action, observation after it) turns.

        The observation after the last action is left out: nothing follows it.
        """
        ids, supervised = self.ask(), [False] * len(self._user_end)
        for number, (thought, action, observation) in enumerate(turns):
            answer = self.answer(thought, action)
            ids += answer
            supervised += [True] * len(answer)
            if number + 1 < len(turns):
                seen = self.observe(observation)
                ids += seen
                supervised += [False] * len(seen)
        return Tokens(ids, supervised)

    def action_of(self, text: str) -> str:
        """The command in an answer; empty if a ReAct answer has no ``Action:`` line. A solution is all of the answer."""
        if self.form != "react":
            return text.strip()
        _, found, after = text.partition("Action:")
        return after.strip().split("\n")[0].strip() if found else ""
