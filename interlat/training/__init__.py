"""Training under Lightning: stages, data modules, callbacks; the only package that imports it, and it knows nothing of evaluation."""

from interlat.training.actor_stage import ActorStage, ActorWeights
from interlat.training.base_stage import BaseStage, DocumentDataModule
from interlat.training.callbacks import RunFolder
from interlat.training.compression_stage import CompressionStage, CompressionWeights
from interlat.training.datamodule import TrajectoryDataModule

__all__ = [
    "ActorStage",
    "ActorWeights",
    "BaseStage",
    "CompressionStage",
    "CompressionWeights",
    "DocumentDataModule",
    "RunFolder",
    "TrajectoryDataModule",
]
