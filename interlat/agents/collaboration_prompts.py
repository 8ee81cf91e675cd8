"""What an agent of a collaboration reads, as text; knows no tokenizer, no model and no benchmark."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.prompts import prompt
from interlat.errors import InvalidSetting

_SLOT = re.compile(r"\{(question|heard|answer)\}")


@dataclass(frozen=True)
class Question:
    """One task for a collaboration.

    Args:
        text: the question.
        answer: how the answer is to be given: ``number``, ``expression``, ``choice`` or ``code``, or a sentence of your own.
        shown: what agents see in place of ``text``, by their name, where what there is to know is split between them.
    """

    text: str
    answer: str = "number"
    shown: Mapping[str, str] = field(default_factory=dict)


def agent_text(agent: Collaborator, question: Question, heard: Mapping[str, str]) -> str:
    """An agent's user turn; the same for every method but for the words of others.

    Args:
        agent: who reads.
        question: the task.
        heard: what others wrote, by their name, in order; empty where no words travel.

    Raises:
        InvalidSetting: if the role is neither a prompt of the library nor a text file.
    """
    words = "\n\n".join(f"{name}:\n{text.strip()}" for name, text in heard.items() if text.strip())
    filled = {
        "question": question.shown.get(agent.name, question.text),
        "heard": f"{prompt('latentmas/heard')}\n\n{words}" if words else "",
        "answer": answer_request(question.answer),
    }
    # In one pass, so that braces of a question are left alone; a paragraph that comes out empty is left out.
    parts = [_SLOT.sub(lambda slot: filled[slot[1]], part) for part in role_text(agent).split("\n\n")]
    return "\n\n".join(part for part in parts if part.strip())


def answer_request(answer: str) -> str:
    """The sentence that says how the answer is to be given: by kind, or your own sentence as it is."""
    return prompt(f"latentmas/answer_{answer}") if answer in ("number", "expression", "choice", "code") else answer


def role_text(agent: Collaborator) -> str:
    """What an agent is asked, slots not yet filled in.

    Raises:
        InvalidSetting: if the role is neither a prompt of the library nor a text file.
    """
    try:
        if agent.role.endswith(".txt"):
            return Path(agent.role).read_text(encoding="utf-8").strip()
        return prompt(agent.role)
    except OSError as error:
        raise InvalidSetting(
            f"no role is called {agent.role!r} (agent '{agent.name}'): {error}; take one of the library, such as "
            "latentmas/planner, or write your own into a file that ends in .txt and give its path"
        ) from error
