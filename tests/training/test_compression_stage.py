"""Stage 2: only the compressor learns, and only for the actor and the sender it belongs to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from tiny_agents import WrittenTasks, fit, prepared, save_tiny_lm
from torch.nn import functional

from interlat.agents.compressor import CompressorSettings
from interlat.agents.run_folder import load_actor, load_compressor
from interlat.data.keywords import Keywords
from interlat.errors import CheckpointMismatch, InvalidSetting, LatentStoreMismatch
from interlat.models.backbone import embed_tokens
from interlat.training import CompressionStage, CompressionWeights
from interlat.training.callbacks import export_run


def _batch(stage: CompressionStage, data: WrittenTasks) -> Any:
    return stage.collator()([data.train[i] for i in range(4)])


def test_gradient_reaches_the_compressor_and_nothing_else(compression_stage: Any, tasks: Any):
    seen: dict[str, bool] = {}
    modes: list[tuple[bool, bool, bool]] = []

    class Watch(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: object) -> None:
            modes.append((pl_module.compressor.training, pl_module.actor.training, pl_module.actor.adapter.training))

        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            seen.update({n: p.grad is not None and bool(p.grad.any()) for n, p in pl_module.named_parameters()})

    stage = compression_stage()
    fit(stage, tasks(), 3, Watch(), limit_val_batches=1, val_check_interval=1)
    reached = {name for name, there in seen.items() if there}
    assert reached == {name for name in seen if name.startswith("compressor.")}
    assert reached == {name for name, parameter in stage.named_parameters() if parameter.requires_grad}
    assert all(parameter.grad is None for parameter in stage.actor.parameters())
    assert modes == [(True, False, False)] * 3  # validation between the steps changes nothing


def test_the_actor_stays_in_eval_mode(compression_stage: Any, tasks: Any):
    stage = prepared(compression_stage(), tasks())
    assert not any(module.training for module in stage.train().actor.modules())
    assert stage.compressor.training
    stage.eval()
    assert not stage.compressor.training


def test_the_actor_is_to_the_bit_what_it_was(compression_stage: Any, tasks: Any, stage_one: Path):
    stage = compression_stage()
    fit(stage, tasks(), 2)
    before = load_actor(stage_one).state_dict()
    assert all(torch.equal(value, before[name]) for name, value in stage.actor.state_dict().items())


def test_the_terms_are_those_of_three_passes(compression_stage: Any, tasks: Any):
    """By the model's own forward, one row at a time: compressed message, full message, silence."""
    data = tasks()
    stage = prepared(compression_stage(), data).eval()
    batch, actor = _batch(stage, data), stage.actor
    logits: dict[str, list[torch.Tensor]] = {"a": [], "d": [], "b": []}
    targets, means = [], {"a": [], "d": []}
    with torch.no_grad():
        for record, row, latents in zip(batch.records, batch.segments, batch.latents, strict=True):
            prompt = stage.compressor.prompt_ids(record.opening, record.house)
            messages = {"a": actor.adapt([stage.compressor([prompt])[0]])[0], "d": actor.adapt([latents])[0]}
            bop, eop = (actor.embed(torch.tensor([i])) for i in actor.boundary)
            head, tail = actor.embed(torch.tensor(row.head)), actor.embed(torch.tensor(row.tail))
            learned = torch.tensor(row.supervised)
            targets.append(torch.tensor(row.tail)[learned])
            for name, kept in logits.items():
                middle = [bop, messages[name], eop] if name in messages else []
                rows = actor.lm(inputs_embeds=torch.cat([head, *middle, tail])[None]).logits[0]
                kept.append(rows[-len(row.tail) - 1 : -1][learned])
            for name, message in messages.items():
                means[name].append(message.mean(dim=0))
        terms = stage._terms(batch)
    wanted = torch.cat(targets)
    a, d, b = (torch.cat(logits[name]).log_softmax(dim=-1) for name in "adb")
    expected = {"loss_task": a, "loss_task_full": d, "loss_task_silent": b}
    for name, log_p in expected.items():
        torch.testing.assert_close(terms[name], functional.nll_loss(log_p, wanted), rtol=1e-4, atol=1e-5)
    weights = (-(b.exp() * b).sum(1) + (d.exp() * d).sum(1)).clamp(min=0)
    weights = weights.clamp(max=torch.quantile(weights[weights > 0], 0.95))
    divergence = (d.exp() * (d - a)).sum(1)
    torch.testing.assert_close(
        terms["loss_preference"], (weights * divergence).sum() / weights.sum(), rtol=1e-3, atol=1e-5
    )
    cosine = functional.cosine_similarity(torch.stack(means["a"]), torch.stack(means["d"]))
    torch.testing.assert_close(terms["loss_geometry"], (1 - cosine).mean(), rtol=1e-4, atol=1e-5)


