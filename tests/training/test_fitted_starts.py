"""An adapter that starts fitted to the plan's embeddings, and when it cannot be."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import prepared, save_tiny_lm
from torch.nn import functional

from interlat.errors import InvalidSetting, LatentStoreMismatch


def test_a_fitted_adapter_says_nearly_what_the_plan_says(home: Path, tasks: Any, actor_stage: Any):
    """Of the sender's own weights, which predicted the plans: their embeddings are what the latents are mapped to."""
    alike = []
    for start in ("random", "fitted"):
        data = tasks()
        stage = prepared(actor_stage({"backbone": str(home / "sender"), "adapter_start": start}), data)
        plans = list(data.store)
        with torch.no_grad():
            adapted = torch.cat(stage.model.eval().adapt([plan.latents for plan in plans]))
            wanted = stage.model.embed(torch.cat([plan.plan_ids for plan in plans]))
        alike.append(float(functional.cosine_similarity(adapted, wanted, dim=-1).mean()))
    assert alike[1] > 0.9 > alike[0] + 0.2


def test_only_a_sender_of_the_same_vocabulary_can_be_fitted_to(
    tasks: Any, actor_stage: Any, home: Path, tmp_path: Path
):
    other = save_tiny_lm(tmp_path / "other", hidden_size=32, texts=("wholly different words bring other merges",) * 5)
    with pytest.raises(
        LatentStoreMismatch, match=r"actor\.adapter_start: fitted needs plans in the model's own vocabulary"
    ):
        prepared(actor_stage({"backbone": str(other), "adapter_start": "fitted"}), tasks())


def test_no_adapter_cannot_be_fitted(tasks: Any, actor_stage: Any, home: Path):
    with pytest.raises(InvalidSetting, match=r"no adapter to fit where identity_adapter is true"):
        prepared(
            actor_stage({"backbone": str(home / "sender"), "adapter_start": "fitted", "identity_adapter": True}),
            tasks(),
        )
