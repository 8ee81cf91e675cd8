r"""Numbers as people and LaTeX write them: ``1,234``, ``\$12.50``, ``42.0``, ``-\frac{3}{4}``, ``18 apples``. Exact; knows no algebra."""

import re
from fractions import Fraction

_SPACES = re.compile(r"\\[ ,;:!]|~|\\q?quad\b|\{,\}")
_FRAME = re.compile(r"\\(?:left|right|displaystyle|text(?:bf|it|rm)?|math(?:rm|bf)|mbox)\b\s*|[{}]")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?\d+)\s*\}\s*\{\s*(-?\d+)\s*\}|(\d)\s*(\d))")
_NUMBER = re.compile(
    r"""(?P<sign>[-+−]?)\s*[$€£]?\s*(?P<inner>-?)
    (?:(?P<over>\d+)\s*/\s*(?P<under>\d+)
      |(?P<whole>\d{1,3}(?:[,\ ]\d{3})+|\d+)?(?:\.(?P<decimals>\d*))?)
    (?P<unit>\s*%|\s*(?:\^\s*circ|°)|\s*[$€£]|(?!e\d)[\s-]*[a-zA-Z][a-zA-Z\s./]*(?:\^?\s*[23²³])?)?\s*\.?""",
    re.VERBOSE | re.ASCII,
)


def as_number(text: str) -> Fraction | None:
    r"""The number that a text is, with its unit left out; None if it is anything else.

    Thousands may be set apart by commas or blanks, digits in any other grouping (``1,23``) are no number. Of an equation, the
    right-hand side counts: ``x = 5`` is 5. A percent sign is a unit: ``50\%`` is 50.
    """
    plain = _SPACES.sub(lambda found: "," if found.group() == "{,}" else "", text)
    plain = _FRACTION.sub(lambda found: f" {found[1] or found[3]}/{found[2] or found[4]}", plain)
    plain = _FRAME.sub(" ", plain.rpartition("=")[2]).replace("$", " ").replace("\\", "").strip()
    plain = re.sub(r"(?<=-)\s+(?=[\d.])", "", plain)
    mixed = re.fullmatch(r"(-?)\s*(\d+)\s+(\d+)/(\d+)", plain)
    if mixed:
        whole, over, under = (int(part) for part in mixed.groups()[1:])
        return None if under == 0 else (whole + Fraction(over, under)) * (-1 if mixed[1] else 1)
    plain = re.sub(r"/\s*-(\d+)", r"/\1", f"-{plain}") if re.fullmatch(r"\d+\s*/\s*-\d+", plain) else plain
    found = _NUMBER.fullmatch(plain)
    return None if found is None else _value(found)


def same_number(answer: str, right: str) -> bool:
    """Whether both are the same number; two texts that are not numbers are equal if they are letter for letter."""
    mine, wanted = as_number(answer), as_number(right)
    if wanted is None:
        return answer.strip().lower() == right.strip().lower()
    return mine == wanted


def same_text(answer: str, right: str) -> bool:
    """Whether both are the same words: capitals, blanks, quotes and a full stop at the end do not count.

    Plain numbers are compared as numbers.
    """
    if re.fullmatch(r"-?\d+(?:\.\d+)?", right.strip()):
        return same_number(answer, right)
    return _bare(answer) == _bare(right)


def _bare(text: str) -> str:
    plain = _FRAME.sub(" ", _SPACES.sub(" ", text)).casefold()
    return " ".join(plain.split()).strip(" '\"`.")


def _value(found: re.Match[str]) -> Fraction | None:
    negative = (found["sign"] in ("-", "−")) != bool(found["inner"])
    if found["over"] is not None:
        over, under = int(found["over"]), int(found["under"])
        value = None if under == 0 else Fraction(over, under)
    elif found["whole"] is None and not found["decimals"]:
        value = None
    else:
        digits = re.sub(r"\D", "", found["whole"] or "0")
        value = Fraction(f"{digits}.{found['decimals'] or '0'}")
    return None if value is None else -value if negative else value
