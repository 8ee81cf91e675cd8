"""How a condition is written, and which ones make no sense."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.agents.collaboration_settings import Method
from interlat.controls import NAMED_CONTROLS
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import CROSS_TASK, KV_CONTROLS, SENDS_KV, Condition, MethodName, parse_conditions

LENGTHS = st.none() | st.integers(1, 999) | st.integers(1, 99).map(lambda percent: percent / 100)
CONTROLS = st.none() | st.sampled_from([CROSS_TASK, *NAMED_CONTROLS])


@given(LENGTHS, CONTROLS)
def test_what_is_written_is_read_back(length, control):
    condition = Condition("latent", length, control)
    assert parse_conditions(condition.name) == (condition,)


@given(
    st.sampled_from(SENDS_KV),
    st.none() | st.integers(0, 999),
    st.none() | st.sampled_from(KV_CONTROLS),
)
def test_what_is_written_of_keys_and_values_is_read_back(message, steps, control):
    condition = Condition(message, steps, control)
    assert parse_conditions(condition.name) == (condition,)
    assert condition.is_method == (message != "kv")


def test_methods_are_those_of_a_collaboration():
    assert get_args(MethodName) == (*get_args(Method), "diffmas", "sft")


def test_a_list_keeps_its_order():
    assert parse_conditions("latent:8+random-rot, text,none,text+cross-task") == (
        Condition("latent", 8, "random-rot"),
        Condition("text"),
        Condition("none"),
        Condition("text", None, "cross-task"),
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("smoke", "no message or method is called 'smoke'; choose latent, text, none, kv, single"),
        ("text:8", "a length counts latents"),
        ("latent:0", "at least 1, got 0"),
        ("latent:0%", "at least 1, got 0.0"),
        ("latent:100%", "a share of a message is below 100%, got 100%; leave it out"),
        ("text:50%", "a length counts latents"),
        ("latent:x", "cannot read condition 'latent:x'; write MESSAGE"),
        ("kv:50%", "latent steps are counted, got 50% for 'kv'; write kv:8"),
        (
            "latent-mas+white-noise",
            "no control of 'latent-mas' is called 'white-noise'; choose one of cross-task, zero",
        ),
        ("single+zero", "no control of 'single' is called 'zero'; choose one of whole"),
        ("text-mas+zero", "has nothing to work on in a 'text-mas' message"),
        ("text-mas:8", "a length counts latents"),
        ("latent+fog", "no control of 'latent' is called 'fog'; choose one of cross-task, cov-noise-0.5"),
        ("none+cross-task", "has nothing to work on in a 'none' message"),
        ("text+white-noise", "no control of 'text' is called 'white-noise'; choose one of cross-task"),
        ("latent,text,latent", "wanted each condition once, got latent more than once"),
        ("", "cannot read condition ''"),
    ],
)
def test_wrong_conditions_are_refused(written, message):
    with pytest.raises(InvalidSetting, match=message.replace("+", r"\+")):
        parse_conditions(written)
