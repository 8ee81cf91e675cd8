"""The receiver: a causal LM that reads a message through the communication adapter and answers with actions.

Knows no environment and no Lightning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.adapter import CommunicationAdapter
from interlat.agents.conversation import ActionForm, Conversation
from interlat.errors import InvalidMessage
from interlat.losses.masking import next_token_pairs
from interlat.models import Lora, add_boundary_tokens, add_lora, boundary_ids, load_causal_lm
from interlat.models.backbone import embed_tokens, hidden_size, last_layer_states, token_logits
from interlat.splice import Layout, splice


@dataclass(frozen=True)
class ActorSettings:
    """What an actor is made of.

    Args:
        backbone: a model name as ``load_causal_lm`` takes it.
        tokenizer: another model whose tokenizer and chat template to take; None takes the backbone's.
        lora: low-rank adaptation; None trains every weight.
        form: answers hold the command alone (``action``), a thought and the command (``react``), or a solution (``solve``).
        sender_dim: width of the sender's latents; None means the actor's own width.
        adapter_heads: attention heads of the communication adapter; must divide the actor's width.
        adapter_dropout: on the adapter's attention.
        identity_adapter: leave the adapter out (the paper's ablation); needs equal widths.
        dtype: of the weights.
        adapter_start: ``random`` as in the paper; ``fitted`` maps each latent to the embedding of the token it predicts, so that
            training departs from what a plan in text would say (``CommunicationAdapter.fit``); in another vocabulary, to the mean
            embedding of the tokens that the predicted token's text is cut into.
    """

    backbone: str
    tokenizer: str | None = None
    lora: Lora | None = None
    form: ActionForm = "action"
    sender_dim: int | None = None
    adapter_heads: int = 8
    adapter_dropout: float = 0.1
    identity_adapter: bool = False
    dtype: str = "float32"
    adapter_start: Literal["random", "fitted"] = "random"


@dataclass(frozen=True)
class Predictions:
    """What the actor predicts at supervised positions of a batch.

    Args:
        logits: at predicting positions, [positions, vocab].
        targets: the tokens they should predict, [positions].
        rows: the batch row of each position, [positions].
    """

    logits: Float[Tensor, "positions vocab"]
    targets: Int[Tensor, " positions"]
    rows: Int[Tensor, " positions"]


class NoAdapter(nn.Module):
    """Passes latents on as they are: the ablation in which the adapter is left out."""

    def forward(
        self, latents: Float[Tensor, "batch latents dim"], mask: Bool[Tensor, "batch latents"]
    ) -> Float[Tensor, "batch latents dim"]:
        """Return the latents unchanged."""
        return latents


class NoLatents(nn.Module):
    """In the place of an adapter where nobody has taught the model to read latents."""

    def forward(
        self, latents: Float[Tensor, "batch latents dim"], mask: Bool[Tensor, "batch latents"]
    ) -> Float[Tensor, "batch latents dim"]:
        """Refuse.

        Raises:
            InvalidMessage: always.
        """
        raise InvalidMessage(
            "wanted text, keys and values, or silence for a model without an adapter, got latents; train it to read them "
            "with 'lightning fit -c recipes/stage1.yaml' and name the run"
        )


class Actor(nn.Module):
    """A causal LM with a communication adapter.

    Args:
        lm: the language model, its tokenizer's boundary tokens added.
        tokenizer: the tokenizer.
        adapter: maps latents of the sender into the actor's embedding space; with ``NoLatents``, the tokenizer needs no boundary
            tokens.
        form: of the answers.
    """

    def __init__(
        self, lm: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, adapter: nn.Module, form: ActionForm
    ) -> None:
        super().__init__()
        self.lm = lm
        self.adapter = adapter
        self.tokenizer = tokenizer
        self.conversation = Conversation(tokenizer, form)
        self._boundary = boundary_ids(tokenizer) if self.reads_latents else None

    @classmethod
    def build(cls, settings: ActorSettings) -> "Actor":
        """Load the backbone, add boundary tokens, LoRA if asked for, and a new adapter."""
        lm, tokenizer = load_causal_lm(settings.backbone, settings.dtype, settings.tokenizer)
        add_boundary_tokens(lm, tokenizer)
        width = hidden_size(lm)
        adapter: nn.Module = NoAdapter()
        if not settings.identity_adapter:
            adapter = CommunicationAdapter(
                settings.sender_dim or width, width, settings.adapter_heads, settings.adapter_dropout
            ).to(lm.dtype)
        model = lm if settings.lora is None else add_lora(lm, tokenizer, settings.lora)
        return cls(model, tokenizer, adapter, settings.form)

    @property
    def reads_latents(self) -> bool:
        """Whether it was built to; a plain model was not."""
        return not isinstance(self.adapter, NoLatents)

    @property
    def boundary(self) -> tuple[int, int]:
        """Ids of ``<bop>`` and ``<eop>``.

        Raises:
            MissingBoundaryTokens: if it is a plain model without them.
        """
        return boundary_ids(self.tokenizer) if self._boundary is None else self._boundary

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.lm.parameters()).device

    @property
    def width(self) -> int:
        """Width D_r of the actor."""
        return hidden_size(self.lm)

    def adapt(self, latents: Sequence[Float[Tensor, "_ sender_dim"]]) -> list[Float[Tensor, "_ receiver_dim"]]:
        """Pass messages of unequal length through the adapter, as one padded batch."""
        if not latents:
            return []
        padded = nn.utils.rnn.pad_sequence(list(latents), batch_first=True).to(self.device, self.lm.dtype)
        lengths = torch.tensor([len(message) for message in latents], device=self.device)
        if int(lengths.min()) == 0:
            raise InvalidMessage(
                "a latent message must hold at least one latent, got an empty one; send Silence instead"
            )
        mask = torch.arange(padded.shape[1], device=self.device) < lengths[:, None]
        adapted = self.adapter(padded, mask)
        return [row[:length] for row, length in zip(adapted, lengths.tolist(), strict=True)]

    def embed(self, ids: Int[Tensor, " tokens"]) -> Float[Tensor, "tokens receiver_dim"]:
        """The actor's own embeddings of tokens: how a text message is put in the place of latents."""
        return embed_tokens(self.lm, ids.to(self.device))

    def spliced(self, layout: Layout, messages: Sequence[Float[Tensor, "_ receiver_dim"]]) -> Tensor:
        """Input embeddings of a laid-out batch with its messages filled in, [batch, tokens, receiver_dim]."""
        return splice(embed_tokens(self.lm, layout.ids), layout.message_mask, messages)

    def predict(self, layout: Layout, messages: Sequence[Float[Tensor, "_ receiver_dim"]]) -> Predictions:
        """Logits at supervised positions, row by row in order; the head is computed nowhere else.

        The order of positions does not depend on the messages' lengths, so passes with different messages over the
        same rows can be compared position by position.
        """
        states = last_layer_states(self.lm, self.spliced(layout, messages), layout.mask)
        predicting, targets, mask = next_token_pairs(states, layout.ids, layout.supervised_mask)
        return Predictions(token_logits(self.lm, predicting[mask]), targets[mask], torch.nonzero(mask)[:, 0])
