"""Runs tests against a copy of the library, each time in a fresh process that has the heavy packages loaded already.

Knows no mutant by name. Starting Python, torch, transformers and Lightning takes far longer than most tests here; a server
that has them imported is forked instead (``multiprocessing``'s forkserver), before anything of the library is imported.
"""

import gc
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from .mutant import PACKAGE, Mutant, copy_with_fault

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240  # a fault may make a loop endless
# Codes beside pytest's own, 0 to 5.
NO_REPORT, CHECKOUT_USED, FAULT_UNUSED = 97, 98, 99
HEAVY = (
    "beartype",
    "hypothesis",
    "jaxtyping",
    "lightning.pytorch.cli",
    "peft",
    "safetensors.torch",
    "scipy.spatial.distance",
    "scipy.stats",
    "tokenizers",
    "torch",
    "torch.utils.data",
    "transformers",
    "transformers.models.llama.modeling_llama",
    "transformers.models.qwen2.modeling_qwen2",
)


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Args:
        code: pytest's exit code; 0 all passed, 1 some failed, more than 1 they could not be run as they should.
        failed: the first test that failed; empty if none did.
        asserted: whether it failed by an assertion of its own, and not by an error on the way.
        seconds: processor time of the run; wall clock would measure what else the machine does.
        output: what pytest printed.
    """

    code: int
    failed: str
    asserted: bool
    seconds: float
    output: str

    @property
    def killed(self) -> bool:
        """Whether a test noticed the fault."""
        return self.code == 1 and self.asserted


def run(mutant: Mutant | None, tests: Sequence[str], folder: Path) -> Outcome:
    """Run tests against the library with a fault in it, or as it is.

    Args:
        mutant: the fault; None for none.
        tests: node ids, from the checkout's root.
        folder: an empty folder, for the copy and whatever the tests write.
    """
    copy = copy_with_fault(mutant, ROOT, folder / "copy")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    process = context.Process(target=_in_child, args=(copy, list(tests), folder, mutant and mutant.file))
    process.start()
    process.join(LIMIT_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    shutil.rmtree(copy)
    output = (folder / "output.txt").read_text() if (folder / "output.txt").exists() else ""
    if not (folder / "outcome.json").exists():
        return Outcome(
            NO_REPORT, "", False, 0.0, f"{output}\nended with code {process.exitcode} before it could report"
        )
    return Outcome(**json.loads((folder / "outcome.json").read_text()), output=output)


@dataclass(eq=False)  # pytest keeps its plugins in sets
class _FirstFailure:
    """A pytest plugin that keeps which test failed first, and how, and lets tests import the copy."""

    copy: Path
    failed: str = ""
    asserted: bool = False

    def pytest_load_initial_conftests(self) -> None:
        sys.path.insert(0, str(self.copy))  # before what the project's own settings put there

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if report.failed and not self.failed:
            self.failed = item.nodeid
            kinds = (AssertionError, pytest.fail.Exception)
            self.asserted = call.when == "call" and call.excinfo is not None and issubclass(call.excinfo.type, kinds)
        return report


def _in_child(copy: Path, tests: list[str], folder: Path, mutated: str | None) -> None:
    with (folder / "output.txt").open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    gc.freeze()  # pytest collects garbage often, and would go through all of torch each time
    os.chdir(ROOT)
    first = _FirstFailure(copy)
    # Packages that bring pytest plugins are loaded before pytest could rewrite their assertions, which it warns of.
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:anyio", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = int(pytest.main([*tests, "-x", *quiet, "--basetemp", str(folder / "tmp")], plugins=[first]))
    if code in (0, 1):  # else no test ran
        code = _code_of_imports(copy, mutated) or code
    outcome = {"code": code, "failed": first.failed, "asserted": first.asserted, "seconds": time.process_time()}
    (folder / "outcome.json").write_text(json.dumps(outcome))


def _code_of_imports(copy: Path, mutated: str | None) -> int:
    """0 if the tests used the copy, and of it the file with the fault."""
    strangers = [module for module in sys.modules if module.split(".")[0] == PACKAGE and _is_elsewhere(module, copy)]
    if strangers:
        print(f"imported from the checkout instead of the copy: {strangers}")  # noqa: T201 - into the output
        return CHECKOUT_USED
    if mutated is not None and mutated.removesuffix(".py").replace("/", ".") not in sys.modules:
        print(f"wanted the tests to import {mutated}, but none does")  # noqa: T201
        return FAULT_UNUSED
    return 0


def _is_elsewhere(module: str, copy: Path) -> bool:
    file = getattr(sys.modules[module], "__file__", None)
    return file is not None and not file.startswith(str(copy))
