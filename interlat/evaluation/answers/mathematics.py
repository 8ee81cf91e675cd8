r"""Whether two answers are the same mathematics: ``\frac{1}{2}`` and ``0.5``, ``(x-1)(x+1)`` and ``x^2-1``, ``\{1,2\}`` and ``2,1``.

What is the same letter for letter, or two plain integers, is settled here; all else by math-verify in a process of its own.
From any thread, and whatever the text: a comparison that takes too long, too much memory or ends the process is "not the same".
"""

import atexit
import contextlib
import importlib.util
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
from functools import cache

from interlat.errors import InterlatError

PROCESSOR_SECONDS = 5.0  # of one comparison; right answers take hundredths
PATIENCE = 120.0  # seconds of wall time: on a busy machine, processor seconds take long
_log = logging.getLogger(__name__)

_SPACES = re.compile(r"(?<!\\)\\[,;:! ]|~|\\q?quad(?![a-zA-Z])")
_NAMES = {
    "dfrac": "frac",
    "tfrac": "frac",
    "varnothing": "emptyset",
    "textbf": "text",
    "textit": "text",
    "mbox": "text",
}
_NAME = re.compile(rf"\\({'|'.join(_NAMES)})(?![a-zA-Z])")
_THOUSANDS = re.compile(r"(?<!\d)(\d{1,3})((?:(?:\{,\}|\\,| )\d{3})+)(?!\d)")
_REPEATING = re.compile(r"(?<![\d.])(\d*)\.(\d*)\\overline\{(\d+)\}")
_INTEGER = re.compile(r"-?\d{1,18}")


class GraderNotFound(InterlatError, ImportError):  # noqa: N818  # named after what is wrong, as all errors here
    """Raised when answers are to be compared as mathematics and math-verify is not installed."""


def same_mathematics(answer: str, right: str) -> bool:
    """Whether an answer is the right one in another notation.

    Not symmetric: of an interval or an equation the right answer decides how the other is read. Decimals count as equal where
    they agree to six places.

    Raises:
        GraderNotFound: if math-verify is not installed.
    """
    answer, right = plain_notation(answer), plain_notation(right)
    if not answer:
        return False
    if _letters(answer) == _letters(right):
        return True
    if _INTEGER.fullmatch(answer) and _INTEGER.fullmatch(right):
        return int(answer) == int(right)
    return _worker().same(answer, right)


def plain_notation(answer: str) -> str:
    r"""The answer with what math-verify trips over rewritten: spacing, thousands, ``0.\overline{3}``, ``2i``, dollars, a last full stop."""
    text = answer.strip().removesuffix(".").strip()
    for mark in ("$", "\\(", "\\)", "\\[", "\\]"):
        text = text.replace("\\$", "").replace(mark, "") if mark == "$" else text.replace(mark, "")
    text = _THOUSANDS.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)
    text = _SPACES.sub(" ", text)
    text = _NAME.sub(lambda found: f"\\{_NAMES[found[1]]}", text)
    text = _REPEATING.sub(_as_fraction, text)
    text = re.sub(r"(?<=\d)i(?![a-zA-Z])", " i", text)
    return text.strip().removesuffix(".").strip()


def require_math_verify() -> None:
    """Raise ``GraderNotFound`` unless math-verify is installed: sooner than after an hour of solving."""
    if importlib.util.find_spec("math_verify") is None:
        raise GraderNotFound(
            "answers of this benchmark are compared with math-verify, which is not installed; run: pip install 'interlat[reasoning]'"
        )


def _letters(text: str) -> str:
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text)
    return re.sub(r"\\(?:left|right)(?![a-zA-Z])|(?<!\d)\s+|\s+(?!\d)", "", text)  # a blank between two digits stays


def _as_fraction(found: re.Match[str]) -> str:
    r"""``0.1\overline{6}`` is (16 - 1) / 90."""
    whole, fixed, repeated = found.groups()
    over = int(f"{whole or 0}{fixed}{repeated}") - int(f"{whole or 0}{fixed}")
    return f"\\frac{{{over}}}{{{'9' * len(repeated)}{'0' * len(fixed)}}}"


@cache
def _worker() -> "_Worker":
    require_math_verify()
    return _Worker()


class _Worker:
    """The process that runs math-verify; started when it is needed, and again after it ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None
        self.owner = 0
        self.lines: queue.Queue[str] = queue.Queue()
        atexit.register(self.stop)

    def same(self, answer: str, right: str) -> bool:
        with self.lock:
            if self.process is None or self.owner != os.getpid():  # a fork must not share its parent's worker
                self._start()
            process = self.process
            assert process is not None
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps({"right": right, "answer": answer, "seconds": PROCESSOR_SECONDS}) + "\n")
                process.stdin.flush()
                reply = self.lines.get(timeout=PATIENCE)
            except (OSError, queue.Empty):
                reply = ""
            if not reply:
                _log.warning("an answer could not be compared within its limits and counts as wrong: %.80r", answer)
                self.stop()
                return False
            return bool(json.loads(reply)["same"])

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is None or self.owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # closing writes what is left to write, and nobody reads
                    pipe.close()

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "interlat.evaluation.answers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self.owner, self.lines = os.getpid(), queue.Queue()
        threading.Thread(target=_pass_on, args=(self.process, self.lines), daemon=True).start()
        try:
            ready = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            ready = ""
        if not ready:
            self.stop()
            raise GraderNotFound(
                "math-verify is installed but could not be started; run: python -c 'import math_verify'"
            )


def _pass_on(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    except ValueError:  # closed while it was read
        pass
    lines.put("")
