"""``lightning fit|validate|test|predict -c recipe.yaml``: LightningCLI over this library's stages and data modules."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a recipe; 0 done, 1 failed, 2 wrong use."""
    # Set before torch starts its threads: spinning threads make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from lightning import LightningDataModule, LightningModule
    from lightning.pytorch.cli import LightningCLI

    from alfworld_env.errors import AlfworldEnvError
    from interlat.errors import InterlatError
    from interlat.training.callbacks import SaveRunConfig

    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "Tip" not in record.getMessage()
    )
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    if arguments is not None:
        sys.argv = ["lightning", *arguments]
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
    except (InterlatError, AlfworldEnvError) as error:
        print(f"lightning: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
