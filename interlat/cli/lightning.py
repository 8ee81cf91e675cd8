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
    from interlat.training.recipe_cli import RecipeCLI

    try:
        RecipeCLI()
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
