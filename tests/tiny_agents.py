"""Tiny agents and hand-written tasks that stages are tested with; no game is played, so nothing here moves with a game's wording.

The golden loss curves are of these agents on these tasks: a change here remakes them.
"""

from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer

from interlat.agents.prompts import prompt
from interlat.agents.sender import SenderSettings
from interlat.data.games import Household
from interlat.data.trajectories import TaskRecord, save_records
from interlat.models import TinyLM, build_tiny_lm, train_tokenizer
from interlat.models.decoding import Sampling
from interlat.training import TrajectoryDataModule

OBJECTS = ("mug", "plate", "apple", "book", "candle", "pen")
PLACES = ("cabinet 1", "desk 2", "shelf 3", "drawer 4", "sofa 5")


def task_records(count: int) -> list[TaskRecord]:
    """Tasks that differ in object and places; every other one also has an exploring trajectory."""
    return [_record(number) for number in range(count)]


def _record(number: int) -> TaskRecord:
    thing, source = OBJECTS[number % 6], PLACES[number % 5]
    target = PLACES[(number + 1 + number // 6) % 5]
    there = (f"Look at {source}.", f"go to {source}", f"On the {source}, you see a {thing} 1.")
    rest = (
        (f"Take the {thing}.", f"take {thing} 1 from {source}", f"You pick up the {thing} 1."),
        (f"Bring it to {target}.", f"go to {target}", f"You arrive at {target}."),
        ("Put it down.", f"move {thing} 1 to {target}", f"You move the {thing} 1."),
    )
    looked = (("Maybe here.", f"go to {target}", "You see nothing."), there, *rest)
    guided = (there, *rest)
    return TaskRecord(
        f"task-{number:03d}",
        "pick_and_place_simple",
        f"You are in a room with {', '.join(PLACES)}.\n\nYour task is to: put a {thing} in {target.split()[0]}.",
        f"There is a {thing} 1 in {source}.\nThere is a vase {number} on {target}.",
        tuple(action for _, action, _ in guided),
        guided,
        looked if number % 2 == 0 else (),
    )


def save_tiny_lm(
    folder: Path, hidden_size: int = 32, seed: int = 0, texts: tuple[str, ...] = (), **shape_and_vocabulary: Any
) -> Path:
    """A two-layer language model with a tokenizer of these tasks' words, saved as a folder that recipes can name."""
    vocab_size = shape_and_vocabulary.pop("vocab_size", 512)
    names = ("actor_action", "actor_react", "lead_in", "sender_request", "sender_house")
    known = [prompt(name) for name in names] + list(texts)
    for record in task_records(30):
        known += [record.opening, record.house, *(part for turn in record.guided for part in turn)]
    tokenizer = train_tokenizer(known, vocab_size)
    shape = TinyLM(hidden_size=hidden_size, num_layers=2, num_heads=4, seed=seed, **shape_and_vocabulary)
    lm = build_tiny_lm(shape, tokenizer)
    with torch.no_grad():  # weights as drawn hardly tell one message from another
        for parameter in lm.parameters():
            parameter.mul_(4 if parameter.dim() == 2 else 1)
    lm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class WrittenTasks(TrajectoryDataModule):
    """The data module of both stages over hand-written tasks instead of recorded games."""

    def __init__(self, model: Path, cache: Path, num_tasks: int = 18, **settings: Any) -> None:
        sender = {"view": "house", "sampling": Sampling(max_new_tokens=10), **settings.pop("sender", {})}
        defaults = {"validation_share": 0.12, "batch_size": 4}
        super().__init__(
            Household(), SenderSettings(str(model), **sender), cache=str(cache), **{**defaults, **settings}
        )
        self.path = cache / f"records-{num_tasks}" / "train.jsonl"
        if not self.path.exists():
            save_records(task_records(num_tasks), self.path)

    def _records(self) -> Path:
        return self.path


class LossTape(Callback):
    """Keeps the loss of every training step, by step."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: object, batch_idx: int) -> None:
        self.losses[trainer.global_step] = float(outputs["loss"])


class KilledError(Exception):
    """What stops a run here."""


class KillBefore(Callback):
    """Stops a run between two steps, in every process of it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: object, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            raise KilledError


def quiet_trainer(max_steps: int, *callbacks: Callback, **settings: Any) -> Trainer:
    """A trainer that leaves nothing on disk and says nothing."""
    defaults: dict[str, Any] = {"limit_val_batches": 0, "gradient_clip_val": 1.0}
    checkpoints = any(type(callback).__name__ == "ModelCheckpoint" for callback in callbacks)
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=checkpoints,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        max_steps=max_steps,
        callbacks=list(callbacks),
        **{**defaults, **settings},
    )


def fit(stage: Any, data: Any, max_steps: int, *callbacks: Callback, **settings: Any) -> list[float]:
    """Train and return the loss of each step."""
    tape = LossTape()
    ckpt_path = settings.pop("ckpt_path", None)
    quiet_trainer(max_steps, tape, *callbacks, **settings).fit(stage, data, ckpt_path=ckpt_path)
    return [tape.losses[step] for step in sorted(tape.losses)]


def prepared(stage: Any, data: Any) -> Any:
    """The stage with its model built and one trainer attached, as Lightning has it before the first step."""
    trainer = quiet_trainer(1, limit_train_batches=1)
    stage.trainer = data.trainer = trainer
    trainer._data_connector.attach_datamodule(stage, data)
    trainer.strategy.connect(stage)
    data.prepare_data()
    data.setup("fit")
    stage.configure_model()
    torch.manual_seed(0)
    return stage
