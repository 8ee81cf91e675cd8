"""Two processes train what one trains alone, each with a copy of the weights or with its part of them."""

import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import of_two
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning import Trainer
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy, SingleDeviceStrategy
from tiny_agents import save_tiny_lm
from torch.distributed.device_mesh import DeviceMesh

from interlat.agents.run_folder import load_actor, load_compressor
from interlat.errors import InvalidSetting
from interlat.models import load_causal_lm
from interlat.training.resumable import dealt_out
from interlat.training.sharding import require_sharding

TOGETHER = (
    "actor-ddp",
    "silence-ddp",
    "compressor-ddp",
    "actor-sharded",
    "actor-sharded-resumed",
    "mixed-sharded",
    "lora-sharded",
    "silence-sharded",
    "compressor-sharded",
    "compressor-sharded-resumed",
)
LIMIT_SECONDS = 600


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case, and each of its stages alone."""
    home = tmp_path_factory.mktemp("of-two")
    save_tiny_lm(home / "sender", hidden_size=32)
    save_tiny_lm(home / "actor", hidden_size=48, seed=1)
    of_two.main(home, ["actor-alone"])
    (home / "actor-alone").rename(home / "stage1")
    of_two.main(home, [f"{name}-alone" for name in of_two.STAGES])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, of_two.__file__, str(home), *TOGETHER]
    processes = [
        subprocess.Popen(
            command,
            env=together | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in "01"
    ]
    try:
        said = [process.communicate(timeout=LIMIT_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, said, strict=True):
        assert process.returncode == 0, output[-4000:]
    return home


def _result(home: Path, case: str) -> dict[str, Any]:
    result: dict[str, Any] = torch.load(home / f"{case}.pt")
    return result


def _alone(case: str) -> str:
    return f"{case.partition('-')[0]}-alone"


@pytest.mark.parametrize("case", [case for case in TOGETHER if not case.startswith("mixed")])
def test_two_processes_train_what_one_trains_alone(trained: Path, case: str):
    alone, together = _result(trained, _alone(case)), _result(trained, case)
    assert together["weights"].keys() == alone["weights"].keys()
    for name, weight in alone["weights"].items():
        assert torch.allclose(together["weights"][name], weight, rtol=0, atol=1e-4), name


def test_half_precision_computes_and_float32_is_kept(trained: Path):
    alone, together = _result(trained, "mixed-alone"), _result(trained, "mixed-sharded")
    weights = [(together["weights"][name], weight) for name, weight in alone["weights"].items()]
    assert all(ours.dtype == torch.float32 for ours, _ in weights)
    # Where a gradient is about zero, rounding decides which way Adam goes: the largest difference says nothing.
    difference = torch.cat([(ours - weight).abs().flatten() for ours, weight in weights])
    assert difference.mean() < 5e-5
    assert together["losses"]["val/loss"] == pytest.approx(alone["losses"]["val/loss"], rel=2e-3)


@pytest.mark.parametrize("name", ["actor", "mixed", "silence", "compressor"])
def test_a_run_moves_weights_by_more_than_the_tolerance(trained: Path, name: str):
    agent, source = ("compressor", "sender") if name == "compressor" else ("actor", "actor")
    before, _ = load_causal_lm(str(trained / source))
    after = _result(trained, f"{name}-alone")["weights"]
    moved = [
        (after[f"{agent}.lm.{part}"] - value).abs().max()
        for part, value in before.model.layers.named_parameters(prefix="model.layers")
    ]
    assert min(moved) > 1e-3


@pytest.mark.parametrize("case", [case for case in TOGETHER if not case.startswith("mixed")])
def test_held_out_losses_are_those_of_one_process(trained: Path, case: str):
    alone, together = _result(trained, _alone(case))["losses"], _result(trained, case)["losses"]
    assert "val/loss" in together
    # Of each item by itself; the others are of a batch, and batches are dealt out in other sizes.
    for name in {"val/loss", "val/loss_text", "val/loss_silent", "val/loss_task_full"} & together.keys():
        assert together[name] == pytest.approx(alone[name], rel=1e-4), name


@pytest.mark.parametrize("case", [case for case in TOGETHER if not case.endswith("resumed")])
def test_the_run_folder_holds_whole_agents(trained: Path, case: str):
    weights = _result(trained, case)["weights"]
    actor = load_actor(trained / case)
    loaded = {f"actor.{name}": value for name, value in actor.named_parameters()}
    if case.startswith("compressor"):
        compressor = load_compressor(trained / case)
        loaded |= {f"compressor.{name}": value for name, value in compressor.named_parameters()}
    for name in weights.keys() & loaded.keys():
        assert torch.equal(loaded[name], weights[name].to(loaded[name].dtype)), name
    assert len(weights.keys() & loaded.keys()) >= len(loaded) - 2  # peft names its embedding rows anew
    # The head's weights are the embedding's, in a shard as in a file.
    assert torch.equal(actor.lm.get_output_embeddings().weight, actor.lm.get_input_embeddings().weight)


def _trainer(strategy: Any, precision: str = "32-true") -> Any:
    return Mock(spec=Trainer, strategy=strategy, precision=precision, world_size=8)


def _sharded(tensor: int = 1, distributed_checkpoint: bool = False) -> ModelParallelStrategy:
    strategy = ModelParallelStrategy(8 // tensor, tensor, save_distributed_checkpoint=distributed_checkpoint)
    strategy._device_mesh = {"tensor_parallel": SimpleNamespace(size=lambda: tensor)}  # type: ignore[assignment]
    return strategy


@pytest.mark.parametrize(
    ("trainer", "shards", "said"),
    [
        (_trainer(FSDPStrategy()), True, "wanted FSDP2, got Lightning's FSDPStrategy.*data_parallel_size: 8"),
        (_trainer(_sharded()), False, "got ModelParallelStrategy: only ActorStage and CompressionStage.*ddp"),
        (_trainer(_sharded(tensor=2)), True, "wanted tensor_parallel_size: 1.*data_parallel_size: 8"),
        (_trainer(_sharded(distributed_checkpoint=True)), True, "save_distributed_checkpoint: false"),
        (_trainer(_sharded(), "16-mixed"), True, "wanted precision .*bf16-mixed.*got 16-mixed"),
    ],
)
def test_a_strategy_that_cannot_work_is_refused(trainer: Any, shards: bool, said: str):
    with pytest.raises(InvalidSetting, match=said):
        require_sharding(trainer, shards)


@pytest.mark.parametrize("strategy", [_sharded(), SingleDeviceStrategy(torch.device("cpu"))])
def test_others_are_not(strategy: Any):
    require_sharding(_trainer(strategy), shards=True)


@given(st.integers(0, 60), st.integers(1, 8), st.integers(1, 9))
def test_held_out_items_are_dealt_out_evenly_and_once(count: int, batch_size: int, num_processes: int):
    items = list(range(100, 100 + count))
    dealt = [dealt_out(items, batch_size, (rank, num_processes)) for rank in range(num_processes)]
    flat = [item for batches in dealt for batch in batches for item in batch]
    assert len({len(batches) for batches in dealt}) == 1
    assert all(len(batch) <= batch_size for batches in dealt for batch in batches)
    if count < num_processes or num_processes == 1:
        assert all([item for batch in batches for item in batch] == items for batches in dealt)
    else:
        assert len(set(flat)) == len(flat) > count - num_processes * batch_size


@pytest.mark.parametrize(
    ("sharded", "silence", "refused"), [(True, 0.5, True), (True, 1.0, False), (False, 0.5, False)]
)
def test_passes_that_another_process_would_wait_for_are_refused(
    trained: Path, sharded: bool, silence: float, refused: bool
):
    stage = of_two.actor(trained, weights={"mismatched_gradient": True})
    stage._device_mesh = Mock(spec=DeviceMesh) if sharded else None
    stage.trainer = Mock(spec=Trainer, datamodule=SimpleNamespace(silence_share=silence))
    with pytest.raises(InvalidSetting, match="wait for each other's; got silence_share") if refused else nullcontext():
        stage._require_as_many_passes()
