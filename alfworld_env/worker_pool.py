"""Slots divided over worker processes; knows neither the order of games nor how a game is played.

A worker is a fresh interpreter that imports this package alone, so it is safe beside threads, needs no
`if __name__ == "__main__"` in the caller's script and does not load what that script imports.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import IO, Any, Never

from alfworld_env.env import EngineName
from alfworld_env.slots import Assigned, Outcome, SlotFailed, Start
from alfworld_env.worker import PackedGame

_BOOT = "import sys; sys.path[:] = {path!r}; from alfworld_env.worker import main; main()"
_GRACE = 2.0  # seconds the workers have to end by themselves
_Worker = subprocess.Popen[bytes]


class WorkerPool:
    """Slots in worker processes, with the calls of `Slots`. One message goes each way a call and worker concerned.

    Args:
        num_processes: How many workers.
        num_slots: How many slots; each worker gets a run of neighbours, as many as the others or one more.
        engine: As for `AlfworldEnv`.
        max_steps: As for `AlfworldEnv`.
    """

    def __init__(self, num_processes: int, num_slots: int, engine: EngineName, max_steps: int) -> None:
        self._worker_of = [slot * num_processes // num_slots for slot in range(num_slots)]
        self._games: dict[int, str] = {}  # slot: what to call the game it plays
        self._workers: list[_Worker] = []
        # Also runs when the pool is dropped and when the interpreter ends.
        self._stop = weakref.finalize(self, _stop, self._workers, os.getpid())
        boot = [sys.executable, "-c", _BOOT.format(path=sys.path)]
        for _ in range(num_processes):
            self._workers.append(subprocess.Popen(boot, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        for number in range(num_processes):
            self._send(number, (engine, max_steps))

    @property
    def process_ids(self) -> list[int]:
        """The ids of the workers, in the order of their slots; empty once closed."""
        return [worker.pid for worker in self._workers] if self._stop.alive else []

    def begin(self, games: Mapping[int, Assigned]) -> dict[int, Start]:
        """Begin a game in each of these slots.

        Raises:
            AlfworldEnvError: As `Slots.begin`; or SlotFailed if a worker died or a game does not pickle.
        """
        packed = {slot: _pack(slot, assigned) for slot, assigned in games.items()}
        self._games |= {slot: game.name for slot, game in packed.items()}
        return self._exchange("begin", packed)

    def step(self, commands: Mapping[int, str]) -> dict[int, Outcome]:
        """Carry out a command in each of these slots.

        Raises:
            SlotFailed: As `Slots.step`, or a worker died.
        """
        return self._exchange("step", commands)

    def close(self) -> None:
        """End the workers; those that do not end by themselves are killed."""
        self._stop()

    def __reduce__(self) -> Never:
        raise TypeError("worker processes cannot be pickled or copied; use num_processes=0 to pickle an environment")

    def _exchange(self, kind: str, parts: Mapping[int, Any]) -> dict[int, Any]:
        shares: dict[int, dict[int, Any]] = {}
        for slot, part in parts.items():
            shares.setdefault(self._worker_of[slot], {})[slot] = part
        try:
            for number, share in shares.items():
                self._send(number, (kind, share))
            answers = [self._receive(number) for number in shares]
        except BaseException:
            # Half an exchange, by a death or an interrupt, leaves answers that nobody asked for.
            self.close()
            raise
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return {slot: result for answer in answers for slot, result in answer.items()}

    def _send(self, number: int, message: Any) -> None:
        try:
            pickle.dump(message, _pipe(self._workers[number].stdin), pickle.HIGHEST_PROTOCOL)
            _pipe(self._workers[number].stdin).flush()
        except (OSError, ValueError) as error:
            raise self._death(number) from error

    def _receive(self, number: int) -> Any:
        try:
            return pickle.load(_pipe(self._workers[number].stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise self._death(number) from error

    def _death(self, number: int) -> SlotFailed:
        if not self._stop.alive:
            return SlotFailed("the worker processes were closed; make a new environment")
        try:
            code = self._workers[number].wait(_GRACE)
            end = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        except subprocess.TimeoutExpired:
            end = "stopped answering"
        slots = [slot for slot, worker in enumerate(self._worker_of) if worker == number]
        playing = ", ".join(f"slot {slot}: {self._games.get(slot, 'no game yet')}" for slot in slots)
        return SlotFailed(
            f"wanted an answer from worker process {number} ({playing}), but it {end}. Make a new environment; see "
            "standard error for why, and use fewer processes if memory ran out"
        )


def _pack(slot: int, assigned: Assigned) -> PackedGame:
    try:
        pickled = pickle.dumps(assigned.game, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise SlotFailed(
            f"game {assigned.name} for slot {slot} does not pickle ({error}), so it cannot go to a worker process; "
            "use num_processes=0 or a game that is plain data"
        ) from error
    return PackedGame(assigned.number, assigned.name, pickled)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("the pipe is gone")
    return pipe


def _stop(workers: Sequence[_Worker], owner: int) -> None:
    if os.getpid() != owner:
        return  # a fork of the process that owns the workers
    for worker in workers:
        with contextlib.suppress(OSError):
            _pipe(worker.stdin).close()  # which tells it to end
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        _pipe(worker.stdout).close()
