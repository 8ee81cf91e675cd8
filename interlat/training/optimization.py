"""What the stages share in optimising: a warmed-up schedule, seeds by batch, gradient norms; knows nothing of any loss."""

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from interlat.training.sharding import let_go, require_sharding

log = logging.getLogger(__name__)

Schedule = Literal["constant", "linear", "cosine"]


def warmed_up(optimizer: Optimizer, num_steps: int, warmup_share: float, schedule: Schedule) -> LambdaLR:
    """Linear warm-up over a share of all steps, then a constant rate, or a linear or cosine fall to a tenth of it."""
    warmup = max(1, round(num_steps * warmup_share))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, num_steps - warmup))
        if schedule == "linear":
            return 1 - 0.9 * done
        if schedule == "cosine":
            return 0.1 + 0.45 * (1 + math.cos(math.pi * done))
        return 1.0

    return LambdaLR(optimizer, factor)


def batch_generator(seed: int, number: int) -> torch.Generator:
    """The generator of one batch. A run that goes on after an interruption draws what it would have drawn."""
    return torch.Generator().manual_seed(seed * 1_000_003 + number)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Euclidean norm of the gradients of these parameters, whole or in shards; 0 where none has one."""
    gradients = [parameter.grad.detach() for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    norm = nn.utils.get_total_norm(gradients)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


class Stage(LightningModule):
    """A LightningModule that continues exactly after an interruption and saves only what it trains.

    Args:
        seed: with the batch's number, seeds everything random in a step.
    """

    shards = False  # whether ``configure_model`` deals the stage out where the trainer's strategy asks for it

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        # Frozen weights come from the backbone's own files; a checkpoint without them is a hundredth of the size.
        self.strict_loading = False

    def setup(self, stage: str) -> None:
        """Refuse strategies that the stage does not run under.

        Raises:
            InvalidSetting: if it does not.
        """
        require_sharding(self.trainer, self.shards)

    def on_fit_start(self) -> None:
        """Say so where weights are kept in too few bits to learn."""
        coarse = {
            str(each.dtype) for each in self.trained_parameters() if each.dtype in (torch.bfloat16, torch.float16)
        }
        if coarse:
            log.warning(
                "trained weights are kept in %s: a step of less than 1/256 of a weight is lost to rounding, at a rate of 1e-5 most are; "
                "set dtype: float32, and trainer.precision: bf16-mixed to compute in half precision",
                ", ".join(sorted(coarse)),
            )

    def on_after_backward(self) -> None:
        """Let go of what a sharded stage has gathered for the batch."""
        let_go(self)

    @property
    def batch_number(self) -> int:
        """Number of this training batch in the whole run, counting those of every process."""
        # Not the step: batches whose gradients are accumulated share one, and must not share what they draw.
        return self.trainer.fit_loop.total_batch_idx * self.trainer.world_size + self.trainer.global_rank

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        """Seed dropout by the batch, so that it does not depend on what ran before."""
        torch.manual_seed(self.seed * 1_000_003 + self.batch_number)

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Leave frozen weights out of the checkpoint."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        state = checkpoint["state_dict"]
        assert isinstance(state, dict)
        checkpoint["state_dict"] = {name: value for name, value in state.items() if name in trained}

    def trained_parameters(self) -> list[nn.Parameter]:
        """Every parameter that learns."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def scheduled(self, optimizer: Optimizer, warmup_share: float, schedule: Schedule) -> dict[str, Any]:
        """The optimizer with its warmed-up schedule over the whole run, as ``configure_optimizers`` returns it."""
        steps = warmed_up(optimizer, int(self.trainer.estimated_stepping_batches), warmup_share, schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": steps, "interval": "step"}}

    def export(self, folder: Path) -> None:
        """Write what the stage trained into a run folder."""
        raise TypeError(f"{type(self).__name__} does not say how it is exported")
