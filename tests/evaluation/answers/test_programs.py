"""Programs as models write them: fenced, several, bare, completed, cut off."""

import pytest

from interlat.evaluation.answers import program_in

PROMPT = 'from typing import List\n\n\ndef add(x: int, y: int) -> int:\n    """The sum of both.\n    >>> add(1, 2)\n    3\n    """\n'
WHOLE = "def add(x, y):\n    return x + y"


def _result(program: str | None) -> int:
    assert program is not None
    names: dict[str, object] = {}
    exec(program, names)
    return names["add"](1, 2)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"```python\n{WHOLE}\n```",
        f"```\n{WHOLE}\n```",
        f"```py\n{WHOLE}\n```\nIt adds.",
        f"~~~python\n{WHOLE}\n~~~",
        f"Sure!\n\n```Python title=x\n{WHOLE}\n```",
        f"```python\n{WHOLE}",  # the fence is never closed
        f"```bash\npip install numpy\n```\n```python\n{WHOLE}\n```",
        f"First try:\n```python\ndef add(x, y):\n    return 0\n```\nBetter:\n```python\n{WHOLE}\n```",
        f"```python\n{WHOLE}\n```\nUse it:\n```python\nprint(add(1, 2))\n```",
        f"```python\n{WHOLE}\n```\nIt prints:\n```\n3\n```",
        "```python\nimport operator\n```\n```python\ndef plus(x, y):\n    return operator.add(x, y)\n```\n"
        "```python\ndef add(x, y):\n    return plus(x, y)\n```",
        f"Here it is.\n\n{WHOLE}\n\nThis adds both numbers, don't you think?",
        f"from what you say, this is it:\n\n{WHOLE}",
        "import operator\n\nadd = operator.add",
        "  ```python\n  def add(x, y):\n      return x + y\n  ```",
        f"<think>def add(x, y): return 0</think>\n{WHOLE}",
        f"<think>\n```python\ndef add(x, y):\n    return 0\n```\n</think>\n```python\n{WHOLE}\n```",
        "```python\n@staticmethod\ndef helper(x):\n    return x\n\nasync def later():\n    pass\n\n" + WHOLE + "\n```",
    ],
)
@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_a_whole_program_is_found(text: str, prompt: str):
    assert _result(program_in(text, "add", prompt)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "    return x + y\n",
        "\n    return x + y",
        "return x + y",  # its indentation got lost
        "total = x\n    total += y\n    return total",  # that of the first line only
        "total = x\nif y:\n    total += y\nreturn total",
        "    if x:\n        return x + y\n    return y\n\n\nprint(add(1, 2))\nwhile True: pass\n",
        "    return x + y\n\ndef other():\n    return 1\n",
        "Here is the rest:\n\n    return x + y\n",
        "```python\n    return x + y\n```",
        "```python\nreturn x + y\n```",
        "\treturn x + y\n",
    ],
)
def test_a_body_completes_its_prompt(text: str):
    prompt = PROMPT.replace("    ", "\t") if text.startswith("\t") else PROMPT
    assert _result(program_in(text, "add", prompt)) == 3


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("", ""),
        ("", PROMPT),
        ("I cannot do that.", ""),
        ("I cannot do that.", PROMPT),
        ("```text\nnothing\n```", ""),
        ("```bash\nls\n```", PROMPT),
        ("def other(x):\n    return x", ""),
        ("    return (x +\n", PROMPT),  # cut off
        (f"<think>{WHOLE}</think>", ""),
        ("x" * 200_000, ""),
        (WHOLE + "\n" + "#" * 200_000, ""),
    ],
)
def test_where_there_is_none_there_is_none(text: str, prompt: str):
    assert program_in(text, "add", prompt) is None


def test_a_fenced_program_of_another_name_is_run_as_it_is():
    """It fails then for lacking the function, as it would elsewhere, and counts as an answer."""
    assert program_in("```python\ndef plus(x, y):\n    return x + y\n```", "add") == "def plus(x, y):\n    return x + y"


def test_what_the_prompt_imports_and_defines_is_there():
    prompt = "import math\n\ndef half(x):\n    return x / 2\n\ndef add(x, y):\n    '''Adds.'''\n"
    assert _result(program_in("def add(x, y):\n    return int(math.floor(half(2 * x) + y))", "add", prompt)) == 3


@pytest.mark.parametrize(
    "piece", ["```\n", "```python\n", "def f(:\n", "    x\n", "from x\n", "import \n", "(" * 50, "\x00", "@a\n"]
)
def test_strange_texts_are_read_in_passing(piece: str):
    for prompt in ("", PROMPT):
        program_in(piece * 500, "add", prompt)
