"""What runs in a worker process: slots that are told over standard input what to do and answer over standard output.

Knows nothing of the order of games. Messages are pickles: first the engine's name and the step limit, then pairs of
"begin" or "step" and what each slot is to do. Every answer is a mapping by slot, or the error that was raised.
"""

import contextlib
import os
import pickle
import signal
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

from alfworld_env.slots import Assigned, Slots, Start, failure


class PackedGame(NamedTuple):
    """A game on its way to a worker: pickled by itself, so that what fails to unpickle can be named."""

    number: int
    name: str
    pickled: bytes


def main() -> None:
    """Serve until standard input ends, which it does when the process that asks closes it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the asking process decides
    inbox, outbox = _private_pipes()
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        slots = Slots(*pickle.load(inbox))
        while True:
            pickle.dump(_answer(slots, *pickle.load(inbox)), outbox, pickle.HIGHEST_PROTOCOL)
            outbox.flush()
    with contextlib.suppress(OSError):
        outbox.close()  # tries once more to deliver what had no reader


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    # An engine that prints, in Python or below, would garble the answers: from here on it prints to standard error.
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return inbox, outbox


def _answer(slots: Slots, kind: str, share: Mapping[int, Any]) -> dict[int, Any] | Exception:
    try:
        return _begin(slots, share) if kind == "begin" else slots.step(share)
    except Exception as error:
        # Pickling loses the cause, so it goes along as text.
        error.add_note(f"In the worker process:\n{traceback.format_exc()}")
        return error


def _begin(slots: Slots, games: Mapping[int, PackedGame]) -> dict[int, Start]:
    starts: dict[int, Start] = {}
    for slot, packed in games.items():
        try:
            game = pickle.loads(packed.pickled)
        except Exception as error:
            raise failure(slot, packed.name, error) from error
        starts |= slots.begin({slot: Assigned(packed.number, game)})
    return starts
