"""The reasoning agent: writes a plan and keeps the states that predicted it. Knows no environment and no Lightning."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.prompts import prompt
from interlat.errors import CheckpointMismatch
from interlat.models.backbone import embed_tokens, hidden_size, last_layer_states
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import ChatFormat, encode
from interlat.models.decoding import Generators, Sampling, decode
from interlat.models.load import load_causal_lm, resolve
from interlat.models.vocabulary import fingerprint

View = Literal["task", "house", "problem"]


# As in the authors' collection for ALFWorld.
PAPER_SAMPLING = Sampling(temperature=0.7, top_p=0.9, top_k=50, max_new_tokens=1500)


@dataclass(frozen=True)
class SenderSettings:
    """Which sender, what it sees, and where its plans come from.

    Args:
        model: a model name as ``load_causal_lm`` takes it.
        view: ``task`` sees the task and the first observation only, as in the paper; ``house`` also sees where things are; ``problem``
            sees a problem and is asked, as a planner, for a plan without the answer.
        plans: ``sampled`` lets the sender write its plan; ``written`` gives it a plan in words made from the walkthrough and
            keeps the states with which it reads that plan, for senders too weak to plan.
        sampling: how plans are drawn.
        dtype: of the weights.
    """

    model: str
    view: View = "task"
    plans: Literal["sampled", "written"] = "sampled"
    sampling: Sampling = field(default_factory=lambda: PAPER_SAMPLING)
    dtype: str = "float32"


@dataclass(frozen=True)
class Plan:
    """A plan and the message it makes.

    Args:
        text: the plan.
        ids: its L tokens y_1..y_L, in the sender's vocabulary; the end mark is not one of them.
        latents: h_1..h_L: the last-layer state, after the final norm, that predicts each token, [L, D].
    """

    text: str
    ids: list[int]
    latents: Float[Tensor, "latents dim"]


class ReasoningAgent:
    """Sees a task once and writes a plan.

    Source: §3 of the Interlat paper. h_1 is the state at the last prompt token; the state reached by reading y_L
    predicts what comes after the plan and is not part of the message.

    Args:
        lm: an instruction-tuned causal LM; used without gradient.
        tokenizer: its tokenizer.
        sampling: how plans are drawn.
        view: decides what it is asked.
    """

    def __init__(
        self, lm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, sampling: Sampling, view: View = "task"
    ) -> None:
        self.view: View = view
        self.lm = lm.eval()
        self.tokenizer = tokenizer
        self.sampling = sampling
        self.chat = ChatFormat.of(tokenizer)
        self.end_id = encode(tokenizer, self.chat.assistant_end)[0]

    def prompt_ids(self, opening: str, house: str | None = None) -> list[int]:
        """Token ids of the request: the task's first observation and, in ``view: house``, where things are."""
        return encode(self.tokenizer, request_text(self.chat, opening, house, self.view))

    def encode(self, text: str) -> list[int]:
        """Token ids of a plan given as text."""
        return encode(self.tokenizer, text)

    @torch.no_grad()
    def write(self, prompts: Sequence[Sequence[int]], generator: Generators | None = None) -> list[Plan]:
        """Write one plan for each prompt, as one batch.

        Args:
            prompts: token ids, of unequal length; padded on the left here.
            generator: draws the samples, one for all or one a prompt; required unless the temperature is 0.
        """
        ids, mask = left_pad(prompts, self.tokenizer.pad_token_id, self.lm.device)
        state = KVState.empty(len(prompts), self.lm.device)
        read = extend(self.lm, state, embed_tokens(self.lm, ids), mask)
        rows = decode(self.lm, state, last_states(read, mask), self.end_id, self.sampling, generator, keep_states=True)
        return [
            Plan(str(self.tokenizer.decode(row.ids, skip_special_tokens=True)), row.ids, row.states) for row in rows
        ]

    @torch.no_grad()
    def read(self, prompts: Sequence[Sequence[int]], plans: Sequence[Sequence[int]]) -> list[Plan]:
        """The message of plans written by someone else: the states with which this sender would have predicted them."""
        joined = [[*head, *plan] for head, plan in zip(prompts, plans, strict=True)]
        ids, mask = left_pad(joined, self.tokenizer.pad_token_id, self.lm.device)
        states = last_layer_states(self.lm, embed_tokens(self.lm, ids), mask)
        width = ids.shape[1]
        return [
            Plan(
                str(self.tokenizer.decode(list(plan), skip_special_tokens=True)),
                list(plan),
                states[row, width - len(plan) - 1 : width - 1].clone(),
            )
            for row, plan in enumerate(plans)
        ]


def build_sender(settings: SenderSettings) -> ReasoningAgent:
    """Load the sender these settings describe."""
    lm, tokenizer = load_causal_lm(settings.model, settings.dtype)
    return ReasoningAgent(lm, tokenizer, settings.sampling, settings.view)


def provenance(settings: SenderSettings, sender: ReasoningAgent, seed: int) -> dict[str, Any]:
    """What determines a sender's messages: kept with every latent store and every run."""
    return {
        "sender": settings.model,
        "weights": weights_fingerprint(settings.model),
        "view": settings.view,
        "plans": settings.plans,
        "sampling": asdict(settings.sampling),
        "dtype": settings.dtype,
        "seed": seed,
        "width": hidden_size(sender.lm),
        "tokenizer": fingerprint(sender.tokenizer),
    }


def sender_settings(fields: dict[str, Any]) -> SenderSettings:
    """The settings that a provenance describes."""
    return SenderSettings(
        fields["sender"], fields["view"], fields["plans"], Sampling(**fields["sampling"]), fields["dtype"]
    )


def recorded_sender(fields: dict[str, Any]) -> ReasoningAgent:
    """Load the very sender that a run was trained to read.

    Args:
        fields: its provenance, as ``stage.json`` keeps it.

    Raises:
        CheckpointMismatch: if another model now lies under the sender's name: its latents are a language nobody was taught.
    """
    now = weights_fingerprint(fields["sender"])
    if now != fields["weights"]:
        raise CheckpointMismatch(
            f"wanted the sender '{fields['sender']}' with weights {fields['weights']}, whose messages this run was trained on, but the "
            f"weights there are {now}; put the sender back, or train the run again on the new one"
        )
    return build_sender(sender_settings(fields))


def weights_fingerprint(model: str) -> str:
    """Hash of a local model's weight files, so that a model trained anew under the same name is another sender."""
    folder = Path(resolve(model))
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16] if folder.is_dir() else model


def request_text(chat: ChatFormat, opening: str, house: str | None, view: View = "task") -> str:
    """The sender's whole prompt as text: one user turn, up to where the plan begins."""
    parts = [prompt("planner_request" if view == "problem" else "sender_request"), opening]
    if house is not None:
        parts.append(f"{prompt('sender_house')}\n{house}")
    return chat.opening + "\n\n".join(parts) + chat.user_end


def left_pad(rows: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of unequal length as ids and mask, padded on the left."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in rows], device=device)
    return ids, mask
