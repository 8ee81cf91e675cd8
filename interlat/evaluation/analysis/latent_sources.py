"""Whose latents the parallelism analysis compares: the sender, each compressor, and both before any training.

Knows no statistics of latents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from interlat.agents.compressor import Compressor
from interlat.agents.sender import Plan, ReasoningAgent, weights_fingerprint
from interlat.evaluation.analysis.parallelism import PERCENTILES, Parallelism, source_steps
from interlat.evaluation.analysis.progress import Shown, batches, silently
from interlat.evaluation.analysis.run import TrainedCompressor, TrainedRun, compress
from interlat.evaluation.analysis.tasks import Task
from interlat.evaluation.message_source import draws_of
from interlat.models.backbone import causal_lm, embed_tokens
from interlat.models.vocabulary import fingerprint

BRIDGE_SEED = 0  # of an untrained bridge


@dataclass(frozen=True)
class LatentSource:
    """Latents of every task, and the model whose head reads them.

    Args:
        name: as in tables.
        lm: that model.
        messages: one a task.
    """

    name: str
    lm: PreTrainedModel | PeftModel
    messages: Sequence[Float[Tensor, "_ dim"]]


def latent_sources(
    run: TrainedRun,
    tasks: Sequence[Task],
    plans: Sequence[Plan],
    batch_size: int,
    max_steps: int,
    shown: Shown = silently,
) -> Iterator[LatentSource]:
    """The sender; for each compressor itself, its loop before training, and its backbone writing a plan.

    "Untrained" is what stage 2 started from: the backbone, unrolled through the bridge it began with. A fitted bridge is fitted
    again, to the plans of these games. The backbone that writes a plan, as the paper's untrained rows do, is left out where it is
    the sender itself.

    Args:
        run: agents.
        tasks: in order.
        plans: the sender's, one a task.
        batch_size: games computed at once.
        max_steps: latents needed.
        shown: shows how far it is.
    """
    yield LatentSource("sender", run.sender.lm, [plan.latents for plan in plans])
    for trained in run.compressors:
        told = f"compressor {trained.name}"
        latents = compress(run, trained.compressor, tasks, batch_size, shown)
        yield LatentSource(told, trained.compressor.lm, latents)
        untrained = untrained_compressor(run, trained, plans)
        latents = compress(run, untrained, tasks, batch_size, shown)
        yield LatentSource(f"{told}, untrained", untrained.lm, latents)
    for name, trained in {trained.settings.backbone: trained for trained in run.compressors}.items():
        if weights_fingerprint(name) != run.sent_by["weights"]:
            yield _writing(run, untrained_compressor(run, trained, plans), tasks, batch_size, max_steps, shown)


def measure_parallelism(sources: Iterator[LatentSource], max_steps: int) -> Parallelism:
    """Read every source through its own LM head."""
    steps = [source_steps(source.name, source.lm, source.messages, max_steps) for source in sources]
    return Parallelism(PERCENTILES, tuple(steps))


def untrained_compressor(run: TrainedRun, trained: TrainedCompressor, plans: Sequence[Plan]) -> Compressor:
    """A compressor as stage 2 starts it.

    Args:
        run: whose sender wrote the plans.
        trained: the same compressor at its end.
        plans: what a fitted bridge is fitted to.
    """
    with torch.random.fork_rng():
        torch.manual_seed(BRIDGE_SEED)
        compressor = Compressor.build(trained.settings).eval()
    compressor.to(trained.compressor.device)
    same_words = fingerprint(compressor.tokenizer) == run.sent_by["tokenizer"]
    if trained.settings.bridge == "fitted" and same_words:  # of another vocabulary, training would have refused
        ids = torch.tensor([token for plan in plans for token in plan.ids], device=compressor.device)
        states = torch.cat([plan.latents for plan in plans]).to(compressor.device)
        compressor.bridge.fit(states, embed_tokens(compressor.lm, ids).detach())
    return compressor


def _writing(
    run: TrainedRun, backbone: Compressor, tasks: Sequence[Task], batch_size: int, max_steps: int, shown: Shown
) -> LatentSource:
    sampling = replace(run.sender.sampling, max_new_tokens=max_steps)
    agent = ReasoningAgent(causal_lm(backbone.lm), backbone.tokenizer, sampling)
    messages: list[Tensor] = []
    for some in shown(batches(tasks, batch_size), "writing plans"):
        prompts = [agent.prompt_ids(task.record.opening, run.house(task)) for task in some]
        messages += [
            plan.latents.cpu()
            for plan in agent.write(prompts, draws_of([run.view(task) for task in some], BRIDGE_SEED, "plan"))
        ]
    return LatentSource("backbone", agent.lm, messages)
