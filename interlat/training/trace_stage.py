"""DiffMAS: agents learn what to leave in a shared trace of keys and values, taught by the last agent's target alone. Knows no games.

L = mean over target tokens of −log p(token | the trace, the last agent's prompt, tokens before it), in nats a token; no other term
(DiffMAS, arXiv 2604.21794). The backbone is frozen, LoRA learns. What the paper leaves open is an option; see
docs/decisions/0011-trace-gradients.md. What goes beyond it is off unless a recipe asks: terms (``interlat.training.trace_terms``), steps
that are learnt (``interlat.training.trace_steps``), a communication adapter; see docs/decisions/0012-trace-terms.md.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from peft import PeftModel
from torch import Tensor
from torch.optim import AdamW

from interlat.agents.trace_agents import TraceAgents, TraceBatch
from interlat.agents.trace_communication import communication_adapters, fit_adapters
from interlat.agents.trace_folder import TRACE_STAGE, save_trace
from interlat.agents.trace_gradients import TraceGradients
from interlat.agents.trace_settings import TraceSettings
from interlat.errors import InvalidSetting
from interlat.models import load_causal_lm
from interlat.models.recomputation import Recomputation, refuse_dropped_cache
from interlat.models.trace_adapters import add_adapters
from interlat.training.callbacks import write_stage_file
from interlat.training.optimization import Schedule, Stage, batch_generator, gradient_norm
from interlat.training.trace_data import TaughtProblem
from interlat.training.trace_steps import LearntSteps, StepLearner
from interlat.training.trace_terms import TraceWeights, held_out_terms, trace_terms, weighted

_PARTIAL, _BASELINE = "accumulated_gradients", "step_baseline"  # in a checkpoint
FITTED_PROBLEMS = 64  # whose prompts an adapter is fitted to, at most
log = logging.getLogger(__name__)


class TraceStage(Stage):
    """Trains the adapters of agents that share a trace.

    Args:
        trace: the agents, their backbone and LoRA, and where gradients flow.
        recomputation: what the backward pass computes again instead of keeping it: ``none``, fastest; ``agent``; ``reading``, least memory.
            Loss and gradients are the same.
        optimizer: called with the adapters' parameters.
        warmup_share: of all steps.
        schedule: of the learning rate after the warm-up.
        seed: of LoRA's weights, of dropout and of steps that are drawn.
        separation_weight: λ_S of L_sep; wants at least two problems a batch.
        mismatched_gradient: whether gradient flows through the pass with another problem's trace, too.
        alignment_weight: λ_A of L_align.
        kl_weight: β within L_align.
        cosine_weight: α within L_align.
        validate_swapped: validate on another problem's trace, too; a separation_weight above 0 does so anyway.
        learnt_steps: lets the number of latent steps be learnt, agent by agent; None keeps the trace's.

    Raises:
        InvalidSetting: if a weight is negative, or there is no trace for what is asked of it.
    """

    def __init__(  # noqa: PLR0913 - a recipe's settings, flat by LightningCLI's convention
        self,
        trace: TraceSettings,
        *,
        recomputation: Recomputation = "reading",
        optimizer: OptimizerCallable = AdamW,
        warmup_share: float = 0.03,
        schedule: Schedule = "cosine",
        seed: int = 0,
        separation_weight: float = 0.0,
        mismatched_gradient: bool = False,
        alignment_weight: float = 0.0,
        kl_weight: float = 0.7,
        cosine_weight: float = 0.3,
        validate_swapped: bool = False,
        learnt_steps: LearntSteps | None = None,
    ) -> None:
        super().__init__(seed)
        self.weights = TraceWeights(separation_weight, alignment_weight, kl_weight, cosine_weight, mismatched_gradient)
        self.swaps = validate_swapped or separation_weight > 0
        if not trace.sends_trace and (self.swaps or alignment_weight or learnt_steps):
            raise InvalidSetting(
                "separation_weight, validate_swapped, alignment_weight and learnt_steps are asked of a trace, and none travels here; take "
                "several agents and channel: trace, or leave them out"
            )
        self.settings, self.recomputation = trace, recomputation
        self.steps = None if learnt_steps is None else StepLearner(learnt_steps, trace)
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
        self.communication = communication_adapters(self.settings, self.lm)
        self._agents = TraceAgents(self.settings, self.lm, self.tokenizer, self.recomputation, self.communication)
        if self.settings.communication_adapter and self.settings.communication_adapter.start == "fitted":
            self._fit_adapters()

    def _fit_adapters(self) -> None:
        names = [agent.name for agent in self.agents.team.agents]
        rows = self.trainer.datamodule.train[:FITTED_PROBLEMS]  # type: ignore[attr-defined]
        batches = (self.agents.batch([row.question(names)], [row.target]) for row in rows)
        prompts = [prompt for batch in batches for prompt in batch.prompts]
        explained = fit_adapters(self.settings, self.communication, self.lm, prompts)
        log.info(
            "the communication adapter starts as '%s' and explains %.3f of its variance",
            self.settings.alignment,
            explained,
        )

    @property
    def agents(self) -> TraceAgents:
        """The agents, once built."""
        assert self.lm is not None, "configure_model has not run"
        return self._agents

    def collator(self) -> Callable[[Sequence[TaughtProblem]], TraceBatch]:
        """Lays out problems for these agents; the data module asks for it."""
        agents, told = self.agents, self.weights.alignment > 0
        names = [agent.name for agent in agents.team.agents]

        def collate(rows: Sequence[TaughtProblem]) -> TraceBatch:
            return agents.batch(
                [row.question(names) for row in rows],
                [row.target for row in rows],
                [row.name for row in rows],
                [row.problem.plan for row in rows] if told else None,
            )

        return collate

    def on_fit_start(self) -> None:
        """Refuse a model that drops its cache while it trains, and batches that hold no other problem's trace."""
        refuse_dropped_cache(self.agents.lm)
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if self.weights.separation and min(data.batch_size, len(data.train)) < 2:
            raise InvalidSetting(
                f"separation_weight compares a problem's trace with another's of its batch, got batches of {data.batch_size} of "
                f"{len(data.train)} problems; raise data.batch_size to at least 2"
            )

    def training_step(self, batch: TraceBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of the target, nats a token, and what else is asked for.

        Every ``log_every_n_steps`` also the gradient norm of each agent's entries is logged.
        """
        agents, logged = self.agents, (self.global_step + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        self._watch = TraceGradients() if logged else None
        steps = None if self.steps is None else self.steps.drawn(batch_generator(self.seed, self.batch_number))
        terms = trace_terms(agents, batch, agents.heard(batch, self._watch, steps), self.weights)
        loss, rows = weighted(terms, self.weights), len(batch.targets[0])
        parts = {"separation": -terms["separation"]} if "separation" in terms else {}
        parts |= {name: value for name, value in terms.items() if name == "alignment"}
        if self.steps is not None and steps is not None:
            loss = self.steps.loss(loss, steps)
            parts |= self.steps.metrics()
        self.log("train/loss", loss, prog_bar=True, batch_size=rows)
        self.log("train/tokens", float(batch.targets[1].sum()), batch_size=rows)
        if parts:
            parts["loss_task"] = terms["task"]
            self.log_dict({f"train/{name}": value.detach() for name, value in parts.items()}, batch_size=rows)
        return loss

    def validation_step(self, batch: TraceBatch, batch_idx: int) -> None:
        """The same on held-out problems, and where the last agent hears no one: the difference is what the trace is worth.

        Where asked for, also behind another problem's trace, and on words. Agents take the steps that they most likely choose.
        """
        heard = self.agents.heard(batch, steps=None if self.steps is None else self.steps.choice.likeliest())
        values = held_out_terms(self.agents, batch, heard, self.swaps)
        self.log_dict(
            {f"val/{name}": value for name, value in values.items()}, batch_size=len(batch.targets[0]), prog_bar=True
        )

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
        """Keep what learns only, what steps are compared with, and in the middle of an accumulation the gradients so far.

        With several processes each has gradients of its own; there a run goes on exactly from checkpoints at an optimizer step.
        """
        super().on_save_checkpoint(checkpoint)
        if self._accumulating and self.trainer.world_size == 1:
            named = ((name, parameter.grad) for name, parameter in self.named_parameters())
            checkpoint[_PARTIAL] = {name: gradient.detach().clone() for name, gradient in named if gradient is not None}
        if self.steps is not None:
            checkpoint[_BASELINE] = self.steps.baseline.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the gradients of an accumulation that was interrupted, and what steps are compared with."""
        self._between_steps = checkpoint.get(_PARTIAL)
        if self.steps is not None:
            self.steps.baseline.load(checkpoint[_BASELINE])

    def on_train_start(self) -> None:
        """Go on with an accumulation that was interrupted."""
        if self._between_steps is not None:
            for name, parameter in self.named_parameters():
                if name in self._between_steps:
                    parameter.grad = self._between_steps[name].to(parameter)
            self._between_steps, self._accumulating = None, True

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        """The recipe's optimizer with a warmed-up schedule."""
        if self.steps is None:
            return self.scheduled(self.make_optimizer(self.trained_parameters()), self.warmup_share, self.schedule)
        choice = list(self.steps.parameters())
        others = [each for each in self.trained_parameters() if all(each is not logits for logits in choice)]
        optimizer = self.make_optimizer([{"params": others}, {"params": choice}])
        optimizer.param_groups[-1]["lr"] *= self.steps.settings.lr_scale
        return self.scheduled(optimizer, self.warmup_share, self.schedule)

    def export(self, folder: Path) -> None:
        """Write the adapters, and what they were trained on; agents take the steps that they most likely choose."""
        assert self.lm is not None
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        played, chosen = self.settings, {}
        if self.steps is not None:
            played = played.with_steps(self.steps.choice.likeliest())
            chosen = {"step_probabilities": self.steps.choice.probabilities()}
        made = save_trace(self.lm, self.tokenizer, played, folder, self.communication) | chosen
        write_stage_file(folder, {"stage": TRACE_STAGE, **made, **data.provenance(), "steps": self.global_step})
