"""DiffMAS: agents learn what to leave in a shared trace of keys and values, taught by the last agent's target alone. Knows no games.

L = mean over target tokens of −log p(token | the trace, the last agent's prompt, tokens before it), in nats a token; no other term
(DiffMAS, arXiv 2604.21794). The backbone is frozen, LoRA learns. What the paper leaves open is an option; see
docs/decisions/0011-trace-gradients.md.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from peft import PeftModel
from torch import Tensor
from torch.optim import AdamW

from interlat.agents.trace_agents import TraceAgents, TraceBatch
from interlat.agents.trace_folder import TRACE_STAGE, save_trace
from interlat.agents.trace_gradients import TraceGradients
from interlat.agents.trace_settings import TraceSettings
from interlat.losses import task_loss
from interlat.models import load_causal_lm
from interlat.models.recomputation import Recomputation, Trace, refuse_dropped_cache
from interlat.models.trace_adapters import add_adapters
from interlat.training.callbacks import write_stage_file
from interlat.training.optimization import Schedule, Stage, gradient_norm
from interlat.training.trace_data import TaughtProblem

_PARTIAL = "accumulated_gradients"  # in a checkpoint


class TraceStage(Stage):
    """Trains the adapters of agents that share a trace.

    Args:
        trace: the agents, their backbone and LoRA, and where gradients flow.
        recomputation: what the backward pass computes again instead of keeping it: ``none``, fastest; ``agent``; ``reading``, least memory.
            Loss and gradients are the same.
        optimizer: called with the adapters' parameters.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of LoRA's weights and of dropout.
    """

    def __init__(
        self,
        trace: TraceSettings,
        *,
        recomputation: Recomputation = "reading",
        optimizer: OptimizerCallable = AdamW,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.settings, self.recomputation = trace, recomputation
        self.make_optimizer, self.warmup_share, self.schedule = optimizer, warmup_share, schedule
        self.lm: PeftModel | None = None
        self._between_steps: dict[str, Tensor] | None = (
            None  # gradients of a checkpoint in the middle of an accumulation
        )
        self._accumulating = False

    def configure_model(self) -> None:
        """Load the backbone and put the adapters on it."""
        if self.lm is not None:
            return
        torch.manual_seed(self.seed)
        backbone, self.tokenizer = load_causal_lm(self.settings.model, self.settings.dtype)
        names = [name for name in self.settings.adapters().values() if name is not None]
        self.lm = add_adapters(backbone, list(dict.fromkeys(names)), self.settings.lora).train()
        self._agents = TraceAgents(self.settings, self.lm, self.tokenizer, self.recomputation)

    @property
    def agents(self) -> TraceAgents:
        """The agents, once built."""
        assert self.lm is not None, "configure_model has not run"
        return self._agents

    def collator(self) -> Callable[[Sequence[TaughtProblem]], TraceBatch]:
        """Lays out problems for these agents; the data module asks for it."""
        agents = self.agents
        names = [agent.name for agent in agents.team.agents]

        def collate(rows: Sequence[TaughtProblem]) -> TraceBatch:
            return agents.batch(
                [row.question(names) for row in rows], [row.target for row in rows], [row.name for row in rows]
            )

        return collate

    def on_fit_start(self) -> None:
        """Refuse a model that drops its cache while it trains."""
        refuse_dropped_cache(self.agents.lm)

    def training_step(self, batch: TraceBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of the target, nats a token; every ``log_every_n_steps`` also the gradient norm of each agent's entries."""
        agents, logged = self.agents, (self.global_step + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        self._watch = TraceGradients() if logged else None
        loss = _loss(*agents.predictions(batch, agents.heard(batch, self._watch)))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.targets[0]))
        self.log("train/tokens", float(batch.targets[1].sum()), batch_size=len(batch.targets[0]))
        return loss

    def validation_step(self, batch: TraceBatch, batch_idx: int) -> None:
        """The same on held-out problems, and where the last agent hears no one: the difference is what the trace is worth."""
        agents, (ids, _) = self.agents, batch.targets
        values = {"loss": _loss(*agents.predictions(batch, agents.heard(batch)))}
        if len(agents.team.agents) > 1:
            values["loss_alone"] = _loss(*agents.predictions(batch, Trace.empty(len(ids), ids.device)))
        self.log_dict({f"val/{name}": value for name, value in values.items()}, batch_size=len(ids), prog_bar=True)

    def on_after_backward(self) -> None:
        """Log how strongly the loss pulls at each agent's entries."""
        self._accumulating = True
        if self._watch is not None:
            scale = self.trainer.accumulate_grad_batches  # Lightning divides the loss by it
            norms = {
                f"train/gradient_norm_entries_{agent}": norm * scale for agent, norm in self._watch.norms().items()
            }
            self.log_dict(norms)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the gradient's norm before clipping, each adapter's apart where there are several."""
        self._accumulating = False
        self.log("train/gradient_norm", gradient_norm(self.trained_parameters()))
        if self.settings.gradient == "per_agent":
            named = list(self.named_parameters())
            for agent, adapter in self.settings.adapters().items():
                own = (parameter for name, parameter in named if f".{adapter}." in name)
                self.log(f"train/gradient_norm_{agent}", gradient_norm(own))

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Keep adapters only, and in the middle of an accumulation the gradients so far.

        With several processes each has gradients of its own; there a run goes on exactly from checkpoints at an optimizer step.
        """
        super().on_save_checkpoint(checkpoint)
        if self._accumulating and self.trainer.world_size == 1:
            named = ((name, parameter.grad) for name, parameter in self.named_parameters())
            checkpoint[_PARTIAL] = {name: gradient.detach().clone() for name, gradient in named if gradient is not None}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the gradients of an accumulation that was interrupted."""
        self._between_steps = checkpoint.get(_PARTIAL)

    def on_train_start(self) -> None:
        """Go on with an accumulation that was interrupted."""
        if self._between_steps is not None:
            for name, parameter in self.named_parameters():
                if name in self._between_steps:
                    parameter.grad = self._between_steps[name].to(parameter)
            self._between_steps, self._accumulating = None, True

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        return self.scheduled(self.make_optimizer(self.trained_parameters()), self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Write the adapters, and what they were trained on."""
        assert self.lm is not None
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        made = save_trace(self.lm, self.tokenizer, self.settings, folder)
        write_stage_file(folder, {"stage": TRACE_STAGE, **made, **data.provenance(), "steps": self.global_step})


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    return task_loss(logits[None], targets[None], torch.ones_like(targets[None], dtype=torch.bool))
