"""Stage 1: what gradient reaches, which passes run, and what the curriculum puts in the message's place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from tiny_agents import WrittenTasks, fit, prepared, quiet_trainer, save_tiny_lm, task_records
from torch import Tensor
from torch.nn import functional

from interlat.agents.actor import Actor
from interlat.data.batches import Batch
from interlat.errors import InvalidSetting, LatentStoreMismatch
from interlat.losses import alignment_loss, js_divergence
from interlat.models import Lora
from interlat.splice import Segments
from interlat.training.actor_stage import ActorStage
from interlat.training.actor_weights import ActorWeights
from interlat.training.passes import curriculum_messages, mismatched_messages, read_messages

NO_DROPOUT = {"adapter_dropout": 0.0}


class Gradients(Callback):
    """The gradient of every parameter at the first step."""

    def __init__(self) -> None:
        self.first: dict[str, Tensor | None] = {}

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        if not self.first:
            self.first = {n: None if p.grad is None else p.grad.clone() for n, p in pl_module.named_parameters()}

    @property
    def reached(self) -> set[str]:
        return {name for name, gradient in self.first.items() if gradient is not None and bool(gradient.any())}


def _batch(stage: ActorStage, data: WrittenTasks, silent: bool = False) -> Batch:
    """Four rows, each with its own task's message; with ``silent``, two more without."""
    items = [data.train.guided[i] for i in range(4)]
    chosen = [data.train[data.train.guided.index(record)] for record in items]
    if silent:
        chosen += [data.train[len(data.train.guided) + i] for i in range(2)]
    return stage.collator()(chosen)


def _row_by_row(actor: Actor, segments: Sequence[Segments], embedded: Callable[[int], Tensor]) -> Tensor:
    """Cross-entropy by the model's own forward, one row at a time, without padding, splice or masks of ours."""
    losses = []
    for number, row in enumerate(segments):
        bop, eop = (actor.embed(torch.tensor([i])) for i in actor.boundary)
        head, tail = actor.embed(torch.tensor(row.head)), actor.embed(torch.tensor(row.tail))
        middle = [] if row.num_latents is None else [bop, embedded(number), eop]
        inputs = torch.cat([head, *middle, tail])[None]
        logits = actor.lm(inputs_embeds=inputs).logits[0, -len(row.tail) - 1 : -1]
        learned = torch.tensor(row.supervised)
        losses.append(functional.cross_entropy(logits[learned], torch.tensor(row.tail)[learned], reduction="none"))
    return torch.cat(losses).mean()


def test_full_training_reaches_every_parameter(actor_stage: Any, tasks: Any):
    gradients, stage = Gradients(), actor_stage()
    fit(stage, tasks(), 1, gradients)
    assert gradients.reached == set(gradients.first) == {name for name, _ in stage.named_parameters()}
    rows = gradients.first["actor.lm.model.embed_tokens.weight"]
    assert rows is not None
    bop, eop = stage.model.boundary
    assert rows[bop].any()
    assert rows[eop].any()


def test_lora_trains_its_own_weights_the_boundary_rows_and_the_adapter(actor_stage: Any, tasks: Any):
    stage = actor_stage({"lora": Lora(rank=2)})
    before = {}

    class Before(Gradients):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            before.update({name: p.detach().clone() for name, p in pl_module.named_parameters()})

    gradients = Before()
    fit(stage, tasks(), 2, gradients)
    moved = {name for name, parameter in stage.named_parameters() if not torch.equal(parameter, before[name])}
    kinds = {next(kind for kind in ("lora_", "trainable_tokens", "adapter.") if kind in name) for name in moved}
    assert kinds == {"lora_", "trainable_tokens", "adapter."}
    assert gradients.reached <= moved | {name for name in before if "lora_A" in name}