def test_the_weights_set_are_the_weights_used(compression_stage: Any, tasks: Any):
    logged: list[dict[str, float]] = []

    class Logged(Callback):
        def on_train_batch_end(self, trainer: Any, *_: object) -> None:
            logged.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    fit(compression_stage(weights=CompressionWeights(0.5, 0.25, 2.0, keyword=0.125)), tasks(), 3, Logged())
    for row in logged:
        total = 0.5 * row["train/loss_task"] + 0.25 * row["train/loss_preference"] + 2 * row["train/loss_geometry"]
        total += 0.125 * row["train/loss_keyword"]
        assert row["train/loss"] == pytest.approx(total, rel=1e-5)


def test_the_keyword_term_asks_latent_k_for_keyword_k(compression_stage: Any, tasks: Any):
    """By hand, row by row, of plans cut so that one has fewer tokens than there are latents."""
    data = tasks()
    stage = prepared(compression_stage(weights=CompressionWeights(keyword=1.0)), data).eval()
    batch = _batch(stage, data)
    generator = torch.Generator().manual_seed(0)
    plans = [torch.randint(6, 200, (length,), generator=generator) for length in (2, 5, 3, 9)]
    stage.keywords = Keywords(plans)
    losses = []
    with torch.no_grad():
        for record, plan in zip(batch.records, plans, strict=True):
            latents = stage.compressor([stage.compressor.prompt_ids(record.opening, record.house)])[0]
            wanted = plan[stage.keywords.positions(plan, 3)]
            assert len(wanted) == min(3, len(plan))
            log_p = stage.compressor.lm.lm_head(latents).log_softmax(-1)
            losses += [-log_p[k, token] for k, token in enumerate(wanted.tolist())]
        terms = stage._terms(replace(batch, plan_ids=plans))
    torch.testing.assert_close(terms["loss_keyword"], torch.stack(losses).mean(), rtol=1e-4, atol=1e-5)
    assert len(losses) == 2 + 3 + 3 + 3


def test_keywords_need_plans_in_the_compressor_s_vocabulary(home: Path, stage_one: Path, tasks: Any, tmp_path: Path):
    other = save_tiny_lm(tmp_path / "other", hidden_size=32, texts=("wholly different words bring other merges",) * 5)
    settings, weights = CompressorSettings(str(other), num_latents=3), CompressionWeights(keyword=1.0)
    with pytest.raises(
        LatentStoreMismatch, match=r"weights\.keyword above 0 needs plans in the model's own vocabulary"
    ):
        prepared(CompressionStage(settings, str(stage_one), weights=weights), tasks())


@pytest.mark.parametrize(("view", "shown"), [("house", True), ("task", False)])
def test_the_compressor_sees_what_the_sender_saw(
    compression_stage: Any, tasks: Any, monkeypatch: pytest.MonkeyPatch, view: str, shown: bool
):
    data = tasks()
    stage = prepared(compression_stage(), data)
    stage.stage_one["sender"]["view"] = view
    asked, own = [], stage.compressor.prompt_ids
    monkeypatch.setattr(stage.compressor, "prompt_ids", lambda *given: asked.append(given) or own(*given))
    batch = _batch(stage, data)
    stage._terms(batch)
    assert asked == [(record.opening, record.house if shown else None) for record in batch.records]


def test_a_store_of_another_sender_is_refused(compression_stage: Any, tmp_path: Path):
    save_tiny_lm(tmp_path / "other", hidden_size=32, seed=7)
    with pytest.raises(
        LatentStoreMismatch, match=r"wanted a latent store with sender='.*sender', weights=.* made with"
    ):
        fit(compression_stage(), WrittenTasks(tmp_path / "other", tmp_path / "cache"), 1)


