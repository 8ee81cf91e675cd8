"""What a run leaves on disk besides Lightning's own checkpoints: the run folder that evaluation reads.

Knows nothing of losses.
"""

import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback

from interlat.errors import CheckpointMismatch
from interlat.exclusive import exclusive
from interlat.training.curves import draw_curves
from interlat.training.optimization import Stage
from interlat.training.sharding import gathered

STAGE_FILE = "stage.json"  # written last, so that a folder that has it is complete


class RunFolder(Callback):
    """Exports the stage into a folder when training ends, and draws its losses beside it where the folder holds its log.

    Files are written beside the folder's own and moved in whole; ``stage.json`` comes last. A finished run is never overwritten,
    and no two processes train into one folder.

    Args:
        path: of the run folder, e.g. ``checkpoints/stage1``.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._held = ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to train over a finished run, or beside another. Not sooner: Lightning only now says what is resumed.

        Raises:
            CheckpointMismatch: if the folder holds a finished run and this is not its continuation.
            FolderInUse: if another process trains into it.
        """
        if (self.path / STAGE_FILE).exists() and not trainer.ckpt_path:
            raise CheckpointMismatch(
                f"'{self.path}' already holds a finished run; delete the folder, set another path for RunFolder in the recipe, "
                "or go on with --ckpt_path last"
            )
        if trainer.is_global_zero:
            self._held.enter_context(exclusive(self.path))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Export, unless training was stopped before its end."""
        if not trainer.interrupted and isinstance(pl_module, Stage):
            with gathered(pl_module, keep=trainer.is_global_zero):
                if trainer.is_global_zero:
                    export_run(pl_module, self.path)
                    for logger in trainer.loggers:
                        logger.save()  # rows still in memory
                    draw_curves(self.path, self.path / "curves.png")
        self._held.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let go of the folder: whoever mends what broke off goes on in the same process, in a notebook for one."""
        self._held.close()


def export_run(stage: Stage, path: Path) -> None:
    """Write a stage into a run folder; each part appears whole, the marker file last."""
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    stage.export(partial)
    path.mkdir(parents=True, exist_ok=True)
    for part in sorted(partial.iterdir(), key=lambda part: part.name == STAGE_FILE):
        target = path / part.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(part, target)
    # Not rmdir: a part that is the same file under two names, as a carried actor is, does not move.
    shutil.rmtree(partial)


def write_stage_file(folder: Path, content: dict[str, object]) -> None:
    """Write ``stage.json``: what the run is and what it was made with."""
    (folder / STAGE_FILE).write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


class SaveRunConfig(SaveConfigCallback):
    """Keeps the whole configuration as ``config.yaml`` in the run folder, beside the checkpoint it made."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write nothing yet: RunFolder may still refuse the run."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it where RunFolder will export; a run that goes on says how it does."""
        folders = [callback.path for callback in trainer.callbacks if isinstance(callback, RunFolder)]  # type: ignore[attr-defined]
        for folder in folders if trainer.is_global_zero else []:
            folder.mkdir(parents=True, exist_ok=True)
            self.parser.save(self.config, folder / "config.yaml", overwrite=True, multifile=self.multifile)
