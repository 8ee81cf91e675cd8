"""Fill a latent store: one plan and its latents for every task; knows nothing of how a sender works inside."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from interlat.data.latent_store import LatentStoreWriter, StoredMessage
from interlat.data.plan_writer import write_plan
from interlat.data.trajectories import TaskRecord
from interlat.models.decoding import Generators, keyed_generators

_log = logging.getLogger(__name__)


@runtime_checkable
class WrittenPlan(Protocol):
    """What a sender gives back for a task."""

    @property
    def text(self) -> str:
        """The plan."""

    @property
    def ids(self) -> list[int]:
        """Its tokens in the sender's vocabulary."""

    @property
    def latents(self) -> Tensor:
        """The state that predicted each, [L, D]."""


@runtime_checkable
class PlanSender(Protocol):
    """A sender, as collection sees it."""

    def prompt_ids(self, opening: str, house: str | None = None) -> list[int]:
        """Token ids of the request."""

    def write(self, prompts: Sequence[Sequence[int]], generator: Generators | None = None) -> Sequence[WrittenPlan]:
        """Write one plan for each prompt."""

    def read(self, prompts: Sequence[Sequence[int]], plans: Sequence[Sequence[int]]) -> Sequence[WrittenPlan]:
        """Read plans written by someone else."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a plan given as text."""


@dataclass(frozen=True)
class Collection:
    """How messages are collected.

    Args:
        view: whether the sender also sees where things are, or sees a problem.
        plans: ``sampled`` from the sender, or ``written`` from the walkthrough and read by it.
        batch_size: plans made at once.
        seed: of sampling and wording.
    """

    view: Literal["task", "house", "problem"]
    plans: Literal["sampled", "written"] = "sampled"
    batch_size: int = 32
    seed: int = 0


def collect(
    tasks: Sequence[TaskRecord],
    sender: PlanSender,
    settings: Collection,
    writer: LatentStoreWriter,
) -> Iterator[int]:
    """Make a plan for every task that the store lacks; yields how many tasks are done after each batch.

    Each task draws from a generator of its own: a run that was killed and resumed, or made in other batches, stores the same
    messages as one that was not.

    A plan that its sender ends at once is stored as it is, with a warning: it was said, so it is not asked for again, and training
    passes over it.

    Args:
        tasks: all tasks of this store.
        sender: makes the plans.
        settings: how.
        writer: an open store.
    """
    seen = settings.view == "house"
    by_id = {task.game_id: task for task in tasks}
    prompts = {task.game_id: sender.prompt_ids(task.opening, task.house if seen else None) for task in tasks}
    order = sorted(prompts, key=lambda task_id: (len(prompts[task_id]), task_id))
    done = 0
    for start in range(0, len(order), settings.batch_size):
        batch = order[start : start + settings.batch_size]
        if not all(task_id in writer for task_id in batch):
            asked = [prompts[task_id] for task_id in batch]
            if settings.plans == "written":
                texts = [write_plan(by_id[task_id].walkthrough, settings.view, task_id) for task_id in batch]
                plans = sender.read(asked, [sender.encode(text) for text in texts])
            else:
                plans = sender.write(asked, keyed_generators([f"plan {settings.seed} {task_id}" for task_id in batch]))
            _store(batch, plans, writer)
        done += len(batch)
        yield done
    writer.flush()


def _store(batch: Sequence[str], plans: Sequence[WrittenPlan], writer: LatentStoreWriter) -> None:
    for task_id, plan in zip(batch, plans, strict=True):
        if task_id not in writer:
            if not plan.ids:
                _log.warning("the plan for '%s' is empty: training passes over this task", task_id)
            writer.add(StoredMessage(task_id, plan.text, torch.tensor(plan.ids, dtype=torch.long), plan.latents.cpu()))
