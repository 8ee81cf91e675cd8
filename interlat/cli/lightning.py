"""``lightning fit|validate|test|predict -c recipe.yaml``: LightningCLI over this library's stages and data modules."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence

from interlat.cli.exit_codes import run_command
from interlat.errors import InterlatError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a recipe; 0 done, 1 failed, 2 wrong use."""
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "Tip" not in record.getMessage()
    )
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    if arguments is not None:
        sys.argv = ["lightning", *arguments]
    return run_command("lightning", _run_recipe)


def _run_recipe() -> None:
    from lightning import LightningDataModule, LightningModule
    from lightning.pytorch.cli import LightningCLI

    from interlat.training.callbacks import SaveRunConfig

    try:
        LightningCLI(
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
    except ValueError as error:
        raise _cause(error) from error


def _cause(error: BaseException) -> BaseException:
    """What a stage or data module raised on purpose: jsonargparse wraps it in a report on types and all arguments."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, InterlatError):
        inner = inner.__cause__ or inner.__context__
    return inner or error


if __name__ == "__main__":
    sys.exit(main())
