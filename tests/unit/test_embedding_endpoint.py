"""The embedder that asks an endpoint, over real HTTP."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from llm.embedding_endpoint import EndpointEmbedder
from llm.embeddings import Embedder, load_embedder
from llm.errors import ModelRejected, ModelUnavailable, SettingsError
from llm.settings import EmbeddingSettings
from tests.fakes.embeddings import EmbeddingsEndpoint, embeddings_endpoint
from tests.fakes.vllm import refusing_url

TEXTS = ["one", "two two", "three three three"]
Open = Callable[..., Embedder]


def measured(texts: Sequence[str]) -> NDArray[Any]:
    """A vector of a text's length and its words."""
    return np.array([[len(text), text.count(" ") + 1, 1.0] for text in texts])


@pytest.fixture
def endpoint() -> Iterator[EmbeddingsEndpoint]:
    with embeddings_endpoint(measured) as server:
        yield server


@pytest.fixture
def open_embedder(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr("llm.embedding_endpoint.FIRST_PAUSE", 0.0)
    opened: list[EndpointEmbedder] = []

    def load(url: str, **more: Any) -> Embedder:
        given = {"model": "any", "base_url": url, "batch_size": 2} | more
        embedder = load_embedder(EmbeddingSettings.model_validate(given), models_dir)
        assert isinstance(embedder, EndpointEmbedder)
        opened.append(embedder)
        return embedder

    yield load
    for each in opened:
        each.close()


def inputs(endpoint: EmbeddingsEndpoint) -> list[list[str]]:
    """What was asked since the start."""
    return [body["input"] for body in endpoint.asked[1:]]


def test_vectors_come_in_the_order_of_the_texts(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    found = open_embedder(endpoint.url).embed_passages(TEXTS)
    raw = measured(TEXTS)
    np.testing.assert_allclose(found, raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-6)


def test_texts_are_sent_in_batches(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    open_embedder(endpoint.url).embed_passages(TEXTS)
    assert inputs(endpoint) == [TEXTS[:2], TEXTS[2:]]


def test_no_text_asks_for_nothing(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    assert open_embedder(endpoint.url).embed_passages([]).shape == (0, 3)
    assert inputs(endpoint) == []


@pytest.mark.parametrize(
    ("given", "prefixes"),
    [
        ({}, ["one", "one"]),
        ({"query_prefix": "q: ", "passage_prefix": "p: "}, ["q: one", "p: one"]),
        ({"model": "intfloat/multilingual-e5-large"}, ["query: one", "passage: one"]),
        ({"model": "intfloat/e5-base", "query_prefix": ""}, ["one", "passage: one"]),
    ],
)
def test_prefixes_are_those_of_the_settings_or_the_model(
    given: dict[str, Any], prefixes: list[str], endpoint: EmbeddingsEndpoint, open_embedder: Open
) -> None:
    embedder = open_embedder(endpoint.url, **given)
    embedder.embed_queries(["one"])
    embedder.embed_passages(["one"])
    assert inputs(endpoint) == [[each] for each in prefixes]


def test_the_key_is_shown(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    open_embedder(endpoint.url, api_key="secret")
    assert endpoint.keys == ["Bearer secret"]


def test_the_name_holds_no_key(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    assert "secret" not in open_embedder(endpoint.url, api_key="secret").name


@pytest.mark.parametrize("text", ["", "\ud800", "a\0b"])
def test_odd_texts_get_vectors(text: str, endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    assert open_embedder(endpoint.url).embed_passages([text]).shape == (1, 3)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passages_are_tried_again(status: int, endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    embedder = open_embedder(endpoint.url)
    endpoint.failing = [(status, {"Retry-After": "0"})] * 2
    assert embedder.embed_passages(["one"]).shape == (1, 3)
    assert len(inputs(endpoint)) == 3


def test_questions_are_tried_once(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    embedder = open_embedder(endpoint.url)
    endpoint.failing = [(503, {})]
    with pytest.raises(ModelUnavailable):
        embedder.embed_queries(["one"])
    assert len(inputs(endpoint)) == 1


@pytest.mark.parametrize(("status", "advice"), [(401, "API_KEY"), (404, "does it serve"), (400, "does it serve")])
def test_what_will_not_help_is_not_tried_again(
    status: int, advice: str, endpoint: EmbeddingsEndpoint, open_embedder: Open
) -> None:
    embedder = open_embedder(endpoint.url)
    endpoint.failing = [(status, {})]
    with pytest.raises(ModelRejected, match=advice):
        embedder.embed_passages(["one"])
    assert len(inputs(endpoint)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"data": []},
        {"data": [{"index": 0, "embedding": "AAAA"}]},
        {"data": [{"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [0.0, 0.0, 0.0]}]},
        {"data": [{"index": 0, "embedding": [[1.0]]}]},
    ],
)
def test_what_are_no_vectors_is_refused(answer: Any, endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    embedder = open_embedder(endpoint.url)
    endpoint.answer = answer
    with pytest.raises(ModelRejected, match="embedding model"):
        embedder.embed_passages(["one"])


def test_other_dimensions_are_refused(endpoint: EmbeddingsEndpoint, open_embedder: Open) -> None:
    embedder = open_embedder(endpoint.url)
    endpoint.answer = {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}
    with pytest.raises(ModelRejected, match="2 dimensions now, after 3"):
        embedder.embed_passages(["one"])


def test_one_that_is_not_there_yet_is_no_reason_not_to_start(open_embedder: Open) -> None:
    embedder = open_embedder(refusing_url())
    with pytest.raises(ModelUnavailable, match="start it"):
        embedder.embed_queries(["one"])


def test_an_endpoint_needs_the_name_of_its_model(models_dir: Path) -> None:
    settings = EmbeddingSettings.model_validate({"base_url": "http://127.0.0.1:1/v1"})
    with pytest.raises(SettingsError, match=r"embedding\.model"):
        load_embedder(settings, models_dir)


def test_a_model_is_loaded_again_by_what_was_registered(endpoint: EmbeddingsEndpoint) -> None:
    given = EmbeddingSettings.model_validate({"model": "m", "base_url": endpoint.url, "api_key": "k", "threads": 3})
    assert given.of_registered(given.registered()) == given
    assert "api_key" not in given.registered()


def test_a_key_goes_to_no_other_endpoint() -> None:
    before = EmbeddingSettings.model_validate({"model": "m", "base_url": "http://before/v1"})
    now = EmbeddingSettings.model_validate({"model": "m", "base_url": "http://now/v1", "api_key": "k"})
    assert now.of_registered(before.registered()).api_key is None
