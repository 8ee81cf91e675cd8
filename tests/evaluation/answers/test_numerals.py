r"""Numbers as solvers write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlat.evaluation.answers import as_number, same_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("42.", "42"),
        ("-7", "-7"),
        ("−7", "-7"),
        ("+5", "5"),
        ("007", "7"),
        (".5", "1/2"),
        ("1,234", "1234"),
        ("1,234,567.50", "2469135/2"),
        ("1 234", "1234"),
        ("12{,}345", "12345"),
        (r"10\,000", "10000"),
        ("$12.50", "25/2"),
        (r"\$12.50", "25/2"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("18$", "18"),
        ("18 apples", "18"),
        ("18 dollars.", "18"),
        ("5 miles/hour", "5"),
        ("15 cm^2", "15"),
        (r"15\text{ cm}", "15"),
        (r"\text{18}", "18"),
        (r"90^\circ", "90"),
        (r"90^{\circ}", "90"),
        (r"50\%", "50"),
        ("50 %", "50"),
        ("3/4", "3/4"),
        ("3/4 cup", "3/4"),
        (r"\frac{10}{4}", "5/2"),
        (r"-\frac{3}{4}", "-3/4"),
        (r"\dfrac12", "1/2"),
        ("1 1/2", "3/2"),
        (r"1\frac{1}{2}", "3/2"),
        (r"-1\frac{1}{2}", "-3/2"),
        ("x = 5", "5"),
        ("5 + 3 = 8", "8"),
    ],
)
def test_a_number_is_read(text: str, number: str):
    assert as_number(text) == Fraction(number)


@pytest.mark.parametrize(
    "text",
    ["", "-", "two", "1,23", "12,34,5", "1/0", "3 + 4", "1e5", "2 hours 3 minutes", "3 4", "٣", "1.2.3", "x", "."],
)
def test_anything_else_is_no_number(text: str):
    assert as_number(text) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_whatever_python_writes_is_read_exactly(value: Fraction):
    assert as_number(f"{value:,}") == as_number(f"{value}") == Fraction(value)


@given(st.text(max_size=40))
def test_no_text_is_too_strange(text: str):
    as_number(text)


def test_numbers_are_equal_by_value_and_words_by_letter():
    assert same_number("$1,080.00", "1080")
    assert not same_number("1081", "1080")
    assert not same_number("nobody", "1080")
    assert same_number(" Noon", "noon")
