"""Tests against a real vLLM on the CPU: `make test-vllm` prepares one and says where; else none is collected."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.fakes.collector import Collector, collector
from tests.vllm.served import NAME, Served

collect_ignore_glob = [] if "VLLM_PYTHON" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def traces() -> Iterator[Collector]:
    """Where the server sends its traces."""
    with collector() as collected:
        yield collected


@pytest.fixture(scope="session")
def vllm(traces: Collector) -> Iterator[Served]:
    """A running vLLM, which `answerdesk model serve` looks after."""
    python, model = (Path(os.environ[name]).absolute() for name in ("VLLM_PYTHON", "VLLM_MODEL"))
    with Served(python, model, traces_to=traces.url) as served:
        yield served


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path, vllm: Served) -> Settings:
    """Settings over an empty data folder, with the model."""
    vllm.wait()
    return Settings(
        data_dir=tmp_path / "data",
        models_dir=models_dir,
        llm={"base_url": vllm.url, "model": NAME, "max_tokens": 200, "first_token_timeout": 60, "total_timeout": 120},
    )
