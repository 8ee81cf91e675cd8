"""Memory and time of a trace's training step against agents and latent steps: `python benchmarks/trace_memory.py --out FILE.json`.

For every number of agents, latent steps, way for gradients to flow and way to recompute, one process makes one training step of one
question: kept are the bytes that autograd holds between the forward and the backward pass, each storage once and weights left out. The
peak is what tensors took beside the model at most, in a second step that is counted block by block; the process may take more, for a
CPU's allocator keeps what many small blocks leave between them (resident). Losses and gradient norms are compared: recomputation that
changed them would fail the command. Knows no data.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import accumulate, product
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from interlat.agents.collaboration_prompts import Question
from interlat.agents.collaboration_settings import Collaborator
from interlat.agents.trace_agents import TraceAgents
from interlat.agents.trace_settings import Gradient, TraceSettings
from interlat.evaluation.message_time import machine
from interlat.losses import task_loss
from interlat.models import load_causal_lm
from interlat.models.recomputation import Recomputation
from interlat.models.trace_adapters import add_adapters

PROCESS = Path("/proc/self")
MEGABYTE = 1e6
QUESTION = Question(
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did Natalia sell "
    "altogether in April and May?"
)
TARGET = "In May she sold 48 / 2 = 24 clips. Altogether she sold 48 + 24 = 72 clips. \\boxed{72}"


@dataclass(frozen=True)
class Job:
    """One training step to measure."""

    model: str
    agents: int
    latent_steps: int
    recomputation: Recomputation
    gradient: Gradient
    dtype: str


@dataclass(frozen=True)
class Measured:
    """One training step.

    Args:
        job: what was done.
        positions: of trace, prompt and target together.
        kept_bytes: held for the backward pass when the forward pass ends.
        peak_bytes: of tensors at most, beside the loaded model.
        resident_bytes: of the process at most, beside the loaded model; on a GPU the same as the peak.
        seconds: of the processor, forward and backward; on a GPU little more than what it takes to hand work over.
        loss: nats a token.
        gradient_norm: of all adapters.
    """

    job: Job
    positions: int
    kept_bytes: int
    peak_bytes: int
    resident_bytes: int
    seconds: float
    loss: float
    gradient_norm: float


def measure(job: Job) -> Measured:
    """Load the model and make one step; to be run in a fresh process."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    between = [Collaborator(f"critic{number}", "latentmas/critic") for number in range(job.agents - 2)]
    cast = (Collaborator("planner", "latentmas/planner"), *between, Collaborator("judger", "latentmas/judger"))
    settings = TraceSettings(
        job.model, cast=cast, latent_steps=job.latent_steps, gradient=job.gradient, dtype=job.dtype
    )
    backbone, tokenizer = load_causal_lm(job.model, job.dtype)
    names = [name for name in settings.adapters().values() if name is not None]
    torch.manual_seed(0)
    lm = add_adapters(backbone, list(dict.fromkeys(names)), settings.lora).to(device).train()
    agents = TraceAgents(settings, lm, tokenizer, job.recomputation)
    laid_out = agents.batch([QUESTION], [TARGET])
    prompts = tuple((ids.to(device), mask.to(device)) for ids, mask in laid_out.prompts)
    batch = laid_out._replace(prompts=prompts, targets=tuple(each.to(device) for each in laid_out.targets))
    weights = {parameter.untyped_storage().data_ptr() for parameter in lm.parameters()}
    held: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    def forward() -> Tensor:
        torch.manual_seed(1)
        lm.zero_grad()
        logits, targets = agents.predictions(batch, agents.heard(batch))
        return task_loss(logits[None], targets[None], torch.ones_like(targets[None], dtype=torch.bool))

    loaded = _forget_peak(device)
    start = time.process_time()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = forward()
    loss.backward()
    seconds = time.process_time() - start
    resident = _peak(device) - loaded
    gradients = [parameter.grad.norm() for parameter in lm.parameters() if parameter.grad is not None]
    return Measured(
        job,
        sum(ids.shape[1] for ids, _ in (*prompts, batch.targets)) + (job.agents - 1) * job.latent_steps,
        sum(held.values()),
        resident if device.type == "cuda" else _counted(lambda: forward().backward()),
        resident,
        seconds,
        loss.item(),
        float(torch.stack(gradients).norm()),
    )


def table_of(model: str, rows: list[Measured]) -> Table:
    """One row a measurement."""
    table = Table(title=f"{model}, one question")
    for name in (
        "agents",
        "steps",
        "positions",
        "gradient",
        "recomputation",
        "kept, MB",
        "peak, MB",
        "resident, MB",
        "processor s",
    ):
        table.add_column(name, justify="left" if name in ("gradient", "recomputation") else "right")
    for row in rows:
        sizes = (f"{size / MEGABYTE:,.1f}" for size in (row.kept_bytes, row.peak_bytes, row.resident_bytes))
        counts = (f"{row.job.agents}", f"{row.job.latent_steps}", f"{row.positions}")
        table.add_row(*counts, row.job.gradient, row.job.recomputation, *sizes, f"{row.seconds:.2f}")
    return table


def differing(rows: list[Measured]) -> list[Measured]:
    """Measurements whose loss or gradient is not that of the same agents with everything kept."""
    plain = {_what(row): row for row in rows if row.job.recomputation == "none"}
    wrong = []
    for row in rows:
        kept = plain.get(_what(row), row)
        near = torch.tensor([row.loss, row.gradient_norm]) / torch.tensor([kept.loss, kept.gradient_norm]) - 1
        wrong += [row] if float(near.abs().max()) > 1e-3 else []
    return wrong


def _what(row: Measured) -> tuple[int, int, Gradient]:
    return row.job.agents, row.job.latent_steps, row.job.gradient


def _counted(step: Callable[[], None]) -> int:
    """What tensors take at most while a step runs, from every block that is taken and given back."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    events: Any = profiled.profiler.kineto_results.events()
    blocks = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return max(accumulate(size for _, size in blocks))


def _forget_peak(device: torch.device) -> int:
    """Bytes taken now; from here on the peak is that of what follows."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    (PROCESS / "clear_refs").write_text("5", encoding="utf-8")
    return _status("VmRSS")


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _status("VmHWM")


def _status(field: str) -> int:
    lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Memory and time of a trace's training step.")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--agents", nargs="+", type=int, default=[2, 4, 6], metavar="K", help="2 or more")
    parser.add_argument("--latent-steps", nargs="+", type=int, default=[0, 10, 40], metavar="M")
    parser.add_argument("--recomputation", nargs="+", default=get_args(Recomputation), choices=get_args(Recomputation))
    parser.add_argument("--gradient", nargs="+", default=["bptt"], choices=get_args(Gradient))
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    options = parser.parse_args()
    jobs = [
        Job(options.model, agents, steps, recomputation, gradient, options.dtype)
        for agents, steps, gradient, recomputation in product(
            options.agents, options.latent_steps, options.gradient, options.recomputation
        )
    ]
    # One process a measurement: memory that one has freed may stay with its process, and would be counted for the next.
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload(["interlat.agents.trace_agents", "transformers.models.llama.modeling_llama"])
    console = Console(width=120)
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        rows = list(track(processes.map(measure, jobs), options.model, len(jobs), console=Console(stderr=True)))
    console.print(table_of(options.model, rows))
    wrong = differing(rows)
    for row in wrong:
        console.print(f"recomputation changed loss or gradient: {row}")
    if options.out is not None:
        report = {"machine": machine(), "torch": torch.__version__, "measured": [asdict(row) for row in rows]}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
