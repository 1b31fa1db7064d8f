"""The command line while another embedding model, served by an endpoint, takes over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.embeddings import Embedder
from tests.chroma_server import ChromaServer
from tests.command_line import answerdesk
from tests.fakes.embeddings import EmbeddingsEndpoint, embeddings_endpoint
from tests.fakes.vllm import refusing_url


@pytest.fixture
def endpoint(embedder: Embedder) -> Iterator[EmbeddingsEndpoint]:
    with embeddings_endpoint(embedder.embed_passages) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with documents that the packaged model has embedded."""
    monkeypatch.setenv("ANSWERDESK_MODELS_DIR", str(models_dir))
    (tmp_path / "faq.csv").write_text("Question,Answer\nWhat does the cargo bike carry?,Up to 200 kg.\n")
    assert answerdesk("ingest", tmp_path / "faq.csv", "--data-dir", tmp_path / "data").code == 0
    return tmp_path / "data"


@pytest.fixture
def another_model(endpoint: EmbeddingsEndpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddingsEndpoint:
    monkeypatch.setenv("ANSWERDESK_EMBEDDING_MODEL", "another")
    monkeypatch.setenv("ANSWERDESK_EMBEDDING_BASE_URL", endpoint.url)
    return endpoint


def check(folder: Path, name: str) -> dict[str, str]:
    found = answerdesk("doctor", "--json", "--data-dir", folder).json["checks"]
    return next(each for each in found if each["name"] == name)


def test_until_then_the_model_before_answers(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    found = answerdesk("search", "cargo bike", "--json", "--data-dir", folder)
    assert found.json["passages"][0]["text"].endswith("Up to 200 kg.")
    assert all(body["input"] == ["dimensions"] for body in another_model.asked)


def test_documents_say_how_far_it_is(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    answerdesk("search", "cargo bike", "--json", "--data-dir", folder)
    moving = answerdesk("documents", "--json", "--data-dir", folder).json["moving_to"]
    assert (moving["passages"], moving["of"]) == (0, 1)


def test_doctor_says_how_far_it_is(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    answerdesk("search", "cargo bike", "--json", "--data-dir", folder)
    found = check(folder, "embedding model")
    assert found["status"] == "warning"
    assert "0 of 1 passages" in found["message"]


def test_reindex_lets_the_new_model_serve(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    done = answerdesk("reindex", "--json", "--data-dir", folder)
    assert done.json["embedded"] == {"default": 1}
    assert done.json["model"].startswith("another at ")
    assert answerdesk("documents", "--json", "--data-dir", folder).json["moving_to"] is None


def test_reindex_again_has_nothing_to_do(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    answerdesk("reindex", "--data-dir", folder)
    assert "Nothing had to be embedded" in answerdesk("reindex", "--data-dir", folder).out


def test_doctor_says_that_its_confidence_is_not_calibrated(folder: Path, another_model: EmbeddingsEndpoint) -> None:
    answerdesk("reindex", "--data-dir", folder)
    assert "answerdesk calibrate" in check(folder, "embedding model")["next"]


def test_an_endpoint_that_is_down_keeps_nobody_from_searching(
    folder: Path, another_model: EmbeddingsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerdesk("reindex", "--data-dir", folder)
    monkeypatch.setattr(another_model, "failing", [(503, {})] * 100)
    found = answerdesk("search", "cargo bike", "--json", "--data-dir", folder)
    assert found.json["passages"][0]["text"].endswith("Up to 200 kg.")


def test_doctor_says_that_a_chroma_server_is_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_RETRIEVAL_CHROMA_URL", refusing_url().removesuffix("/v1"))
    found = check(folder, "vector index")
    assert found["status"] == "failed"
    assert "Chroma server at http://127.0.0.1:" in found["message"]
    assert "retrieval.chroma_url" in found["next"]


def test_doctor_is_content_with_a_chroma_server(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ChromaServer(tmp_path / "server")
    server.start()
    monkeypatch.setenv("ANSWERDESK_RETRIEVAL_CHROMA_URL", server.url)
    answerdesk("search", "cargo bike", "--data-dir", folder)
    found = check(folder, "vector index")
    server.stop()
    assert found["status"] == "ok"
