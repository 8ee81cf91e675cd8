"""A folder of tiny runs. Knows no analysis."""

from pathlib import Path

import pytest
from tiny_runs import save_tiny_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    save_tiny_runs(folder)
    return folder
