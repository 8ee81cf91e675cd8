"""A model as published takes the actor's part unchanged, and is told from a run folder."""

from pathlib import Path

import pytest
import torch
from foreign_models import save_foreign

from interlat.agents.plain_model import is_plain_model, load_plain_actor, plain_stage
from interlat.errors import MissingBoundaryTokens, ModelNotFound
from interlat.models import load_causal_lm


def test_a_folder_is_a_plain_model_or_a_run(foreign: Path, tmp_path: Path):
    assert is_plain_model(foreign)
    assert is_plain_model(Path("smollm2-135m-instruct"))
    assert not is_plain_model(tmp_path)
    run = save_foreign(tmp_path / "run")
    (run / "stage.json").write_text("{}")
    assert not is_plain_model(run)


def test_its_vocabulary_and_weights_stay_as_they_are(foreign: Path):
    """It has no boundary tokens, and is given none."""
    actor, (lm, tokenizer) = load_plain_actor(foreign), load_causal_lm(foreign)
    assert len(actor.tokenizer) == len(tokenizer)
    assert not actor.reads_latents
    assert not actor.training
    for name, tensor in lm.state_dict().items():
        assert torch.equal(actor.lm.state_dict()[name], tensor)
    with pytest.raises(MissingBoundaryTokens, match="lacks <bop>, <eop>"):
        _ = actor.boundary


def test_form_and_type_are_as_asked(foreign: Path):
    actor = load_plain_actor(foreign, "solve", "float64")
    assert actor.conversation.form == "solve"
    assert actor.lm.dtype == torch.float64


def test_its_sender_is_itself(foreign: Path):
    assert plain_stage(foreign, "house") == {
        "stage": "plain",
        "sender": {"sender": str(foreign), "view": "house", "plans": "sampled"},
    }


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ModelNotFound, match="no-such-model"):
        load_plain_actor(Path("checkpoints/no-such-model"))
