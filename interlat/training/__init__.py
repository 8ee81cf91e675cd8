"""Training under Lightning: stages, data modules, callbacks; the only package that imports it, and it knows nothing of evaluation."""

from interlat.training.actor_stage import ActorStage
from interlat.training.actor_weights import ActorWeights
from interlat.training.callbacks import RunFolder
from interlat.training.collaboration_data import CollaborationDataModule
from interlat.training.compression_stage import CompressionStage, CompressionWeights
from interlat.training.datamodule import TrajectoryDataModule
from interlat.training.document_data import DocumentDataModule
from interlat.training.document_stage import DocumentStage
from interlat.training.trace_data import TraceDataModule
from interlat.training.trace_stage import TraceStage

__all__ = [
    "ActorStage",
    "ActorWeights",
    "CollaborationDataModule",
    "CompressionStage",
    "CompressionWeights",
    "DocumentDataModule",
    "DocumentStage",
    "RunFolder",
    "TraceDataModule",
    "TraceStage",
    "TrajectoryDataModule",
]
