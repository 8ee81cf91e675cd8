"""Time and memory of agents that answer together: `python benchmarks/collaboration.py --out FILE.json`.

Single, text-mas, latent-mas and hybrid answer the same questions at several batch sizes, each measurement in a process of its own.
Every position that passes through the model is counted on its way and compared with what the agents' accounts say, so that a
prompt computed twice would show: the command fails then. Peak memory is read from /proc (Linux). GSM8K needs INTERLAT_REASONING or
the hub. Knows no grader: whether answers are right is asked elsewhere.
"""

import argparse
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from interlat.agents.account import AgentAccount, total
from interlat.agents.collaboration import Collaboration
from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import CollaborationSettings, Method, cast
from interlat.data.games import Household, briefing
from interlat.data.reasoning import problems_named
from interlat.evaluation.message_time import machine
from interlat.models.backbone import decoder
from interlat.models.decoding import Sampling

METHODS: tuple[Method, ...] = get_args(Method)
SMOLLM2, HOUSEHOLD = "smollm2-135m-instruct", "checkpoints/household-base"
ASKED = "Name the steps, one by one."  # of a household, whose tasks have no answer to write into a box
PROCESS = Path("/proc/self")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Job:
    """One measurement: who answers what, and how."""

    model: str
    method: Method
    batch_size: int
    questions: tuple[Question, ...]
    latent_steps: int
    answer_tokens: int
    text_tokens: int


@dataclass
class Passed:
    """What went through a model: real positions, and computed ones, which pads are too."""

    real: int = 0
    computed: int = 0


@dataclass(frozen=True)
class Measured:
    """One measurement; all numbers are those of all questions together.

    Args:
        method: what travels between agents.
        batch_size: questions answered at once.
        questions: how many were answered.
        wall_seconds: by the clock, on a machine that may do other work.
        processor_seconds: of the process.
        loaded_bytes: resident before the first question that counts: model, libraries, and what one question has left of the heap.
        peak_bytes: the most resident while questions were answered.
        passed: positions that went through the model.
        account: what all agents spent.
        last_kv_bytes: keys and values that the last agent took over.
    """

    method: Method
    batch_size: int
    questions: int
    wall_seconds: float
    processor_seconds: float
    loaded_bytes: int
    peak_bytes: int
    passed: Passed
    account: AgentAccount
    last_kv_bytes: int

    @property
    def accounted(self) -> int:
        """Positions that the agents' accounts speak of: prompts read, latent steps and tokens written, each once."""
        spent = self.account
        return spent.prefill_positions + spent.latent_steps + spent.output_tokens


@contextmanager
def counted(models: Sequence[Any]) -> Iterator[Passed]:
    """Count the positions that go through these models while this is open."""
    passed = Passed()

    def note(_: Any, __: Any, given: dict[str, Any]) -> None:
        rows, width = given["inputs_embeds"].shape[:2]
        passed.computed += rows * width
        passed.real += int(given["attention_mask"][:, -width:].sum())

    hooks = [decoder(model).register_forward_pre_hook(note, with_kwargs=True) for model in models]
    try:
        yield passed
    finally:
        for hook in hooks:
            hook.remove()


def build(job: Job) -> Collaboration:
    """The agents of a job, as the release decodes them; without the map of ``ridge``, which is made before any clock runs."""
    sampling = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=job.answer_tokens)
    agents = cast("single" if job.method == "single" else "sequential")
    return Collaboration.build(
        CollaborationSettings(
            agents,
            job.method,
            job.model,
            job.latent_steps,
            alignment="rescale",
            sampling=sampling,
            text_tokens=job.text_tokens,
        )
    )


def measure(job: Job) -> Measured:
    """Load the model, answer one question that does not count, then all; to be run in a fresh process."""
    collaboration = build(job)
    collaboration.answer(job.questions[:1])
    _forget_peak()
    loaded = _status("VmRSS")
    began, clock = time.process_time(), time.perf_counter()
    with counted(list(collaboration.models.values())) as passed:
        starts = range(0, len(job.questions), job.batch_size)
        answered = [each for at in starts for each in collaboration.answer(job.questions[at : at + job.batch_size])]
    wall, processor = time.perf_counter() - clock, time.process_time() - began
    return Measured(
        job.method,
        job.batch_size,
        len(answered),
        wall,
        processor,
        loaded,
        _status("VmHWM"),
        passed,
        total([total(each.accounts) for each in answered]),
        sum(each.accounts[-1].kv_bytes for each in answered),
    )


