"""Run folders of tiny agents, trained for a few steps with the logs a real run leaves: what analyses look into. Plays no game."""

from pathlib import Path

from lightning import Trainer
from lightning.pytorch.loggers import CSVLogger
from tiny_agents import WrittenTasks, save_tiny_lm

from interlat.agents.actor import ActorSettings
from interlat.agents.compressor import CompressorSettings
from interlat.training import ActorStage, CompressionStage
from interlat.training.callbacks import export_run


def save_tiny_runs(folder: Path) -> None:
    """``stage1``; ``stage2`` of three latents, whose compressor starts from the sender; ``stage2-base`` of two, from another model.

    Sender and actor differ in width.
    """
    save_tiny_lm(folder / "sender", hidden_size=32)
    save_tiny_lm(folder / "base", hidden_size=32, seed=2)
    save_tiny_lm(folder / "actor", hidden_size=48, seed=1)
    data = WrittenTasks(folder / "sender", folder / "cache")
    _train(ActorStage(ActorSettings(str(folder / "actor"), sender_dim=32)), data, folder / "stage1")
    for name, backbone, num_latents in (("stage2", "sender", 3), ("stage2-base", "base", 2)):
        settings = CompressorSettings(str(folder / backbone), num_latents, bridge="fitted")
        _train(CompressionStage(settings, str(folder / "stage1")), data, folder / name)


def _train(stage: ActorStage | CompressionStage, data: WrittenTasks, folder: Path) -> None:
    trainer = Trainer(
        accelerator="cpu",
        max_steps=4,
        val_check_interval=4,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        logger=CSVLogger(folder, name="metrics"),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(stage, data)
    for logger in trainer.loggers:
        logger.save()
    export_run(stage, folder)