def test_another_view_is_refused(compression_stage: Any, tasks: Any):
    with pytest.raises(LatentStoreMismatch, match=r"view='house', but .* made with view='task'"):
        fit(compression_stage(), tasks(sender={"view": "task"}), 1)


def test_silence_is_refused(compression_stage: Any, tasks: Any):
    with pytest.raises(InvalidSetting, match=r"silence_share is 0\.25; set data\.init_args\.silence_share: 0"):
        fit(compression_stage(), tasks(silence_share=0.25), 1)


def test_a_backbone_of_another_width_is_refused(home: Path, stage_one: Path, tasks: Any):
    stage = CompressionStage(CompressorSettings(str(home / "actor")), str(stage_one))
    with pytest.raises(CheckpointMismatch, match=r"latents of width 32, but the compressor .* has width 48"):
        fit(stage, tasks(), 1)


def test_a_fitted_bridge_reads_states_as_the_tokens_they_predict(home: Path, stage_one: Path, tasks: Any):
    """Nearer than a bridge drawn at random, on the messages it starts from."""
    distances = []
    for bridge in ("random", "fitted"):
        settings = CompressorSettings(str(home / "sender"), num_latents=3, bridge=bridge)
        data = tasks()
        stage = prepared(CompressionStage(settings, str(stage_one)), data)
        plans = list(data.store)
        with torch.no_grad():
            wanted = embed_tokens(stage.compressor.lm, torch.cat([plan.plan_ids for plan in plans]))
            bridged = stage.compressor.bridge(torch.cat([plan.latents for plan in plans]))
        distances.append(float((bridged - wanted).pow(2).sum() / (wanted - wanted.mean(0)).pow(2).sum()))
    assert distances[1] < 0.5 < distances[0]


def test_a_bridge_cannot_be_fitted_to_plans_in_another_vocabulary(
    home: Path, stage_one: Path, tasks: Any, tmp_path: Path
):
    other = save_tiny_lm(tmp_path / "other", hidden_size=32, texts=("wholly different words bring other merges",) * 5)
    stage = CompressionStage(CompressorSettings(str(other), num_latents=3, bridge="fitted"), str(stage_one))
    with pytest.raises(
        LatentStoreMismatch, match=r"compressor\.bridge: fitted needs plans in the model's own vocabulary"
    ):
        prepared(stage, tasks())


def test_a_run_of_stage_2_is_no_stage_1(compression_stage: Any, tasks: Any, home: Path, tmp_path: Path):
    stage = compression_stage()
    fit(stage, tasks(), 1)
    export_run(stage, tmp_path / "stage2")
    with pytest.raises(CheckpointMismatch, match=r"wanted a run of stage 'actor' .* but it is of stage 'compression'"):
        CompressionStage(CompressorSettings(str(home / "sender")), str(tmp_path / "stage2"))
    with pytest.raises(CheckpointMismatch, match=r"wanted a finished run in .* stage\.json cannot be read"):
        CompressionStage(CompressorSettings(str(home / "sender")), str(tmp_path / "nothing"))


def test_its_run_folder_holds_compressor_and_actor(compression_stage: Any, tasks: Any, stage_one: Path, tmp_path: Path):
    stage = compression_stage()
    fit(stage, tasks(), 2)
    export_run(stage, tmp_path / "stage2")
    prompts = [[5, 6, 7, 8], [9, 10]]
    with torch.no_grad():
        assert torch.equal(load_compressor(tmp_path / "stage2")(prompts), stage.compressor.eval()(prompts))
    one, two = load_actor(stage_one).state_dict(), load_actor(tmp_path / "stage2").state_dict()
    assert all(torch.equal(two[name], value) for name, value in one.items())
    content = json.loads((tmp_path / "stage2" / "stage.json").read_text())
    assert content["stage"] == "compression"
    assert content["steps"] == 2
    assert content["compressor"]["num_latents"] == 3
    assert content["sender"] == json.loads((stage_one / "stage.json").read_text())["sender"]


@pytest.mark.parametrize("wrong", [{"task": -1.0}, {"geometry": -0.1}, {"preference": -2.0}, {"temperature": 0.5}])
def test_weights_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(InvalidSetting, match="weights must be at least 0 and the temperature at least 1"):
        CompressionWeights(**wrong)