def questions_of(model: str, number: int) -> tuple[Question, ...]:
    """GSM8K's test problems, or for the tiny base what it was taught to read: the tasks of households."""
    if model == HOUSEHOLD:
        return tuple(Question(briefing(game).opening, ASKED) for game in Household().games("unseen", number))
    return tuple(Question(problem.question) for problem in problems_named("gsm8k").games("unseen", number))


def table_of(model: str, rows: Sequence[Measured]) -> Table:
    """One row a measurement."""
    table = Table(title=f"{model}, means a question")
    names = (
        "method",
        "batch",
        "questions",
        "processor s",
        "wall s",
        "positions read",
        "latent steps",
        "tokens written",
    )
    for name in (*names, "pads computed, %", "KV moved, MB", "KV of the last, MB", "before, MB", "peak, MB"):
        table.add_column(name, justify="left" if name == "method" else "right")
    for row in rows:
        spent, number = row.account, row.questions
        moved, taken = spent.kv_bytes / number, row.last_kv_bytes / number
        table.add_row(
            row.method,
            f"{row.batch_size}",
            f"{number}",
            f"{row.processor_seconds / number:.2f}",
            f"{row.wall_seconds / number:.2f}",
            f"{spent.prefill_positions / number:.0f}",
            f"{spent.latent_steps / number:.0f}",
            f"{spent.output_tokens / number:.1f}",
            f"{100 * (1 - row.passed.real / row.passed.computed):.0f}",
            *(f"{size / MEGABYTE:,.1f}" for size in (moved, taken)),
            *(f"{size / MEGABYTE:,.0f}" for size in (row.loaded_bytes, row.peak_bytes)),
        )
    return table


def _status(field: str) -> int:
    """Bytes that the kernel says of this process."""
    lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _forget_peak() -> None:
    """From here on the peak is that of what follows, not that of loading a model."""
    (PROCESS / "clear_refs").write_text("5", encoding="utf-8")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time and memory of agents that answer together.")
    parser.add_argument("--models", nargs="+", default=[SMOLLM2, HOUSEHOLD])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16], metavar="B")
    parser.add_argument("--questions", type=int, default=4, help="at least; a batch of B is measured on B at least")
    parser.add_argument("--latent-steps", type=int, default=20)
    parser.add_argument("--answer-tokens", type=int, default=64)
    parser.add_argument("--text-tokens", type=int, default=64, help="of each agent before the last")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args()
    budgets = (options.latent_steps, options.answer_tokens, options.text_tokens)
    console, found = Console(width=160), {}
    # One process a measurement: memory that one has freed may stay with its process, and would be counted for the next.
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload(["interlat.agents.collaboration", "transformers.models.llama.modeling_llama"])
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for model in options.models:
            jobs = [
                Job(model, method, size, questions_of(model, size * math.ceil(options.questions / size)), *budgets)
                for method in options.methods
                for size in options.batches
            ]
            done = processes.map(measure, jobs)
            found[model] = list(track(done, model, len(jobs), console=Console(stderr=True)))
            console.print(table_of(model, found[model]))
    rows = [row for several in found.values() for row in several]
    wrong = [row for row in rows if row.passed.real != row.accounted]
    for row in wrong:
        console.print(f"{row.method}, batch {row.batch_size}: {row.passed.real} positions, accounted {row.accounted}")
    if not wrong:
        console.print(f"all {sum(row.passed.real for row in rows):,} positions were computed once, as accounted")
    if options.out is not None:
        report = {
            "machine": machine(),
            "budgets": budgets,
            "python": sys.version.split()[0],
            "torch": torch.__version__,
        }
        measured = {model: [asdict(row) for row in several] for model, several in found.items()}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps({**report, "measured": measured}, indent=1) + "\n", encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
