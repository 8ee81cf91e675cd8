"""Recipes on the command line: LightningCLI, and the two things that a second run of one recipe changes, its folder and its seed."""

from typing import Any

from lightning import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from interlat.errors import InvalidSetting
from interlat.training.callbacks import SaveRunConfig


class RecipeCLI(LightningCLI):
    """``lightning fit -c recipe.yaml [--run_folder DIR] [--seed_everything N]``."""

    def __init__(self) -> None:
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            save_config_callback=SaveRunConfig,
            seed_everything_default=0,
            # Our loaders share batches out among processes themselves; Lightning's sampler would lose their place.
            trainer_defaults={"use_distributed_sampler": False},
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add ``--run_folder``."""
        parser.add_argument(
            "--run_folder", type=str | None, help="keep the run here instead of in the recipe's own folder"
        )

    def before_instantiate_classes(self) -> None:
        """Bring seed and folder to every part of the run."""
        config = self.config[self.subcommand] if self.subcommand else self.config
        spread_seed(config)
        if config.run_folder is not None:
            move_run(config, config.run_folder)


def spread_seed(config: Any) -> None:
    """Give stage and data the recipe's ``seed_everything`` where they name no seed of their own.

    Runs of one recipe with different seeds then differ in everything drawn: weights, order, games chosen, rates and negatives.

    Args:
        config: of a subcommand; changed in place.
    """
    seed = config.seed_everything
    if isinstance(seed, bool) or not isinstance(seed, int):
        return
    for part in ("model", "data"):
        settings = config[part].init_args if part in config and config[part] is not None else None
        if settings is not None and settings.get("seed") == 0:
            settings["seed"] = seed


def move_run(config: Any, folder: str) -> None:
    """Let everything that writes into the run's folder write into another.

    Args:
        config: of a subcommand; changed in place.
        folder: takes Lightning's checkpoints, the log and the finished run.

    Raises:
        InvalidSetting: if the recipe has no RunFolder to move.
    """
    moved = False
    for callback in config.trainer.callbacks or []:
        name = callback.class_path.rpartition(".")[2]
        if name == "ModelCheckpoint":
            callback.init_args.dirpath = folder
        elif name == "RunFolder":
            callback.init_args.path = folder
            moved = True
    if not moved:
        raise InvalidSetting(
            f"--run_folder {folder} moves what interlat.training.RunFolder writes, but the recipe has no such callback; "
            "add it under trainer.callbacks"
        )
    logger = config.trainer.logger
    if logger is not None and not isinstance(logger, bool):
        for each in logger if isinstance(logger, list) else [logger]:
            each.init_args.save_dir = folder
