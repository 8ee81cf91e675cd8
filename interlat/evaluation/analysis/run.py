"""A trained run as the analyses need it: sender, actor, compressors, and the messages they send. Knows no analysis."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interlat.agents.actor import Actor
from interlat.agents.compressor import Compressor, CompressorSettings
from interlat.agents.run_folder import compressor_settings, load_actor, load_compressor, read_stage
from interlat.agents.sender import Plan, ReasoningAgent, recorded_sender
from interlat.data.latent_store import checksum
from interlat.data.plan_writer import write_plan
from interlat.errors import CheckpointMismatch
from interlat.evaluation.analysis.progress import Shown, batches, silently
from interlat.evaluation.analysis.tasks import Task
from interlat.evaluation.message_source import SenderView, draws_of
from interlat.models.chat import encode
from interlat.models.vocabulary import fingerprint


@dataclass(frozen=True)
class TrainedCompressor:
    """The compressor of a stage 2 run.

    Args:
        name: what it is called in tables, like ``K = 8``.
        settings: what it was made of.
        compressor: in eval mode.
    """

    name: str
    settings: CompressorSettings
    compressor: Compressor


@dataclass(frozen=True)
class TrainedRun:
    """Agents of one or more run folders that share sender and actor.

    Args:
        sent_by: the sender's provenance, from ``stage.json``.
        sender: whose messages the actor was taught to read.
        actor: in eval mode.
        compressors: of the folders that are of stage 2, in order.
    """

    sent_by: dict[str, Any]
    sender: ReasoningAgent
    actor: Actor
    compressors: tuple[TrainedCompressor, ...]

    def house(self, task: Task) -> str | None:
        """What the sender sees of a game beside its opening."""
        return task.record.house if self.sent_by["view"] == "house" else None

    def view(self, task: Task) -> SenderView:
        """All that the sender sees of a game, as in an evaluation."""
        return SenderView(task.record.opening, self.house(task), task.record.game_id)


def open_run(folders: Sequence[Path], dtype: str | None = None) -> TrainedRun:
    """Load the actor of the first folder, its sender, and the compressor of every folder of stage 2.

    Args:
        folders: at least one.
        dtype: of actor and compressors; None takes the one they were trained in. The sender keeps the one of its latents.

    Raises:
        CheckpointMismatch: if a folder holds no finished run, the folders do not share sender and actor, or the sender's
            weights are no longer those that the actor learnt to read.
    """
    stages = [read_stage(folder) for folder in folders]
    first, sent_by = folders[0], stages[0]["sender"]
    for folder, stage in zip(folders[1:], stages[1:], strict=True):
        if stage["sender"] != sent_by or _weights(folder) != _weights(first):
            raise CheckpointMismatch(
                f"wanted runs of one sender and one actor, but those in '{first}' and '{folder}' differ; analyse them one by one"
            )
    sender, actor = recorded_sender(sent_by), load_actor(first, dtype)
    if torch.cuda.is_available():
        sender.lm.to("cuda")
        actor.to("cuda")
    of_stage_two = [number for number, stage in enumerate(stages) if stage["stage"] == "compression"]
    lengths = [stages[number]["compressor"]["num_latents"] for number in of_stage_two]
    compressors = [
        _trained_compressor(folders[number], stages[number], dtype, lengths.count(length) == 1)
        for number, length in zip(of_stage_two, lengths, strict=True)
    ]
    return TrainedRun(sent_by, sender, actor, tuple(compressors))


def send_plans(
    run: TrainedRun, tasks: Sequence[Task], batch_size: int, seed: int, shown: Shown = silently
) -> list[Plan]:
    """The plan and full message of every task, on the CPU; as ``interlat-eval`` makes them with the same seed.

    Args:
        run: whose sender writes.
        tasks: in order.
        batch_size: plans written at once.
        seed: of sampling.
        shown: shows how far it is.
    """
    plans: list[Plan] = []
    for some in shown(batches(tasks, batch_size), "writing plans"):
        prompts = [run.sender.prompt_ids(task.record.opening, run.house(task)) for task in some]
        if run.sent_by["plans"] == "written":
            written = [write_plan(task.record.walkthrough, run.sent_by["view"], task.record.game_id) for task in some]
            made = run.sender.read(prompts, [run.sender.encode(text) for text in written])
        else:
            made = run.sender.write(prompts, draws_of([run.view(task) for task in some], seed, "plan"))
        plans += [replace(plan, latents=plan.latents.cpu()) for plan in made]
    return plans


@torch.no_grad()
def compress(
    run: TrainedRun, compressor: Compressor, tasks: Sequence[Task], batch_size: int, shown: Shown = silently
) -> list[Float[Tensor, "compressed sender_dim"]]:
    """The K latents that a compressor says for every task, on the CPU."""
    latents: list[Tensor] = []
    for some in shown(batches(tasks, batch_size), f"compressing to {compressor.num_latents}"):
        prompts = [compressor.prompt_ids(task.record.opening, run.house(task)) for task in some]
        latents += list(compressor(prompts).cpu())
    return latents


@torch.no_grad()
def adapt(
    actor: Actor, messages: Sequence[Float[Tensor, "_ sender_dim"]], batch_size: int
) -> list[Float[Tensor, "_ receiver_dim"]]:
    """Messages behind the actor's adapter, on the CPU."""
    return [row.cpu() for some in batches(messages, batch_size) for row in actor.adapt(some)]


def pooled(messages: Sequence[Float[Tensor, "_ dim"]]) -> Float[Tensor, "messages dim"]:
    """Each message's mean over its latents, in float64."""
    return torch.stack([rows.double().mean(dim=0) for rows in messages])


@torch.no_grad()
def representations(
    run: TrainedRun, tasks: Sequence[Task], plans: Sequence[Plan], batch_size: int, shown: Shown = silently
) -> dict[str, Float[Tensor, "tasks _"]]:
    """What a probe may read of each task, mean-pooled: full message, behind the adapter, the plan's text, compressed messages.

    The text is the mean of the actor's own embeddings of the plan's tokens: what words would bring it, order left out.
    """
    messages = [plan.latents for plan in plans]
    same_words = fingerprint(run.actor.tokenizer) == run.sent_by["tokenizer"]
    texts = [plan.ids if same_words else encode(run.actor.tokenizer, plan.text) for plan in plans]
    found = {
        "message": pooled(messages),
        "message after the adapter": pooled(adapt(run.actor, messages, batch_size)),
        "plan's text": pooled([run.actor.embed(torch.tensor(ids, dtype=torch.long)).cpu() for ids in texts]),
    }
    for of in run.compressors:
        found[f"compressed message, {of.name}"] = pooled(compress(run, of.compressor, tasks, batch_size, shown))
    return found


def _trained_compressor(folder: Path, stage: dict[str, Any], dtype: str | None, is_only_one: bool) -> TrainedCompressor:
    settings = compressor_settings(stage["compressor"])
    compressor = load_compressor(folder, dtype)
    if torch.cuda.is_available():
        compressor.to("cuda")
    name = f"K = {settings.num_latents}" + ("" if is_only_one else f" ({folder})")
    return TrainedCompressor(name, replace(settings, dtype=dtype or settings.dtype), compressor)


def _weights(folder: Path) -> list[str]:
    files = [*sorted((folder / "actor").glob("*.safetensors")), folder / "adapter.safetensors"]
    return [checksum(file) for file in files if file.exists()]
