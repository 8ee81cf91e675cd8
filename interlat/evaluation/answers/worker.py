"""The process in which math-verify runs: a line of JSON in, a line of JSON out. Started by ``mathematics``, and by nobody else.

A process of its own because math-verify stops itself by a signal, which works in a main thread only, and because no signal stops a
computation of a billion digits. Here a comparison may take so much processor time and memory, and then the process ends.
"""

import json
import os
import sys
from typing import Any, TextIO

MEMORY_BYTES = 4 * 2**30


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # a library that prints must not disturb the answers
    _limit_memory()
    from math_verify import parse, verify  # type: ignore[import-untyped,import-not-found,unused-ignore]

    _say(answers, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        _limit_time(request["seconds"])
        try:
            right, answer = (parse(f"\\boxed{{{request[name]}}}", parsing_timeout=None) for name in ("right", "answer"))
            same = bool(verify(right, answer, timeout_seconds=None))
        except (Exception, RecursionError, MemoryError):  # whatever a solver wrote: it is not the right answer
            same = False
        _limit_time(0)
        _say(answers, {"same": same})


def _say(answers: TextIO, what: dict[str, Any]) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where only the caller's patience limits a comparison
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    """End this process after so much more processor time; 0 lifts the limit. The kernel does it, in the midst of any computation."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
