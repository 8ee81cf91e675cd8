"""The reasoning agent whose keys and values are the message: it reads, thinks without words, and leaves its cache.

Source: LatentMAS (arXiv 2511.20639), between two agents. Both are one model: keys and values of other weights mean nothing to the
receiver. Knows no environment and no Lightning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.latent_thoughts import aligner, has_tied_embeddings, think
from interlat.agents.sender import View, left_pad, request_text
from interlat.messages import KVMessage, Span
from interlat.models.backbone import embed_tokens
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import ChatFormat, encode
from interlat.models.decoding import Generators, Sampling, decode
from interlat.models.kv import messages_of

SENDER = "sender"  # under which its entries are kept
LATENT_STEPS = 20  # as the README of LatentMAS first had it, and as collaborations take by default


@dataclass(frozen=True, eq=False)
class KVPlan:
    """A plan in words and the keys and values its writer holds.

    Args:
        text: the plan.
        num_tokens: that it has, without the end mark.
        message: keys and values of prompt and plan, the end mark among them where it came.
    """

    text: str
    num_tokens: int
    message: KVMessage


class KVSender:
    """Sees a task once and hands over what it holds of it.

    States are aligned by the ridge map; where input and output embeddings are tied, that is the rescaling alone.

    Args:
        lm: the receiver's own model; used without gradient.
        tokenizer: its tokenizer.
        steps: m latent steps behind the prompt; 0 hands over the prompt alone.
        view: decides what it is asked.
    """

    def __init__(
        self,
        lm: PreTrainedModel | PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        steps: int = LATENT_STEPS,
        view: View = "task",
    ) -> None:
        self.lm, self.tokenizer, self.steps, self.view = lm.eval(), tokenizer, steps, view
        self.chat = ChatFormat.of(tokenizer)
        self.end_id = encode(tokenizer, self.chat.assistant_end)[0]
        self.align = aligner(lm, "rescale" if has_tied_embeddings(lm) else "ridge")

    def prompt_ids(self, opening: str, house: str | None = None) -> list[int]:
        """Token ids of the request, as a sender that writes plans is asked."""
        return encode(self.tokenizer, request_text(self.chat, opening, house, self.view))

    @torch.no_grad()
    def think(self, prompts: Sequence[Sequence[int]]) -> list[KVMessage]:
        """Read prompts of unequal length as one batch, think m steps behind each, and hand over all of it.

        Raises:
            InvalidSetting: if m is negative.
        """
        state, latest = self._read(prompts)
        think(self.lm, state, latest, self.align, self.steps, Span(SENDER, "latent"))
        return messages_of(state, {"agent": SENDER, "latent_steps": self.steps})

    @torch.no_grad()
    def write(
        self, prompts: Sequence[Sequence[int]], sampling: Sampling, generators: Generators | None = None
    ) -> list[KVPlan]:
        """Read the prompts, write a plan in words behind each instead of thinking, and hand over prompt and plan.

        Args:
            prompts: token ids, of unequal length.
            sampling: how plans are drawn.
            generators: required when sampling.
        """
        state, latest = self._read(prompts)
        rows = decode(self.lm, state, latest, self.end_id, sampling, generators)
        state.name(Span(SENDER, "text"))
        texts = [str(self.tokenizer.decode(row.ids, skip_special_tokens=True)) for row in rows]
        return [
            KVPlan(text, len(row.ids), message)
            for text, row, message in zip(texts, rows, messages_of(state, {"agent": SENDER}), strict=True)
        ]

    def _read(self, prompts: Sequence[Sequence[int]]) -> tuple[KVState, Tensor]:
        device = next(self.lm.parameters()).device
        ids, mask = left_pad(prompts, int(self.tokenizer.pad_token_id), device)
        state = KVState.empty(len(prompts), device)
        read = extend(self.lm, state, embed_tokens(self.lm, ids), mask, Span(SENDER, "prompt"))
        return state, last_states(read, mask)
