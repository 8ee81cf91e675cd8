"""Loss curves of both stages on tiny agents and hand-written tasks: what should not move a result must not move these."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_agents import WrittenTasks, fit, save_tiny_lm

from interlat.agents.actor import ActorSettings
from interlat.agents.compressor import CompressorSettings
from interlat.training import ActorStage, CompressionStage
from interlat.training.callbacks import export_run

# Sums come out in another order on another processor; twelve steps carry that no further than this.
REL = 1e-3


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """Twelve steps of stage 1, then twelve of stage 2 with its actor."""
    home: Path = tmp_path_factory.mktemp("golden")
    sender, actor = save_tiny_lm(home / "sender", 32), save_tiny_lm(home / "actor", 48, seed=1)

    def tasks(**settings: Any) -> WrittenTasks:
        return WrittenTasks(sender, home / "cache", **settings)

    one = ActorStage(ActorSettings(str(actor), sender_dim=32))
    first = fit(one, tasks(silence_share=0.25), 12)
    export_run(one, home / "stage1")
    two = CompressionStage(CompressorSettings(str(sender), num_latents=3), str(home / "stage1"))
    return {"stage-1": first, "stage-2": fit(two, tasks(), 12)}


@pytest.mark.parametrize("stage", ["stage-1", "stage-2"])
def test_golden_curve(curves: dict[str, list[float]], golden: Callable[..., None], stage: str):
    golden(f"{stage}-losses", curves[stage], rel=REL)
