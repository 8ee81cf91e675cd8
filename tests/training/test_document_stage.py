"""Teaching a model from documents: what is trained, what is left alone, and what the run folder holds."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_agents import fit, prepared, save_tiny_lm, task_records

from interlat.data.games import Household
from interlat.data.trajectories import save_records
from interlat.errors import CheckpointMismatch, InvalidSetting
from interlat.models import Lora, TinyLM, load_causal_lm
from interlat.training import DocumentDataModule, DocumentStage

LORA = Lora(rank=4, target_modules=("q_proj", "v_proj"))


class WrittenDocuments(DocumentDataModule):
    """Documents of hand-written tasks instead of recorded games."""

    def __init__(self, cache: Path, **settings: Any) -> None:
        super().__init__(Household(), cache=str(cache), batch_size=4, **settings)
        self.path = cache / "train.jsonl"
        save_records(task_records(12), self.path)

    def _records(self, split: str, count: int) -> Path:
        return self.path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_tiny_lm(tmp_path / "base")


def adamw(rate: float) -> Any:
    return lambda parameters: torch.optim.AdamW(parameters, lr=rate)


def test_a_model_taught_plans_says_them_better(base: Path, tmp_path: Path):
    data = WrittenDocuments(tmp_path, kinds=["plan"], tokenizer=str(base))
    losses = fit(DocumentStage(backbone=str(base), optimizer=adamw(3e-3)), data, 40)
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_lora_is_merged_into_what_is_exported(base: Path, tmp_path: Path):
    data = WrittenDocuments(tmp_path, kinds=["plan"], tokenizer=str(base))
    stage = DocumentStage(backbone=str(base), lora=LORA, optimizer=adamw(1e-2))
    fit(stage, data, 4)
    trained = {name for name, parameter in stage.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        wanted = stage.lm.eval()(input_ids=ids).logits
        before = load_causal_lm(base)[0](input_ids=ids).logits
        (tmp_path / "run").mkdir()
        stage.export(tmp_path / "run")
        got = load_causal_lm(tmp_path / "run")[0](input_ids=ids).logits
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
    assert (wanted - before).abs().max() > 1e-2


def test_documents_in_another_vocabulary_are_refused(base: Path, tmp_path: Path):
    other = save_tiny_lm(tmp_path / "other", texts=("wholly different words bring other merges",) * 5)
    data = WrittenDocuments(tmp_path, kinds=["plan"], tokenizer=str(other))
    with pytest.raises(CheckpointMismatch, match=r"set data\.tokenizer"):
        prepared(DocumentStage(backbone=str(base)), data)


def test_a_new_model_gets_a_vocabulary_trained_on_its_documents(tmp_path: Path):
    data = WrittenDocuments(tmp_path, vocab_size=400)
    stage = DocumentStage(TinyLM(hidden_size=32, num_layers=2, num_heads=2, initial="lookup"), optimizer=adamw(3e-3))
    losses = fit(stage, data, 12)
    assert losses[-1] < losses[0]
    assert len(data.tokenizer) <= 400
    assert data.tokenizer.get_vocab()["Ġcabinet"]


@pytest.mark.parametrize(
    ("settings", "got"),
    [({}, "neither"), ({"shape": TinyLM(), "backbone": "checkpoints/household-base"}, "both")],
)
def test_a_new_model_or_a_given_one(settings: dict[str, Any], got: str):
    with pytest.raises(InvalidSetting, match=f"got {got}"):
        DocumentStage(**settings)
