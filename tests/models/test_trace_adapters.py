"""Several adapters on one model: which speaks, and that all go on learning."""

import pytest
import torch
from exact_lm import exact_lm

from interlat.errors import InvalidSetting
from interlat.models.backbone import decoder
from interlat.models.lora import Lora
from interlat.models.trace_adapters import add_adapters, speak_as

LORA = Lora(rank=2, alpha=4.0, target_modules=("q_proj", "v_proj"))
GIVEN = torch.arange(32 * 3, dtype=torch.float64).view(1, 3, 32).sin()


def _said(lm, adapter):
    speak_as(lm, adapter)
    return decoder(lm)(inputs_embeds=GIVEN, use_cache=False).last_hidden_state


@pytest.fixture
def lm():
    torch.manual_seed(0)
    adapted = add_adapters(exact_lm(), ["one", "agent-2"], LORA)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    return adapted


def test_each_adapter_says_its_own_and_none_what_the_backbone_says(lm):
    said = {adapter: _said(lm, adapter) for adapter in ("one", "agent-2", None, "one")}
    bare = decoder(exact_lm())(inputs_embeds=GIVEN, use_cache=False).last_hidden_state
    assert torch.equal(said[None], bare)
    assert not torch.allclose(said["one"], said["agent-2"])
    assert not torch.allclose(said["one"], bare)
    assert torch.equal(said["one"], _said(lm, "one"))


def test_all_adapters_learn_from_one_graph_whoever_speaks_last(lm):
    """peft's own switch would freeze the others, and their gradients would be lost without a word."""
    loss = (_said(lm, "one") * _said(lm, "agent-2")).sum()
    speak_as(lm, None)
    loss.backward()
    learning = {name for name, parameter in lm.named_parameters() if parameter.requires_grad}
    assert learning == {name for name, _ in lm.named_parameters() if "lora_" in name}
    assert len(learning) == 2 * 3 * 2 * 2, "two adapters, three layers, two matrices, A and B"
    assert all(bool(parameter.grad.any()) for parameter in lm.parameters() if parameter.requires_grad)


def test_what_is_frozen_stays_frozen(lm):
    lm.requires_grad_(requires_grad=False)
    for adapter in ("one", None, "agent-2"):
        speak_as(lm, adapter)
    assert not any(parameter.requires_grad for parameter in lm.parameters())


def test_a_name_that_cannot_be_kept_is_refused():
    with pytest.raises(InvalidSetting, match="got 'the planner'; rename the agent"):
        add_adapters(exact_lm(), ["the planner"], LORA)
    with pytest.raises(InvalidSetting, match=r"got 'a\.b'"):
        add_adapters(exact_lm(), ["a.b"], LORA)
