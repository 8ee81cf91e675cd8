"""How a condition is written, and which ones make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.controls import NAMED_CONTROLS
from interlat.errors import InvalidSetting
from interlat.evaluation.conditions import CROSS_TASK, Condition, parse_conditions

LENGTHS = st.none() | st.integers(1, 999) | st.integers(1, 99).map(lambda percent: percent / 100)
CONTROLS = st.none() | st.sampled_from([CROSS_TASK, *NAMED_CONTROLS])


@given(st.builds(Condition, st.just("latent"), LENGTHS, CONTROLS))
def test_what_is_written_is_read_back(condition):
    assert parse_conditions(condition.name) == (condition,)


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
        ("smoke", "no message is called 'smoke'; choose latent, text, none"),
        ("text:8", "a length counts latents"),
        ("latent:0", "at least 1, got 0"),
        ("latent:0%", "at least 1, got 0.0"),
        ("latent:100%", "a share of a message is below 100%, got 100%; leave it out"),
        ("text:50%", "a length counts latents"),
        ("latent:x", "cannot read condition 'latent:x'; write MESSAGE"),
        ("latent+fog", "no control is called 'fog'; choose one of cross-task, cov-noise-0.5"),
        ("none+cross-task", "has nothing to work on in a 'none' message"),
        ("text+white-noise", "has nothing to work on in a 'text' message"),
        ("latent,text,latent", "wanted each condition once, got latent more than once"),
        ("", "cannot read condition ''"),
    ],
)
def test_wrong_conditions_are_refused(written, message):
    with pytest.raises(InvalidSetting, match=message.replace("+", r"\+")):
        parse_conditions(written)
