"""``python -m tests.mutation [WORD ...]``: try the faults whose description holds all the words, and print a table.

Exit code 0 if every fault was noticed, 1 if one was not, 2 if no fault is so described.
"""

import os
import sys
import tempfile
from pathlib import Path

from .faults import FAULTS
from .trial import run


def main(words: list[str]) -> int:
    """Try the faults and print which test noticed which, and the seconds it took."""
    chosen = [fault for fault in FAULTS if all(word.lower() in fault.fault.lower() for word in words)]
    survived, seconds = 0, 0.0
    for fault in chosen:
        with tempfile.TemporaryDirectory() as folder:
            outcome = run(fault, [fault.test], Path(folder))
        survived += not outcome.killed
        seconds += outcome.seconds
        verdict = outcome.failed if outcome.killed else f"NOT NOTICED by {fault.test} (code {outcome.code})"
        print(f"{outcome.seconds:5.1f} s  {fault.fault}\n         {verdict}", flush=True)  # noqa: T201 - a command's output
        if not outcome.killed:
            print(outcome.output)  # noqa: T201
    print(f"{len(chosen) - survived} of {len(chosen)} faults noticed, in {seconds:.0f} s of processor time")  # noqa: T201
    return 2 if not chosen else int(survived > 0)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # as for all tests; read when the heavy packages are imported
    sys.exit(main(sys.argv[1:]))
