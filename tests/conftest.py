"""What tests of many kinds stand on: the embedding model, prepared once, and the parts wired over a folder."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.bootstrap import Parts, open_parts
from bot.settings import Settings
from llm.embeddings import Embedder, load_embedder
from llm.packaged.conversion import onnx_folder
from llm.settings import EmbeddingSettings
from tests.knowledge import Knowledge, open_knowledge


@pytest.fixture(autouse=True)
def _own_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the variables of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("ANSWERDESK_") and name != "ANSWERDESK_EVAL_DATA"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packaged embedding model, prepared once for all tests and all of their processes.

    ANSWERDESK_MODELS_DIR names one that is kept from run to run.
    """
    if kept := os.environ.get("ANSWERDESK_MODELS_DIR"):
        return onnx_folder(Path(kept).absolute()).parent
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    onnx_folder(shared / "models")
    return shared / "models"


@pytest.fixture(scope="session")
def embedder(models_dir: Path) -> Embedder:
    """The packaged embedding model, loaded once a process."""
    return load_embedder(EmbeddingSettings(), models_dir)


@pytest.fixture
async def knowledge(tmp_path: Path, embedder: Embedder) -> AsyncIterator[Knowledge]:
    """Documents and their search over an empty data folder."""
    async with open_knowledge(tmp_path / "data", embedder) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path) -> Settings:
    """Settings over an empty data folder."""
    return Settings(data_dir=tmp_path / "data", models_dir=models_dir)


@pytest.fixture
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    """All parts over an empty data folder."""
    async with open_parts(settings) as opened:
        yield opened
