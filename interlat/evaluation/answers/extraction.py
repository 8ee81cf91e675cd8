r"""What a text claims to be its answer: the last box, else what stands behind ``####`` or "the answer is". Compares nothing."""

import re

from interlat.data.reasoning.boxed import boxes, last_box

LONGEST_ANSWER = 1000  # characters; the longest right answer of MATH has a fifth of it
END = 2000  # characters at the end of a text, in which an answer without a box is looked for
# "\boxed{1} and \boxed{2}" is one answer of two parts; with any other words between them, the last box alone is the answer.
_JOINED = re.compile(r"[\s$]*(?:[,;]|,?\s*(?:and|or)|\\text\{\s*(?:and|or)\s*\})[\s$]*(?:[a-zA-Z]\s*=\s*)?")
_MARKED = re.compile(r"####[ \t]*(\S[^\n]*)")
_SAID = re.compile(
    r"\banswer(?: is)?[ :=]{0,3}(?: is)?[ :=]{0,3}(?P<said>(?!is\b)[^\s:=][^\n]*?)(?:\.?[ \t]{0,9}$|\.[ \t]+(?=[A-Z]))",
    re.IGNORECASE | re.MULTILINE,
)
_WRAPPED = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"))


def final_answer(text: str) -> str | None:
    r"""The answer that a text ends with; None if it gives none.

    An answer that was cut off in the middle of its box, or is longer than ``LONGEST_ANSWER``, is none.

    Args:
        text: whatever a solver wrote.
    """
    found = boxed_answer(text)
    if found is None:
        end = text[-END:]
        behind = _MARKED.findall(end) or _SAID.findall(end)
        found = _unwrapped(behind[-1]) if behind else None
    return found if found and len(found) <= LONGEST_ANSWER else None


def boxed_answer(text: str) -> str | None:
    """What is in the last box, or in the last ones if they are joined; None without a box."""
    found = boxes(text)
    if not found:
        return None
    parts = [found[-1]]
    for box in reversed(found[:-1]):
        if not _JOINED.fullmatch(text, box.end, parts[0].start):
            break
        parts.insert(0, box)
    return ", ".join(last_box(part.content) or part.content for part in parts)


def _unwrapped(answer: str) -> str:
    """Without the dollars or stars around it, and without the full stop behind it."""
    answer = answer.strip().removesuffix(".").strip()
    for before, after in _WRAPPED:
        if answer.startswith(before) and answer.endswith(after) and len(answer) > len(before) + len(after):
            answer = answer[len(before) : -len(after)].strip()
    return answer.removesuffix(".").strip()
