"""A foreign model on disk and loaded. Knows no training."""

from pathlib import Path

import pytest
from foreign_models import save_foreign


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_foreign(tmp_path_factory.mktemp("foreign") / "model")
