"""A tiny sender, a wider tiny actor, and a finished run of stage 1. Knows no recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_agents import WrittenTasks, fit, save_tiny_lm

from interlat.agents.actor import ActorSettings
from interlat.agents.compressor import CompressorSettings
from interlat.training import ActorStage, CompressionStage
from interlat.training.callbacks import export_run


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    save_tiny_lm(folder / "sender", hidden_size=32)
    save_tiny_lm(folder / "actor", hidden_size=48, seed=1)
    return folder


@pytest.fixture(scope="session")
def tasks(home: Path) -> Callable[..., WrittenTasks]:
    """A new data module over the same messages."""
    return lambda **settings: WrittenTasks(home / "sender", home / "cache", **settings)


@pytest.fixture(scope="session")
def actor_stage(home: Path) -> Callable[..., ActorStage]:
    """A new stage 1; settings of the actor go by name, the rest to the stage."""

    def make(actor: dict[str, Any] | None = None, **settings: Any) -> ActorStage:
        made = ActorSettings(**{"backbone": str(home / "actor"), "sender_dim": 32, **(actor or {})})
        return ActorStage(made, **settings)

    return make


@pytest.fixture(scope="session")
def stage_one(home: Path, tasks: Callable[..., WrittenTasks], actor_stage: Callable[..., ActorStage]) -> Path:
    """The run folder of a stage 1 of two steps."""
    stage = actor_stage()
    fit(stage, tasks(), 2)
    export_run(stage, home / "stage1")
    return home / "stage1"


@pytest.fixture(scope="session")
def compression_stage(home: Path, stage_one: Path) -> Callable[..., CompressionStage]:
    """A new stage 2 for that run."""

    def make(**settings: Any) -> CompressionStage:
        return CompressionStage(CompressorSettings(str(home / "sender"), num_latents=3), str(stage_one), **settings)

    return make
