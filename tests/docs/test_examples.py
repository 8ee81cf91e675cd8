"""What the documents tell a reader to type works: Python examples run, commands and their options and recipes exist."""

import re
import subprocess
import sys
import textwrap
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"^(?:    |`|\| `)(interlat-[a-z]+|lightning|python -m [a-z_.]+|python benchmarks/\w+\.py)\b([^`\n#]*)",
    re.MULTILINE,
)
MODULES = {
    "interlat-collect": "interlat.cli.collect",
    "interlat-eval": "interlat.cli.evaluate",
    "interlat-ablate": "interlat.cli.ablate",
    "interlat-report": "interlat.cli.report",
    "interlat-analyze": "interlat.cli.analyze",
    "interlat-doctor": "interlat.cli.doctor",
    "interlat-data": "interlat.cli.data",
}


def python_blocks():
    for page in PAGES:
        for number, block in enumerate(
            re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        ):
            yield pytest.param(block, id=f"{page.name}-{number}")


def commands():
    found = {
        (page.name, command, " ".join(arguments.split()))
        for page in PAGES
        if page.name != "log.md"  # what was tried is not what to type
        for command, arguments in COMMAND.findall(page.read_text())
    }
    return sorted(found)


@cache
def help_of(*words: str) -> str:
    return subprocess.run(
        [sys.executable, *words, "--help"], capture_output=True, text=True, check=True, cwd=ROOT, timeout=300
    ).stdout


@pytest.mark.parametrize("block", list(python_blocks()))
def test_python_examples_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(textwrap.dedent(block), "example", "exec"), {})


@pytest.mark.parametrize(("page", "command", "arguments"), commands())
def test_options_that_documents_name_exist(page, command, arguments):
    options = re.findall(r"(?<!\S)--[a-z][\w-]*", arguments)
    if command == "lightning":
        recipes = re.findall(r"-c (\S+)", arguments)
        assert recipes
        assert all((ROOT / recipe).is_file() for recipe in recipes), f"{page} names a recipe that is not there"
        return
    words = ["-m", MODULES[command]] if command in MODULES else command.split()[1:]
    if not options:
        assert (ROOT / words[0]).is_file() or find_spec(words[-1]) is not None
        return
    first = arguments.split()[0] if arguments.split() else ""
    if command == "interlat-data":
        words.append(first)
    if command == "interlat-eval" and re.search(r"(?<!\S)(--method|-c)\b", arguments):
        assert all((ROOT / recipe).is_file() for recipe in re.findall(r"-c (\S+)", arguments))
        words += ["--method", "single"]
    text = help_of(*words)
    missing = [option for option in options if option not in text]
    assert not missing, f"{page} gives {command} options that it does not have: {missing}"
