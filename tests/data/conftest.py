"""A tiny sender shared by the tests of this folder. Knows no training."""

from pathlib import Path

import pytest
from tiny_agents import save_tiny_lm

from interlat.agents.sender import ReasoningAgent, SenderSettings, build_sender
from interlat.models.decoding import Sampling


@pytest.fixture(scope="session")
def tiny_lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_lm(tmp_path_factory.mktemp("tiny") / "lm")


@pytest.fixture(scope="session")
def sender(tiny_lm: Path) -> ReasoningAgent:
    return build_sender(SenderSettings(str(tiny_lm), sampling=Sampling(temperature=1.0, max_new_tokens=6)))
