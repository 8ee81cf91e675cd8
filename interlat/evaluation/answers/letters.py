r"""Which option a text chooses: ``\boxed{C}``, "The answer is (B).", "B) because ...", "Answer: d", or an option's own words.

The first of these places that names an option decides:

1. the last box;
2. the last statement of an answer: "the answer is ...", "Answer: ...", "#### ...", "I choose ...", "... is the correct option";
3. a label at the very beginning, set off by a bracket, a stop, a colon, the line's end, or a word like "because", unless the text
   begins by listing the options;
4. a label alone, as the last line or the last sentence;
5. an option's own words, as the whole text or the whole last line.

A place that names several options ("A or B"), or one that there is not ("E" of four), ends the search: the text gives no answer. A label
is a word of its own. "A" before another word is an article ("the answer is a dog") unless a word like "because" follows. Where label and
words disagree ("B. <words of C>"), the label counts; where labels are numbers, so does "3". What was written up to ``</think>`` is left
out. Knows no benchmark.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from interlat.data.reasoning.answers import Choice
from interlat.evaluation.answers.extraction import boxed_answer

END = 4000  # characters at the end of a text, in which statements are looked for
SAID = 500  # characters of a statement that are read
_FRAME = re.compile(r"\\(?:text(?:bf|it|rm|sf)?|math(?:rm|bf))\s*(?=\{)|\\[()\[\]]|[{}$*`\"“”]|</?answer>|__")
_FILLERS = "so|thus|hence|therefore|most likely|probably|clearly|definitely|indeed|simply|actually|both|either|the|my|final|correct"
_LEAD = re.compile(
    rf"(?:(?:{_FILLERS})\b[\s,:]*)*(?:(?:answer|option|choice|letter|number)(?![a-z])[\s:#]*(?:is\b[\s:]*)?)?",
    re.IGNORECASE,
)
_ON = r"(?:because|since|as|which|due|and|so|not|but|[-–—])(?!\w)"
_TO = r"(?:\s+(?:to|for|of)\s[^\n.:=]{0,80}?)?"
_SUBJECT = r"(?:answers?|options?|choices?|solution)(?:\s+(?:here|choice|option|letter|number))?"
_STATED = re.compile(
    rf"(?:\b{_SUBJECT}{_TO}[\"'*_`]*\s*(?:\b(?:is|are|would be|must be|should be)\b|[:=]|[-–—]\s)|\#{{4}}|<answer>)"
    rf"[\s:=*_]*(?=(?P<said>[^\n]{{0,{SAID}}}))",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\b(?:options|choices)\s*(?:are\s*)?[:=]", re.IGNORECASE)
_CHOICE_VERBS = "choose|chose|pick|select|go with|going with|it's|it is|must be"
_CHOSEN = rf"\b(?:{_CHOICE_VERBS}|answer|option|choice)\s+(?:the\s+)?(?:answer\s+|option\s+|choice\s+)?"
_RIGHT = r"\s+is\s+(?:therefore\s+|thus\s+|clearly\s+)?(?:the\s+)?(?:most\s+|only\s+)?(?:correct|right|best|accurate)\b"
_ARTICLES = ("A", "I", "a", "i")


@dataclass(frozen=True)
class _Named:
    """What a place names: one option, or, as None, several or one that there is not."""

    label: str | None


def chosen(text: str, choice: Choice) -> str | None:
    """The label of the option that a text chooses; None if it chooses none, or several.

    Args:
        text: whatever a solver wrote.
        choice: the options. Which is the right one plays no part.
    """
    text = text.rpartition("</think>")[2].strip()
    found = next((named for named in _places(text, _Reader(choice)) if named is not None), None)
    return None if found is None else found.label


def _places(text: str, reader: "_Reader") -> Iterator[_Named | None]:
    box = boxed_answer(text)
    if box is not None:
        yield reader.read(box)
    yield from reader.statements(text[-END:])
    lines = [line for line in text.splitlines() if line.strip()]
    if lines:
        if not reader.lists_options(lines):
            yield reader.read(lines[0], set_off=True, words=False)
        yield reader.read(re.split(r"(?<=[.!?])\s+", lines[-1].strip())[-1], alone=True, words=False)
        yield reader.words(text)
        yield reader.words(lines[-1])


class _Reader:
    """Reads labels and words of one question's options."""

    def __init__(self, choice: Choice) -> None:
        # Words are known only where the problem tells them beside the question's text.
        options = list(zip(choice.labels, choice.options, strict=False))
        self._spelt = [{label: spelling(option) for label, option in options} for spelling in (_spelt, _words)]
        self._labels = {label.casefold(): label for label in choice.labels}
        one = r"\d{1,2}" if choice.label.isdigit() else "[A-Za-z]"
        self._begins = re.compile(rf"[(\[]?\s*(?P<label>{one})(?:\s*(?P<closed>[)\]]))?(?![\w'’])(?!-\w|[.,]\d)")
        self._another = re.compile(
            rf"(?:\s*(?:,|;|/|&|\bor\b|\band\b))+\s*(?:(?:option|choice)\s+)?[(\[]?(?P<label>{one})[)\]]?\s*"
            rf"(?=[).,;:!?/&]|$|\bor\b|\band\b)"
        )
        set_off = r"(?=\s*(?:[.!,;)\]]|$|\n|because\b|since\b))"
        capital = r"\d{1,2}" if choice.label.isdigit() else "[A-Z]"
        self._chosen = re.compile(rf"(?i:{_CHOSEN})(?P<said>[(\[]?{capital}[)\]]?){set_off}", re.MULTILINE)
        self._right = re.compile(rf"(?<![\w'’-])(?P<said>[(\[]?{capital}[)\]]?)(?:[.:)][^\n.]{{0,200}}?)?{_RIGHT}")

    def statements(self, text: str) -> Iterator[_Named | None]:
        """What is said to be the answer, the last first."""
        found = [(match.start("said"), match["said"]) for match in self._right.finditer(text)]
        found += [(match.start("said"), match["said"]) for match in self._chosen.finditer(text)]
        found += [
            (match.start("said"), match["said"]) for match in _STATED.finditer(text) if not _LISTED.match(match[0])
        ]
        yield from (self.read(said) for _, said in sorted(found, reverse=True))

    def lists_options(self, lines: list[str]) -> bool:
        """Whether several lines begin with different labels."""
        begun = {self._begins.match(_plain(line)) for line in lines} - {None}
        return len({match["label"] for match in begun if match is not None}) > 1

    def read(self, said: str, set_off: bool = False, alone: bool = False, words: bool = True) -> _Named | None:
        """What a place names; None if nothing.

        Args:
            said: what stands there, and what follows it.
            set_off: a label counts only if it does not run on into a sentence.
            alone: a label counts only if nothing follows it.
            words: whether an option's words count as well.
        """
        said = _plain(said)
        said = said[_LEAD.match(said).end() :] or said  # type: ignore[union-attr]  # matches the empty text, too
        begins = self._begins.match(said)
        if begins is None:
            return self.words(said) if words else None
        rest = said[begins.end() :]
        label = self._labels.get(begins["label"].casefold())
        ends = not rest.strip(" .!)]")
        exact = self.words(said, whole=True)
        if exact is not None and not (ends and label):
            return exact
        if self._several(begins["label"], rest):
            return _Named(None)
        if ends or (not alone and self._is_set_off(begins, rest)):
            return _Named(label)
        if set_off or alone:
            return None
        if spelt := self.words(said):
            return spelt
        if begins["label"] in _ARTICLES or begins["label"].islower():
            spelt = self.words(rest)
            return spelt if spelt is not None and spelt.label == label else None
        return _Named(label)

    def words(self, said: str, whole: bool = False) -> _Named | None:
        """The option whose own words these are: all of them, or those up to a stop or a "because".

        Args:
            said: the words.
            whole: only all of them.
        """
        up_to = (said, re.split(r"[.;]\s", said)[0], re.split(r"[,;:]|\s(?:because|since)\b", said)[0])
        for piece in up_to[:1] if whole else up_to:
            for spelling, options in zip((_spelt, _words), self._spelt, strict=True):
                same = [label for label, option in options.items() if option == spelling(piece) != ""]
                if same:
                    return _Named(same[0] if len(same) == 1 else None)
        return None

    def _is_set_off(self, begins: re.Match[str], rest: str) -> bool:
        return bool(begins["closed"] or re.match(rf"\s*[.,:;!?)\]]|\s*{_ON}", rest))

    def _several(self, label: str, rest: str) -> bool:
        another = self._another.match(rest)
        return another is not None and another["label"].casefold() != label.casefold()


def _plain(text: str) -> str:
    """Without LaTeX, stars, quotes and blanks around it."""
    return _FRAME.sub(" ", text).strip().strip("_").strip()


def _spelt(text: str) -> str:
    return " ".join(_plain(text).split()).strip(" .,;:!?")


def _words(text: str) -> str:
    """Whether capital or small, and without an article before it."""
    return re.sub(r"^(?:the|an?) ", "", _spelt(text).casefold())
