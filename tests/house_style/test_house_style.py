"""Rules of the house that no linter knows. Layers are a step of `make check`, not a test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("interlat", "alfworld_env")
FOLDERS = (*PACKAGES, "recipes", "benchmarks", "tests", "docs", "checkpoints", ".ci", ".github")
TEXT = {".py", ".md", ".yaml", ".yml", ".cfg", ".toml", ".cff", ".txt", ".json", ".jinja", ""}
MAX_LINES = 300
WITHOUT_SUBJECT = {"utils", "util", "common", "misc", "helpers", "helper"}
# A path of one machine: home folders, mounts and work folders, but not the placeholder /path/to/.
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:home|root|work|Users|mnt|scratch|opt|srv)/\w")


def _texts() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXT)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def _sources(*folders: str) -> list[Path]:
    return [path for path in _texts() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def _looks_like_token_id(value: object) -> bool:
    """Five or six digits, no multiple of a thousand, no power of two: 151643 does, 100_000 and 65536 do not."""
    return type(value) is int and 10_000 <= value < 1_000_000 and value % 1000 != 0 and value & (value - 1) != 0


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT)): n
        for path in _sources(*FOLDERS)
        if (n := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long, f"over {MAX_LINES} lines, so more than one concept: {long}"


def test_every_file_has_a_subject():
    nameless = [str(path.relative_to(ROOT)) for path in _sources(*FOLDERS) if path.stem.strip("_") in WITHOUT_SUBJECT]
    assert not nameless, f"name a file after what it is about: {nameless}"


def test_token_ids_come_from_the_tokenizer():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path in _sources(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and _looks_like_token_id(node.value)
    ]
    assert not found, f"these look like token ids; ask the tokenizer instead: {found}"


@pytest.mark.parametrize(
    ("number", "is_id"),
    [(151643, True), (49152, True), (9999, False), (100_000, False), (65536, False), (10_001.0, False)],
)
def test_what_counts_as_a_token_id(number: float, is_id: bool):
    assert _looks_like_token_id(number) is is_id


def test_packages_say_what_they_know_nothing_about():
    # The root package is the whole, so it has nothing to leave out.
    inits = [path for path in _sources(*PACKAGES) if path.name == "__init__.py" and path.parent != ROOT / "interlat"]
    silent = [str(path.relative_to(ROOT)) for path in inits if not _says_knows_nothing(path)]
    assert inits
    assert not silent, f"the docstring lacks a sentence 'knows nothing ...': {silent}"


def _says_knows_nothing(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.search(r"\bknows?\b[^.;]*\b(?:nothing|no)\b", docstring, re.IGNORECASE) is not None


def test_no_path_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, f"a path that exists on one machine only: {found}"


@pytest.mark.parametrize(
    ("line", "is_machine_path"),
    [
        ("see /home/anna/run", True),
        ("DATA=/srv/x", True),
        ("https://host/home/page", False),
        ("~/srv/x", False),
        ("interlat/opt/x", False),
    ],
)
def test_what_counts_as_a_machine_path(line: str, is_machine_path: bool):
    assert bool(MACHINE_PATH.search(line)) is is_machine_path
