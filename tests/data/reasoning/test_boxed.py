"""What is boxed is found whatever braces surround it, in time that grows with the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.data.reasoning.boxed import boxes, last_box


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        (r"so $\boxed{5}$.", ["5"]),
        (r"\boxed{\frac{1}{\sqrt{2}}}", [r"\frac{1}{\sqrt{2}}"]),
        (r"\boxed{1} then \fbox{2}", ["1", "2"]),
        (r"\fbox{1} then \boxed{2}", ["1", "2"]),
        (r"\boxed {7}", ["7"]),
        (r"\boxed 7 $", ["7"]),
        (r"\boxed\frac12 $", [r"\frac12"]),
        (r"\boxed{\{1,2\}}", [r"\{1,2\}"]),
        (r"\boxed{\boxed{3}}", [r"\boxed{3}"]),
        (r"}} {{ \boxed{3}", ["3"]),
        (r"\boxed{4} \boxed{12", ["4"]),
        (r"\boxed{ \boxed{4}", ["4"]),
        (r"\boxed{}", [""]),
        (r"\boxedtext{4}", []),
        (r"\boxed", []),
        ("", []),
    ],
)
def test_boxes_are_found(text: str, contents: list[str]):
    assert [box.content for box in boxes(text)] == contents
    assert last_box(text) == (contents[-1] if contents else None)


def test_a_box_knows_where_it_stands():
    (box,) = boxes("so \\boxed{12}.")
    assert (box.start, box.end) == (3, 13)


@given(st.text(alphabet="ab \\{}$", max_size=30), st.text(alphabet="ab \\{}$", max_size=30))
def test_no_text_before_and_no_open_brace_behind_changes_a_box(before: str, behind: str):
    text = before.replace("\\", "") + "\\boxed{x_{1}}" + behind.replace("\\", "").replace("}", "")
    assert boxes(text)[-1].content == "x_{1}"


def test_a_text_of_open_boxes_takes_no_time_to_speak_of():
    """A search that starts anew at every box would take 10^10 steps here."""
    assert boxes("\\boxed{" * 100_000) == []
