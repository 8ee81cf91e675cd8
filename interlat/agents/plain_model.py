"""A language model as it is, with no run behind it, in the part of the actor: what training-free collaboration starts from.

It reads words, and keys and values of its own; never latents, which need an adapter. Knows no environment and no Lightning.
"""

from pathlib import Path
from typing import Any

from interlat.agents.actor import Actor, NoLatents
from interlat.agents.conversation import ActionForm
from interlat.agents.sender import View
from interlat.models import load_causal_lm
from interlat.models.load import PACKAGED

PLAIN_STAGE = "plain"


def is_plain_model(checkpoint: Path) -> bool:
    """Whether a checkpoint is a model as published: a folder of ``save_pretrained`` or the name of a packaged one, and no run."""
    if (checkpoint / "stage.json").exists():
        return False
    return (checkpoint / "config.json").is_file() or str(checkpoint) in PACKAGED


def plain_stage(checkpoint: Path, view: View) -> dict[str, Any]:
    """What a run's ``stage.json`` would say of it: its sender is the model itself."""
    return {"stage": PLAIN_STAGE, "sender": {"sender": str(checkpoint), "view": view, "plans": "sampled"}}


def load_plain_actor(checkpoint: Path, form: ActionForm = "action", dtype: str | None = None) -> Actor:
    """Load a plain model as an actor: no adapter, no boundary tokens, its vocabulary as it is.

    Args:
        checkpoint: folder or name, as ``load_causal_lm`` takes it.
        form: of its answers.
        dtype: of the weights; None takes float32.

    Raises:
        ModelNotFound: if it cannot be loaded.
        InvalidSetting: if its tokenizer has no chat template.
    """
    lm, tokenizer = load_causal_lm(str(checkpoint), dtype or "float32")
    return Actor(lm, tokenizer, NoLatents(), form).eval()
