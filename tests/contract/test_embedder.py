"""What every embedder promises, held by each way to run one."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.embeddings import Embedder, load_embedder
from llm.packaged.weights import find_weights, read_weights
from llm.settings import EmbeddingSettings

TEXTS = [
    "How do I return an item?",
    "Shipping to Austria takes three to five working days and costs 4.90 euros.",
    "我们的退货期限为三十天。",
    "Да",
    "Les frais de port sont gratuits à partir de 50 euros d'achat. " * 12,
]
ODD = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\U0010ffff",
    "<s></s>",
    "\u200b\ufeff",
    "\u0301" * 50,
    "🧿" * 300,
    "x" * 100_000,
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module", params=["packaged", "sentence-transformers"])
def model(request: pytest.FixtureRequest, models: Path) -> str:
    if request.param == "packaged":
        return "packaged"
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers isn't installed (the extra `transformers`)")
    from llm.packaged.hugging_face import write_hugging_face

    write_hugging_face(read_weights(find_weights()), models / "hugging_face")
    return str(models / "hugging_face")


@pytest.fixture(scope="module")
def embedder(model: str, models: Path) -> Embedder:
    return load_embedder(EmbeddingSettings(model=model), models)


@pytest.fixture(scope="module")
def packaged(models: Path) -> Embedder:
    return load_embedder(EmbeddingSettings(), models)


def test_a_text_gives_a_row(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert vectors.dtype == np.float32


def test_rows_have_unit_length(embedder: Embedder) -> None:
    np.testing.assert_allclose(np.linalg.norm(embedder.embed_passages(TEXTS), axis=1), 1, atol=1e-5)


def test_no_text_gives_no_row(embedder: Embedder) -> None:
    assert embedder.embed_queries([]).shape == (0, embedder.dimensions)
    assert embedder.embed_passages([]).shape == (0, embedder.dimensions)


def test_a_text_alone_gets_the_vector_it_gets_among_others(embedder: Embedder) -> None:
    together = embedder.embed_passages(TEXTS * 8)
    alone = np.concatenate([embedder.embed_passages([text]) for text in TEXTS])
    np.testing.assert_allclose(together, np.tile(alone, (8, 1)), atol=1e-5)


def test_rows_keep_the_order_of_the_texts(embedder: Embedder) -> None:
    np.testing.assert_allclose(embedder.embed_passages(TEXTS)[::-1], embedder.embed_passages(TEXTS[::-1]), atol=1e-5)


def test_questions_and_passages_differ(embedder: Embedder) -> None:
    assert np.abs(embedder.embed_queries(TEXTS) - embedder.embed_passages(TEXTS)).max() > 0.01


def test_what_lies_beyond_the_longest_text_changes_nothing(embedder: Embedder) -> None:
    long = "returns " * 600
    np.testing.assert_allclose(embedder.embed_passages([long]), embedder.embed_passages([long + "shipping"]), atol=1e-6)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_get_unit_vectors(embedder: Embedder, text: str) -> None:
    for vectors in (embedder.embed_queries([text]), embedder.embed_passages([text])):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_tokens_of_odd_texts_are_counted(embedder: Embedder, text: str) -> None:
    assert embedder.count_tokens(text) >= 0


def test_tokens_are_counted_without_prefix_and_special_tokens(embedder: Embedder) -> None:
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("hello world") == 3


def test_a_longer_text_has_all_its_tokens_counted(embedder: Embedder) -> None:
    assert embedder.count_tokens("hello world " * 1000) == 3000


def test_threads_get_the_vectors_of_one(embedder: Embedder) -> None:
    alone = embedder.embed_queries(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for row, vectors in enumerate(pool.map(lambda text: embedder.embed_queries([text]), TEXTS)):
            np.testing.assert_allclose(vectors[0], alone[row], atol=1e-5)


def test_prefixes_can_be_set(model: str, models: Path, embedder: Embedder) -> None:
    swapped = EmbeddingSettings(model=model, query_prefix="passage: ", passage_prefix="query: ")
    np.testing.assert_allclose(
        load_embedder(swapped, models).embed_queries(TEXTS), embedder.embed_passages(TEXTS), atol=1e-5
    )


def test_other_prefixes_make_another_name(model: str, models: Path, embedder: Embedder) -> None:
    plain = load_embedder(EmbeddingSettings(model=model, query_prefix=""), models)
    assert plain.name != embedder.name


def test_all_ways_to_run_the_model_agree(embedder: Embedder, packaged: Embedder) -> None:
    cosines = np.sum(embedder.embed_passages(TEXTS) * packaged.embed_passages(TEXTS), axis=1)
    assert cosines.min() > 0.9999


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_any_texts_get_unit_vectors(packaged: Embedder, texts: list[str]) -> None:
    vectors = packaged.embed_queries(texts)
    assert vectors.shape == (len(texts), packaged.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