@pytest.mark.parametrize("flows", [False, True])
def test_negatives_and_plans_are_constants_unless_a_recipe_asks(actor_stage: Any, tasks: Any, flows: bool):
    """The gradient is that of the same loss with the other passes' logits put in as numbers, or of the loss as it is."""
    data = tasks()
    stage = prepared(actor_stage(NO_DROPOUT), data)
    actor, batch, rates = stage.model, _batch(stage, data), [0.0, 0.3, 0.7, 1.0]
    adapter = list(actor.adapter.parameters())
    stage.weights = ActorWeights(separation=1.0, alignment=1.0, mismatched_gradient=flows)
    terms = stage._terms(batch, rates, torch.Generator().manual_seed(5))
    loss = terms["loss_task"] + 30 * terms["loss_separation"] + 30 * terms["loss_alignment"]
    got = torch.autograd.grad(loss, adapter)

    def by_hand(constant: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        adapted, plans = actor.adapt(batch.latents), [actor.embed(ids) for ids in batch.plan_ids]
        heard = read_messages(actor, batch.segments, curriculum_messages(plans, adapted, rates))
        others = mismatched_messages(batch, plans, adapted, rates, torch.Generator().manual_seed(5))
        assert others is not None
        mismatched = constant(read_messages(actor, batch.segments, others).logits)
        planned = read_messages(actor, batch.segments, plans).logits.detach()
        everywhere = torch.ones(1, len(planned), dtype=torch.bool)
        total = functional.cross_entropy(heard.logits, heard.targets)
        total = total - 30 * js_divergence(heard.logits, mismatched).mean()
        total = total + 30 * alignment_loss(heard.logits[None], planned[None], everywhere, 0.7, 0.3)
        return torch.autograd.grad(total, adapter)

    wanted, unwanted = by_hand(Tensor.detach), by_hand(lambda logits: logits)
    if flows:
        wanted, unwanted = unwanted, wanted
    for own, expected in zip(got, wanted, strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-6)
    apart = sum((own - other).norm() for own, other in zip(got, unwanted, strict=True))
    assert apart > 0.001 * sum(own.norm() for own in got)


@pytest.mark.parametrize(
    ("weights", "passes"),
    [((0.0, 0.0), 1), ((0.5, 0.0), 2), ((0.0, 0.5), 2), ((0.5, 0.5), 3)],
)
def test_a_weight_of_zero_leaves_its_pass_out(
    actor_stage: Any, tasks: Any, monkeypatch: pytest.MonkeyPatch, weights: tuple[float, float], passes: int
):
    data = tasks()
    stage = prepared(actor_stage(weights=ActorWeights(*weights)), data)
    calls, predict = [], stage.model.predict
    monkeypatch.setattr(stage.model, "predict", lambda *given: calls.append(given) or predict(*given))
    terms = stage._terms(_batch(stage, data), [0.0] * 4, torch.Generator())
    assert len(calls) == passes
    assert bool(terms["loss_separation"]) is (weights[0] > 0)
    assert bool(terms["loss_alignment"]) is (weights[1] > 0)


def test_the_weight_set_is_the_weight_used_after_two_steps(actor_stage: Any, tasks: Any):
    stage = actor_stage(weights=ActorWeights(separation=0.37, alignment=0.11))
    logged: list[dict[str, float]] = []

    class Logged(Callback):
        def on_train_batch_end(self, trainer: Any, *_: object) -> None:
            logged.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    fit(stage, tasks(), 3, Logged())
    for row in logged:
        total = row["train/loss_task"] + 0.37 * row["train/loss_separation"] + 0.11 * row["train/loss_alignment"]
        assert row["train/loss"] == pytest.approx(total, rel=1e-5)
        assert row["train/weight_separation"] == pytest.approx(0.37)
        assert row["train/weight_alignment"] == pytest.approx(0.11)
        assert row["train/gradient_norm_adapter"] > 0
        assert row["train/gradient_norm_lm"] > 0
    assert stage.weights == ActorWeights(separation=0.37, alignment=0.11)


@pytest.mark.parametrize(("rate", "kind"), [(1.0, "plan"), (0.0, "latents")])
def test_the_ends_of_the_curriculum(actor_stage: Any, tasks: Any, rate: float, kind: str):
    """r = 1 is the plan as text, r = 0 the latents alone, by the model's own forward."""
    data = tasks(silence_share=0.25)
    stage = prepared(actor_stage(NO_DROPOUT), data)
    batch, actor = _batch(stage, data, silent=True), stage.model

    def message(number: int) -> Tensor:
        return actor.embed(batch.plan_ids[number]) if kind == "plan" else actor.adapt([batch.latents[number]])[0]

    terms = stage._terms(batch, [rate] * 4, torch.Generator())
    torch.testing.assert_close(terms["loss_task"], _row_by_row(actor, batch.segments, message), rtol=1e-4, atol=1e-5)


def test_at_a_rate_between_the_first_rows_are_the_plan(actor_stage: Any, tasks: Any):
    """⌊0.35 · 10⌋ = 3 plan rows, then latents 4 to 10."""
    data = tasks()
    stage = prepared(actor_stage(NO_DROPOUT), data)
    batch, actor = _batch(stage, data), stage.model

    def message(number: int) -> Tensor:
        plan, latents = actor.embed(batch.plan_ids[number]), actor.adapt([batch.latents[number]])[0]
        return torch.cat([plan[:3], latents[3:]])

    assert [len(latents) for latents in batch.latents] == [10] * 4
    terms = stage._terms(batch, [0.35] * 4, torch.Generator())
    torch.testing.assert_close(terms["loss_task"], _row_by_row(actor, batch.segments, message), rtol=1e-4, atol=1e-5)


def test_supervised_positions_are_the_same_in_every_pass(actor_stage: Any, tasks: Any):
    data = tasks()
    stage = prepared(actor_stage(NO_DROPOUT), data)
    batch, actor = _batch(stage, data), stage.model
    adapted, plans = actor.adapt(batch.latents), [actor.embed(ids) for ids in batch.plan_ids]
    matched = read_messages(actor, batch.segments, adapted)
    others = mismatched_messages(batch, plans, adapted, [0.5] * 4, torch.Generator())
    assert others is not None
    for messages in (plans, others, [], [row[:2] for row in adapted], [torch.cat([row, row]) for row in adapted]):
        other = read_messages(actor, batch.segments, messages)
        assert torch.equal(other.targets, matched.targets)
        assert torch.equal(other.rows, matched.rows)
    wanted = [token for row in batch.segments for token, keep in zip(row.tail, row.supervised, strict=True) if keep]
    assert matched.targets.tolist() == wanted


def test_a_negative_holds_nothing_of_its_own_row(actor_stage: Any, tasks: Any):
    data = tasks()
    stage = prepared(actor_stage(NO_DROPOUT), data)
    batch = _batch(stage, data)
    plans = [torch.full((10, 1), float(row)) for row in range(4)]
    latents = [torch.full((10, 1), float(row) + 100) for row in range(4)]
    for seed in range(10):
        others = mismatched_messages(batch, plans, latents, [0.5] * 4, torch.Generator().manual_seed(seed))
        assert others is not None
        for row, message in enumerate(others):
            (plan,), (latent,) = set(message[:5, 0].tolist()), set(message[5:, 0].tolist())
            assert plan != row
            assert latent == plan + 100
    same = replace(batch, records=[batch.records[0]] * 4)
    assert mismatched_messages(same, plans, latents, [0.5] * 4, torch.Generator()) is None


def test_a_batch_in_silence_has_the_task_loss_only(actor_stage: Any, tasks: Any):
    data = tasks(silence_share=0.5)
    stage = prepared(actor_stage(), data)
    batch = stage.collator()([data.train[len(data.train.guided) + i] for i in range(3)])
    terms = stage._terms(batch, [], torch.Generator())
    assert batch.num_messages == 0
    assert set(terms) == {"loss_task", "loss_separation", "loss_alignment", "js"}
    assert terms["loss_task"] > 0
    assert not terms["loss_separation"]
    expected = _row_by_row(stage.model, batch.segments, lambda number: torch.empty(0))
    torch.testing.assert_close(terms["loss_task"], expected, rtol=1e-4, atol=1e-5)


def test_validation_hears_latents_alone_and_the_plan_as_text(actor_stage: Any, tasks: Any):
    data, stage = tasks(silence_share=0.25, validation_share=0.2, batch_size=8), actor_stage()
    values = quiet_trainer(1, limit_val_batches=1.0).validate(stage, data, verbose=False)[0]
    actor = stage.model.eval()
    loud = stage.collator()([data.validation[i] for i in range(len(data.validation.guided))])
    quiet = stage.collator()([data.validation[i] for i in range(len(data.validation.guided), len(data.validation))])
    with torch.no_grad():
        latents = _row_by_row(actor, loud.segments, lambda row: actor.adapt([loud.latents[row]])[0])
        text = _row_by_row(actor, loud.segments, lambda row: actor.embed(loud.plan_ids[row]))
        silent = _row_by_row(actor, quiet.segments, lambda row: torch.empty(0))
    assert values["val/loss"] == pytest.approx(latents.item(), rel=1e-4)
    assert values["val/loss_text"] == pytest.approx(text.item(), rel=1e-4)
    assert values["val/loss_silent"] == pytest.approx(silent.item(), rel=1e-4)
    assert values["val/loss_mismatched"] != pytest.approx(values["val/loss"], rel=1e-6)
    assert 0 < values["val/js"] <= 0.6932


def test_another_tokenizer_gets_the_plan_in_its_own_tokens(home: Path, tmp_path: Path, actor_stage: Any):
    save_tiny_lm(tmp_path / "foreign", texts=tuple(f"zebra{i} quagga{i}" for i in range(40)))
    data = WrittenTasks(tmp_path / "foreign", tmp_path / "cache", sender={"plans": "written"})
    stage = prepared(actor_stage(NO_DROPOUT), data)
    batch = _batch(stage, data)
    tokenizer = stage.model.tokenizer
    assert data.store.provenance["tokenizer"] != WrittenTasks(home / "sender", home / "cache")
    for record, ids in zip(batch.records, batch.plan_ids, strict=True):
        message = data.store[record.game_id]
        assert tokenizer.decode(ids) == message.plan
        assert ids.tolist() != message.plan_ids.tolist()
    assert all(torch.isfinite(term) for term in stage._terms(batch, [0.5] * 4, torch.Generator()).values())


def test_a_sender_of_another_width_is_refused(actor_stage: Any, tasks: Any):
    with pytest.raises(LatentStoreMismatch, match=r"width 48, but the store .* width 32 .*set actor\.sender_dim: 32"):
        fit(actor_stage({"sender_dim": None}), tasks(), 1)


@pytest.mark.parametrize("name", ["separation", "alignment", "kl", "cosine"])
def test_a_negative_weight_is_refused(name: str):
    with pytest.raises(InvalidSetting, match=f"weight '{name}' must be at least 0, got -0.1"):
        ActorWeights(**{name: -0.1})


def test_one_batch_can_be_learned(actor_stage: Any, tasks: Any):
    """24 steps on one batch: from about ln 512 = 6.2 nats to below 2."""
    stage = actor_stage(optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=1e-2))
    losses = fit(stage, tasks(), 24, overfit_batches=1)
    assert losses[0] > 4
    assert losses[-1] < 2


def test_tasks_differ_from_each_other():
    assert len({record.opening for record in task_records(18)}) > 8
