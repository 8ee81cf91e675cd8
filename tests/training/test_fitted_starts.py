"""An adapter that starts fitted to the plan's embeddings, and when it cannot be."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from tiny_agents import prepared, save_tiny_lm
from torch.nn import functional

from interlat.data.latent_store import LatentStore
from interlat.errors import InvalidSetting, LatentStoreMismatch
from interlat.models.chat import encode
from interlat.models.load import load_tokenizer
from interlat.models.vocabulary import fingerprint
from interlat.training.fitted_starts import retold_embeddings, token_texts


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


def test_in_another_vocabulary_a_latent_says_the_pieces_of_its_word(tasks: Any, actor_stage: Any, tmp_path: Path):
    other = save_tiny_lm(tmp_path / "other", hidden_size=48, vocab_size=300)  # hardly more than letters
    stage = prepared(actor_stage({"backbone": str(other), "adapter_start": "fitted"}), tasks())
    actor = stage.model.eval()
    store = stage.trainer.datamodule.store
    sender_tokenizer = load_tokenizer(store.provenance["sender"])
    assert fingerprint(sender_tokenizer) != fingerprint(actor.tokenizer)
    messages, embeddings = retold_embeddings(store, actor.lm, actor.tokenizer)
    texts = [text for plan in store for text in token_texts(sender_tokenizer, plan.plan_ids)]
    number, pieces = next((i, ids) for i, text in enumerate(texts) if len(ids := encode(actor.tokenizer, text)) > 1)
    assert torch.allclose(torch.cat(embeddings)[number], actor.embed(torch.tensor(pieces)).mean(dim=0))
    with torch.no_grad():
        said = torch.cat(actor.adapt(messages))
    assert float(functional.cosine_similarity(said, torch.cat(embeddings), dim=-1).mean()) > 0.9


def test_what_tokens_say_is_the_plan(tasks: Any):
    data = tasks()
    data.prepare_data()
    data.setup("fit")
    tokenizer = load_tokenizer(data.store.provenance["sender"])
    plan = next(iter(data.store))
    assert "".join(token_texts(tokenizer, plan.plan_ids)) == tokenizer.decode(plan.plan_ids)


def test_plans_of_another_tokenizer_than_the_senders_are_refused(tasks: Any, actor_stage: Any, tmp_path: Path):
    stage = prepared(actor_stage(), tasks())
    other = save_tiny_lm(tmp_path / "other", hidden_size=32, vocab_size=300)
    provenance = {"sender": str(other), "tokenizer": "of-old"}
    moved = Mock(spec=LatentStore, provenance=provenance, folder="data/latents")
    with pytest.raises(LatentStoreMismatch, match="wanted the tokenizer that the plans in 'data/latents' were written"):
        retold_embeddings(moved, stage.model.lm, stage.model.tokenizer)


def test_no_adapter_cannot_be_fitted(tasks: Any, actor_stage: Any, home: Path):
    with pytest.raises(InvalidSetting, match=r"no adapter to fit where identity_adapter is true"):
        prepared(
            actor_stage({"backbone": str(home / "sender"), "adapter_start": "fitted", "identity_adapter": True}),
            tasks(),
        )
