"""A reasoning agent that says its message in K latents, trained end to end through the frozen actor.

Knows no environment and no Lightning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.sender import View, left_pad, request_text
from interlat.models import Lora, add_boundary_tokens, add_lora, load_causal_lm
from interlat.models.backbone import embed_tokens, hidden_size
from interlat.models.cache import KVState, extend
from interlat.models.chat import ChatFormat, encode


@dataclass(frozen=True)
class CompressorSettings:
    """What a compressor is made of.

    Args:
        backbone: a model name; the paper starts from the base model of the sender's family.
        num_latents: K, how many latents it says.
        tokenizer: another model whose tokenizer and chat template to take; None takes the backbone's.
        lora: low-rank adaptation; None trains every weight, as the paper does.
        bridge: where the bridge's map starts. ``random`` as in the authors' release; ``fitted`` maps the sender's states to the
            embeddings of the tokens they predict, so that unrolling starts as the sender's own plan (``Bridge.fit``).
        dtype: of the weights.
    """

    backbone: str
    num_latents: int = 8
    tokenizer: str | None = None
    lora: Lora | None = None
    bridge: Literal["random", "fitted"] = "random"
    dtype: str = "float32"


class Bridge(nn.Module):
    """From a last-layer state to the next input embedding: LayerNorm, then a linear map without bias.

    Source: appendix B of the Interlat paper (E_{i+1} = E_i with Proj(h_i) appended); the shape follows the authors' release.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.linear = nn.Linear(dim, dim, bias=False)

    @torch.no_grad()
    def fit(self, states: Float[Tensor, "tokens dim"], embeddings: Float[Tensor, "tokens dim"]) -> float:
        """Set the map to the least-squares one from states to the embeddings of the tokens they predicted.

        A model that writes a plan reads the embedding of each token it predicts; the fitted bridge gives it about that without
        decoding, so a compressor with the sender's weights starts by unrolling the first K states of the sender's plan.

        Args:
            states: h_1..h_L of many plans.
            embeddings: of y_1..y_L.

        Returns:
            The share of the embeddings' variance that the map explains.
        """
        normed, wanted = self.norm(states.to(self.linear.weight)).double(), embeddings.double()
        ridge = 1e-6 * len(normed) * torch.eye(normed.shape[1], dtype=torch.double, device=normed.device)
        solution = torch.linalg.solve(normed.T @ normed + ridge, normed.T @ wanted)
        self.linear.weight.copy_(solution.T)
        left = (normed @ solution - wanted).pow(2).sum()
        return float(1 - left / (wanted - wanted.mean(dim=0)).pow(2).sum())

    def forward(self, state: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """Map a state to an input embedding."""
        projected: Tensor = self.linear(self.norm(state))
        return projected


class Compressor(nn.Module):
    """Unrolls K latents: reads the request, then feeds its own last state back through the bridge.

    z_1 is the state at the last prompt token, z_{k+1} the state at bridge(z_k). Nothing is decoded and nothing is
    detached: gradient flows through all K steps, through the bridge and through the cached keys and values.

    Args:
        lm: the language model.
        tokenizer: its tokenizer, with a chat template.
        num_latents: K.
        view: of the sender whose messages it says; decides what it is asked.
    """

    def __init__(
        self,
        lm: PreTrainedModel | PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        num_latents: int,
        view: View = "task",
    ) -> None:
        super().__init__()
        self.lm = lm
        self.tokenizer = tokenizer
        self.num_latents, self.view = num_latents, view
        self.bridge = Bridge(hidden_size(lm)).to(lm.dtype)
        self.chat = ChatFormat.of(tokenizer)

    @classmethod
    def build(cls, settings: CompressorSettings, view: View = "task") -> "Compressor":
        """Load the backbone, with LoRA if asked for, and a new bridge."""
        lm, tokenizer = load_causal_lm(settings.backbone, settings.dtype, settings.tokenizer)
        add_boundary_tokens(lm, tokenizer)
        model = lm if settings.lora is None else add_lora(lm, tokenizer, settings.lora)
        return cls(model, tokenizer, settings.num_latents, view)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.bridge.linear.weight.device

    def prompt_ids(self, opening: str, house: str | None = None) -> list[int]:
        """Token ids of the request: the same view the uncompressed sender had."""
        return encode(self.tokenizer, request_text(self.chat, opening, house, self.view))

    def forward(
        self, prompts: Sequence[Sequence[int]], num_latents: int | None = None
    ) -> Float[Tensor, "batch compressed dim"]:
        """Unroll K latents for each prompt.

        Args:
            prompts: token ids, of unequal length; padded on the left here.
            num_latents: K; None takes the trained one.
        """
        ids, mask = left_pad(prompts, self.tokenizer.pad_token_id, self.device)
        state = KVState.empty(len(prompts), self.device)
        real = torch.ones(len(prompts), 1, dtype=torch.bool, device=self.device)
        latest = extend(self.lm, state, embed_tokens(self.lm, ids), mask)[:, -1]
        latents = [latest]
        for _ in range((num_latents or self.num_latents) - 1):
            latest = extend(self.lm, state, self.bridge(latest)[:, None], real)[:, 0]
            latents.append(latest)
        return torch.stack(latents, dim=1)
