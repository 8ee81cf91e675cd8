"""Several LoRA adapters on one frozen model, and which of them speaks; knows nothing of agents or of training."""

from collections.abc import Sequence
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import PreTrainedModel

from interlat.errors import InvalidSetting
from interlat.models.lora import Lora


def add_adapters(model: PreTrainedModel, names: Sequence[str], settings: Lora) -> PeftModel:
    """Freeze the model and put one LoRA on it for each name, all of them learning; no token's row is trained.

    Args:
        model: a causal LM.
        names: of the adapters, at least one.
        settings: of each.

    Raises:
        InvalidSetting: if peft cannot keep an adapter under a name.
    """
    for name in names:
        if not name.replace("-", "_").isidentifier():
            raise InvalidSetting(
                f"an adapter is kept under its name, which must be made of letters, digits, - and _, got {name!r}; rename the agent"
            )
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.target_modules),
        task_type="CAUSAL_LM",
    )
    adapted = cast(PeftModel, get_peft_model(model, config, adapter_name=names[0]))
    for name in names[1:]:
        adapted.add_adapter(name, config)
    let_all_learn(adapted)
    return adapted


def let_all_learn(model: PeftModel) -> None:
    """Let every adapter learn, not only the one that speaks."""
    for name, parameter in cast(nn.Module, model).named_parameters():
        parameter.requires_grad_("lora_" in name)


def speak_as(model: PreTrainedModel | PeftModel, adapter: str | None) -> None:
    """Let the model compute with one adapter from now on, or with none.

    What learns is left as it is, unlike in peft's own ``set_adapter``, which freezes all others: a graph that several adapters
    are part of would lose their gradients.

    Args:
        model: any; one without adapters has only ``None``.
        adapter: its name; None is the bare backbone.
    """
    layers = [module for module in cast(nn.Module, model).modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        if _speaks(layer) == adapter:
            continue
        learns = [(parameter, parameter.requires_grad) for parameter in layer.parameters()]
        if adapter is not None:
            layer.set_adapter([adapter])
        if layer.disable_adapters is (adapter is not None):
            layer.enable_adapters(adapter is not None)
        for parameter, wanted in learns:
            parameter.requires_grad_(wanted)


def _speaks(layer: BaseTunerLayer) -> str | None:
    return None if layer.disable_adapters else str(layer.active_adapters[0])
