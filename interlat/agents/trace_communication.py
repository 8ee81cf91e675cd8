"""Interlat's communication adapter between two latent steps of an agent of a trace. Knows no Lightning, no loss and no prompt.

Without it, a state becomes the next input by a fixed alignment. With it,

    z = adapter(h), as of a message of one latent

and the adapter learns with the LoRA of whoever thinks: one for all who share a LoRA, one for each who has its own, none for the bare
backbone. Source: the adapter is §3.1's of the Interlat paper; that it feeds thoughts back is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from interlat.adapter import CommunicationAdapter
from interlat.agents.latent_thoughts import Aligner, aligner
from interlat.agents.trace_settings import TraceSettings
from interlat.errors import CheckpointMismatch
from interlat.models.backbone import embed_tokens, hidden_size
from interlat.models.cache import KVState, extend

FILE = "communication.safetensors"
FITTED_STATES = 1000  # a few prompts'; enough, and read in a second
Padded = tuple[Int[Tensor, "_ _"], Bool[Tensor, "_ _"]]  # prompts of any number and length


@dataclass(frozen=True, eq=False, kw_only=True)
class LearntAligner(Aligner):
    """Maps a last-layer state to an input embedding by a communication adapter.

    Args:
        adapter: of equal widths.
    """

    adapter: CommunicationAdapter

    def __call__(self, states: Float[Tensor, "*batch sender_dim"]) -> Float[Tensor, "*batch receiver_dim"]:
        """Adapt each state as a message of its own; returned in the states' type.

        Gradient:
            Flows into the states and the adapter.
        """
        messages = states.reshape(-1, 1, states.shape[-1])
        mask = torch.ones(messages.shape[:2], dtype=torch.bool, device=states.device)
        return cast(Tensor, self.adapter(messages, mask)).view_as(states).to(states.dtype)


def communication_adapters(settings: TraceSettings, lm: PreTrainedModel | PeftModel) -> nn.ModuleDict:
    """A new communication adapter beside every LoRA of an agent who thinks, under the LoRA's name; none where none is wanted.

    They learn in float32 at least, as LoRA does.
    """
    made, width = nn.ModuleDict(), hidden_size(lm)
    if (wanted := settings.communication_adapter) is not None:
        for name in sorted(set(settings.thinking().values())):
            adapter = CommunicationAdapter(width, width, wanted.heads, wanted.dropout)
            made[name] = adapter.to(torch.promote_types(lm.dtype, torch.float32))
    return made


def learnt_aligners(settings: TraceSettings, adapters: nn.ModuleDict) -> dict[str, Aligner]:
    """What feeds an agent's states back, by its name; agents who are not in it keep the settings' alignment."""
    return {
        agent: LearntAligner(adapter=cast(CommunicationAdapter, adapters[name]))
        for agent, name in settings.thinking().items()
        if name in adapters
    }


@torch.no_grad()
def fit_adapters(
    settings: TraceSettings, adapters: nn.ModuleDict, lm: PreTrainedModel | PeftModel, prompts: Sequence[Padded]
) -> float:
    """Let adapters begin as the settings' alignment, so that training departs from there.

    Args:
        settings: of the agents.
        adapters: theirs; changed.
        lm: whose states are fed back.
        prompts: ids and mask; the first ``FITTED_STATES`` states behind their tokens are fitted.

    Returns:
        The share of the aligned embeddings' variance that the adapters' output explains, of the last one.
    """
    was_training = cast(nn.Module, lm).training
    cast(nn.Module, lm).eval()
    read, explained = [], 0.0
    for prompt in prompts:
        ids, mask = (each.to(lm.device) for each in prompt)
        state = KVState.empty(len(ids), lm.device)
        read.append(extend(lm, state, embed_tokens(lm, ids), mask)[mask])
        if sum(map(len, read)) >= FITTED_STATES:
            break
    cast(nn.Module, lm).train(was_training)
    states = torch.cat(read)[:FITTED_STATES]
    wanted = aligner(lm, settings.alignment, settings.ridge_lambda)(states)
    for adapter in adapters.values():
        explained = cast(CommunicationAdapter, adapter).fit(list(states[:, None]), list(wanted[:, None]))
    return explained


def save_adapters(adapters: nn.ModuleDict, folder: Path) -> None:
    """Write them into a run folder; nothing where there are none."""
    if adapters:
        save_file({name: tensor.contiguous() for name, tensor in adapters.state_dict().items()}, folder / FILE)


def load_adapters(settings: TraceSettings, lm: PreTrainedModel | PeftModel, folder: Path) -> nn.ModuleDict:
    """The adapters of a run, on the model's device, in eval mode.

    Raises:
        CheckpointMismatch: if the folder does not hold what the settings describe.
    """
    adapters = communication_adapters(settings, lm)
    if adapters:
        try:
            adapters.load_state_dict(load_file(folder / FILE))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise CheckpointMismatch(
                f"'{folder / FILE}' does not hold the communication adapters that its stage.json describes ({error}); the run folder is "
                "damaged, train it again"
            ) from error
    return adapters.to(lm.device).eval()
