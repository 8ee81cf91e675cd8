"""Weights, gradients and optimizer states dealt out over processes (FSDP2), for agents too large for one device; knows nothing of losses.

A step gathers each block of a language model when it is first used and lets go of it before the optimizer's step, however many passes
lie between: the passes of a stage, and how many there are, may depend on the batch. Gradients are shared out after each pass that
has any, so every process has to make as many of those.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from peft import PeftModel
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.models.backbone import decoder

_STEPS = ("training_step", "validation_step")
_MIXED = {"32-true": None, "bf16-true": None, "bf16-mixed": torch.bfloat16}


def require_sharding(trainer: Trainer, shards: bool) -> None:
    """Refuse strategies that would fail after hours, before any work is done.

    Args:
        trainer: whose strategy it is.
        shards: whether the stage can be dealt out.

    Raises:
        InvalidSetting: if it is a strategy that our stages do not run under, or of sizes that they do not.
    """
    strategy = trainer.strategy
    ask = (
        "set trainer.strategy to {class_path: lightning.pytorch.strategies.ModelParallelStrategy, init_args: {data_parallel_size: "
        f"{trainer.world_size}, tensor_parallel_size: 1, save_distributed_checkpoint: false" + "}}"
    )
    if isinstance(strategy, FSDPStrategy):
        raise InvalidSetting(
            f"wanted FSDP2, got Lightning's FSDPStrategy, which cannot clip gradients by their norm; {ask}"
        )
    if not isinstance(strategy, ModelParallelStrategy):
        return
    if not shards:
        raise InvalidSetting(
            "wanted ddp or one device for this stage, got ModelParallelStrategy: only ActorStage and CompressionStage can be dealt out; "
            "set trainer.strategy: ddp"
        )
    if strategy.device_mesh["tensor_parallel"].size() > 1:
        raise InvalidSetting(f"wanted tensor_parallel_size: 1, as blocks are not split themselves; {ask}")
    if strategy._save_distributed_checkpoint:
        raise InvalidSetting(f"wanted one file a checkpoint, as frozen weights are left out of it; {ask}")
    if trainer.precision not in _MIXED:
        raise InvalidSetting(f"wanted precision {', '.join(_MIXED)} for a sharded stage, got {trainer.precision}")


def shard(stage: LightningModule, models: Sequence[PreTrainedModel | PeftModel]) -> None:
    """Deal a stage out where its trainer's strategy is ModelParallelStrategy; otherwise change nothing.

    Args:
        stage: its parameters become shards, each process holding its part. Built alike on every process.
        models: its language models, whose blocks are gathered one by one; what lies outside of blocks is gathered at once.
    """
    mesh = stage.device_mesh
    if mesh is None:
        return
    computed_in = _MIXED[stage.trainer.precision]
    deal = partial(
        fully_shard,
        mesh=mesh["data_parallel"],
        reshard_after_forward=False,
        mp_policy=MixedPrecisionPolicy(
            param_dtype=computed_in,
            reduce_dtype=None if computed_in is None else torch.float32,
            cast_forward_inputs=False,
        ),
    )
    for model in models:
        for block in cast(nn.ModuleList, decoder(model).layers):
            deal(block)
    deal(stage)
    for step in _STEPS:
        register_fsdp_forward_method(stage, step)
    cast(FSDPModule, stage).set_reshard_after_backward(reshard_after_backward=False)


def let_go(stage: nn.Module) -> None:
    """Give back what was gathered: the optimizer changes shards, and a step gathers them anew."""
    for module in stage.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


@contextmanager
def gathered(stage: nn.Module, keep: bool) -> Iterator[None]:
    """Inside, parameters are whole and on the CPU in processes that keep them. Every process has to enter.

    Args:
        stage: sharded or not; what is not stays as it is.
        keep: whether this process keeps what is gathered.
    """
    let_go(stage)
    places: list[tuple[nn.Module, str, DTensor]] = []
    for module in stage.modules():
        own = module.named_parameters(recurse=False)
        places += [(module, name, parameter) for name, parameter in own if isinstance(parameter, DTensor)]
    # An embedding may be the head's weight too: one parameter in two places, gathered once and one again.
    shards = {id(shard_): shard_ for _, _, shard_ in places}
    whole: dict[int, nn.Parameter] = {}
    for number, shard_ in shards.items():
        full = shard_.full_tensor().detach()
        if keep:
            whole[number] = nn.Parameter(full.cpu(), requires_grad=shard_.requires_grad)
    try:
        if keep:
            for module, name, shard_ in places:
                setattr(module, name, whole[id(shard_)])
        yield
    finally:
        for module, name, shard_ in places:
            setattr(module, name, shard_)
