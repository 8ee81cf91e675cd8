"""Trainings of tiny agents as one of two processes, or alone: ``python of_two.py HOME CASE...`` with the ranks in the environment.

The first process leaves ``HOME/<case>.pt``: weights and losses. Alone, a step takes the batches that two processes would have taken
at once.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from tiny_agents import KillBefore, KilledError, WrittenTasks, quiet_trainer

from interlat.agents.actor import ActorSettings
from interlat.agents.compressor import CompressorSettings
from interlat.models import Lora
from interlat.training import ActorStage, ActorWeights, CompressionStage, CompressionWeights, RunFolder
from interlat.training.sharding import gathered

STEPS = 3
FIRST = int(os.environ.get("RANK", "0")) == 0


def actor(home: Path, **settings: Any) -> ActorStage:
    weights = ActorWeights(**settings.pop("weights", {}))
    return ActorStage(ActorSettings(str(home / "actor"), sender_dim=32, **settings), weights=weights)


def compressor(home: Path) -> CompressionStage:
    settings = CompressorSettings(str(home / "sender"), num_latents=3)
    return CompressionStage(settings, str(home / "stage1"), weights=CompressionWeights(keyword=0.5))


STAGES: dict[str, tuple[Callable[[Path], Any], dict[str, Any]]] = {
    "actor": (actor, {}),
    "mixed": (actor, {}),
    "lora": (partial(actor, lora=Lora(rank=2)), {}),
    # One item a batch: one process may have a message where the other has none.
    "silence": (actor, {"silence_share": 0.5, "batch_size": 1}),
    "compressor": (compressor, {}),
}


def trainer(name: str, how: str, *callbacks: Callback) -> Trainer:
    """One that gives two batches to a step: to two processes, or one after the other."""
    if how == "alone":
        shared: dict[str, Any] = {"accumulate_grad_batches": 2, "val_check_interval": 2 * STEPS}
    else:
        sharded = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, save_distributed_checkpoint=False)
        strategy = sharded if how == "sharded" else how
        shared = {"devices": 2, "strategy": strategy, "use_distributed_sampler": False, "val_check_interval": STEPS}
    precision = "bf16-mixed" if name == "mixed" else "32-true"
    return quiet_trainer(
        STEPS, *callbacks, **shared, limit_val_batches=None, check_val_every_n_epoch=None, precision=precision
    )


def train(home: Path, name: str, how: str, *callbacks: Callback, ckpt_path: str | None = None) -> dict[str, Any]:
    """Weights and held-out losses."""
    make, data = STAGES[name]
    stage, runs = make(home), trainer(name, how, *callbacks)
    runs.fit(stage, WrittenTasks(home / "sender", home / "cache", **data), ckpt_path=ckpt_path)
    with gathered(stage, keep=FIRST):
        weights = {key: value.detach().clone() for key, value in stage.named_parameters()} if FIRST else {}
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in stage.parameters())
    return {"weights": weights, "losses": {key: float(value) for key, value in runs.callback_metrics.items()}}


def broken_off(home: Path, name: str, how: str) -> dict[str, Any]:
    """Killed before the third step, and gone on with from its checkpoint."""
    kept = partial(ModelCheckpoint, home / f"{name}-{how}-checkpoints", save_last=True, every_n_train_steps=1)
    try:
        train(home, name, how, kept(), KillBefore(2))
    except KilledError:
        return train(home, name, how, kept(), ckpt_path="last")
    raise AssertionError("nothing was broken off")


def main(home: Path, cases: list[str]) -> None:
    """Each case is ``<stage>-<strategy>``, or ``<stage>-<strategy>-resumed``."""
    for case in cases:
        name, how, *resumed = case.split("-")
        result = broken_off(home, name, how) if resumed else train(home, name, how, RunFolder(str(home / case)))
        if FIRST:
            torch.save(result, home / f"{case}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
