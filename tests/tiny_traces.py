"""Agents of a trace that are exact in float64, their questions and targets. Knows no Lightning."""

from collections.abc import Callable
from typing import Any

import torch
from tiny_collaborations import QUESTIONS, question_lm
from torch import Tensor

from interlat.agents.collaboration_accounts import Ledger
from interlat.agents.collaboration_prompts import Question
from interlat.agents.prompts import prompt
from interlat.agents.trace_agents import TraceAgents, TraceBatch
from interlat.agents.trace_collaboration import TraceCollaboration
from interlat.agents.trace_gradients import TraceGradients
from interlat.agents.trace_settings import TraceSettings
from interlat.losses import task_loss
from interlat.messages import Span
from interlat.models import train_tokenizer
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import extend
from interlat.models.chat import encode
from interlat.models.lora import Lora
from interlat.models.trace_adapters import add_adapters

TARGETS = ["5", "The plate costs 7 - 3, so 4.", "go on, and on"]
STEPS = 2
EPSILON = 1e-5
ROLES = (
    "planner",
    "critic",
    "refiner",
    "judger",
    "math_expert",
    "science_expert",
    "code_expert",
    "summariser",
    "single",
)
# Of the prompts' words too, so that a prompt has some sixty tokens and not some three hundred.
_TEXTS = [prompt(f"latentmas/{name}") for name in (*ROLES, "answer_number", "answer_choice", "heard")]
TOKENIZER = train_tokenizer([*_TEXTS, *(question.text for question in QUESTIONS), *TARGETS], 1000)


def tiny_lora(dropout: float = 0.0) -> Lora:
    """Rank 2 on all that the published runs adapt."""
    return Lora(rank=2, alpha=4.0, dropout=dropout, target_modules=("q_proj", "k_proj", "v_proj", "o_proj"))


def trace_agents(dropout: float = 0.0, recomputation: str = "none", **settings: Any) -> TraceAgents:
    """Agents on a backbone of two layers, with adapters that say something: B is drawn, not 0."""
    made = TraceSettings(
        "tiny", **{"cast": "sequential", "latent_steps": STEPS, "lora": tiny_lora(dropout), **settings}
    )
    names = dict.fromkeys(name for name in made.adapters().values() if name is not None)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        lm = add_adapters(question_lm(TOKENIZER), list(names), made.lora)
        torch.manual_seed(2)
        drawn: dict[str, Tensor] = {}
        for key, parameter in lm.named_parameters():
            if "lora_" in key:  # adapters of several agents begin alike
                alike = key.rpartition(".weight")[0].rpartition(".")[0]
                if alike not in drawn:
                    drawn[alike] = 0.1 * torch.randn_like(parameter)
                parameter.copy_(drawn[alike])
    return TraceAgents(made, lm.train(), TOKENIZER, recomputation)


def tiny_batch(agents: TraceAgents, rows: slice = slice(None)) -> TraceBatch:
    """Three questions of unequal length, or some of them."""
    return agents.batch(QUESTIONS[rows], TARGETS[rows], ["a", "b", "c"][rows])


def trace_loss(agents: TraceAgents, batch: TraceBatch, watch: TraceGradients | None = None) -> Tensor:
    """Nats a token."""
    logits, targets = agents.predictions(batch, agents.heard(batch, watch))
    return task_loss(logits[None], targets[None], torch.ones_like(targets[None], dtype=torch.bool))


def learning(agents: TraceAgents) -> dict[str, torch.nn.Parameter]:
    """What learns, by name."""
    return {name: parameter for name, parameter in agents.lm.named_parameters() if parameter.requires_grad}


def gradients(agents: TraceAgents, batch: TraceBatch, seed: int = 0) -> tuple[float, dict[str, Tensor]]:
    """The loss, and its gradient for everything that learns; 0 where none arrives."""
    torch.manual_seed(seed)
    agents.lm.zero_grad()
    loss = trace_loss(agents, batch)
    loss.backward()
    named = learning(agents).items()
    return loss.item(), {
        name: torch.zeros_like(value) if value.grad is None else value.grad.clone() for name, value in named
    }


def difference_along(agents: TraceAgents, loss: Callable[[], Tensor], direction: dict[str, Tensor]) -> float:
    """Central difference of a loss along a direction of the parameters."""
    values, named = [], learning(agents)
    with torch.no_grad():
        for sign in (1, -2):
            for name, step in direction.items():
                named[name] += sign * EPSILON * step
            values.append(float(loss()))
        for name, step in direction.items():
            named[name] += EPSILON * step
    return (values[0] - values[1]) / (2 * EPSILON)


@torch.no_grad()
def played_logits(team: TraceCollaboration, question: Question, target: str) -> tuple[Tensor, list[int]]:
    """Logits of a target behind what the agents read when they work, and its tokens."""
    heard, _ = team.hand_over([question])
    last = team.settings.agents[-1]
    state, latest, _ = team.read(last, [question], heard, Ledger(last.name, 1, torch.device("cpu")))
    ids = [*encode(TOKENIZER, target), team.end_id]
    lm = team._model(last)
    given = embed_tokens(lm, torch.tensor([ids]))
    states = extend(lm, state, given, torch.ones(1, len(ids), dtype=torch.bool), Span(last.name, "text"))
    return token_logits(lm, torch.cat([latest, states[0, :-1]])), ids
