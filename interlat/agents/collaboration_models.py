"""The language models of a collaboration, each loaded once. Knows no prompt and no topology."""

from collections.abc import Iterable

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from interlat.agents.collaboration_settings import CollaborationSettings
from interlat.models import load_causal_lm

Loaded = dict[str, tuple[PreTrainedModel, PreTrainedTokenizerBase]]


def names_of(settings: CollaborationSettings) -> list[str]:
    """The models that its agents name, each once, in order."""
    return list(dict.fromkeys(settings.model_of(agent) for agent in settings.agents))


def load_models(names: Iterable[str], dtype: str = "float32") -> Loaded:
    """Load models and tokenizers; onto an accelerator where there is one.

    Args:
        names: as ``load_causal_lm`` takes them.
        dtype: of the weights.

    Raises:
        ModelNotFound: if one is not there.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaded = {name: load_causal_lm(name, dtype) for name in names}
    return {name: (lm.to(device), tokenizer) for name, (lm, tokenizer) in loaded.items()}  # type: ignore[arg-type]
