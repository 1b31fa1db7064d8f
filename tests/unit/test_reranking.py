"""Rerankers: a cross-encoder, and an endpoint over real HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm.errors import ModelError, ModelRejected, ModelUnavailable, SettingsError
from llm.reranking import CrossEncoderReranker, Reranker, load_reranker
from llm.settings import RerankingSettings
from retrieval.fusing import reorder
from retrieval.passages import Passage, Scored
from tests.fakes.vllm import refusing_url

TEXTS = ["about cats", "about dogs and cats", "about dogs"]


class Endpoint(ThreadingHTTPServer):
    """Gives the answer it is told to."""

    answer: tuple[int, Any] = (200, {})

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization", ""), body))
        status, answer = self.server.answer
        said = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def reranker_at(endpoint: Endpoint) -> Iterator[Reranker]:
    url = f"http://127.0.0.1:{endpoint.server_address[1]}/v1"
    loaded = load_reranker(RerankingSettings(model="judge", base_url=url, api_key="secret"))  # type: ignore[arg-type]
    assert loaded
    yield loaded
    loaded.close()


def results(*pairs: tuple[int, float]) -> dict[str, Any]:
    return {"results": [{"index": index, "relevance_score": score} for index, score in pairs]}


def test_without_a_model_there_is_none() -> None:
    assert load_reranker(RerankingSettings()) is None


def test_scores_come_in_the_order_of_the_texts(endpoint: Endpoint) -> None:
    endpoint.answer = (200, results((2, 0.9), (0, 0.1), (1, 0.5)))
    with reranker_at(endpoint) as reranker:
        assert reranker.scores("dogs?", TEXTS).tolist() == pytest.approx([0.1, 0.5, 0.9])
    body = {"model": "judge", "query": "dogs?", "documents": TEXTS, "top_n": 3}
    assert endpoint.asked == [("/v1/rerank", "Bearer secret", body)]


def test_nothing_is_asked_about_nothing(endpoint: Endpoint) -> None:
    with reranker_at(endpoint) as reranker:
        assert reranker.scores("dogs?", []).shape == (0,)
    assert not endpoint.asked


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, {}), ModelUnavailable),
        ((429, {}), ModelUnavailable),
        ((404, {"error": "no such model"}), ModelRejected),
        ((200, {}), ModelRejected),
        ((200, []), ModelRejected),
        ((200, results((0, 0.1))), ModelRejected),
        ((200, results((7, 0.1))), ModelRejected),
    ],
)
def test_an_endpoint_that_gives_no_scores_says_so(
    answer: tuple[int, Any], error: type[ModelError], endpoint: Endpoint
) -> None:
    endpoint.answer = answer
    with reranker_at(endpoint) as reranker, pytest.raises(error):
        reranker.scores("dogs?", TEXTS)


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    loaded = load_reranker(RerankingSettings(model="judge", base_url=refusing_url()))  # type: ignore[arg-type]
    assert loaded
    with pytest.raises(ModelUnavailable):
        loaded.scores("dogs?", TEXTS)
    loaded.close()


def test_without_sentence_transformers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(SettingsError, match=r"answerdesk\[transformers\]"):
        load_reranker(RerankingSettings(model="cross-encoder/any"))


def test_an_unknown_cross_encoder_says_what_to_do() -> None:
    pytest.importorskip("sentence_transformers", reason="comes with the extra `transformers`")
    with pytest.raises(ModelError, match=r"reranking\.model"):
        CrossEncoderReranker("/nowhere/at-all")


def test_a_cross_encoder_scores_each_text(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="comes with the extra `transformers`")
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "about", "cats", "dogs", "and", "?"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertForSequenceClassification(BertConfig(vocab_size=len(words), num_labels=1, **shape)).save_pretrained(tmp_path)
    loaded = load_reranker(RerankingSettings(model=str(tmp_path)))
    assert loaded
    scores = loaded.scores("dogs?", TEXTS)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    assert loaded.scores("dogs?", TEXTS[1:]).tolist() == pytest.approx(scores[1:].tolist(), abs=1e-5)
    assert loaded.scores("dogs?", []).shape == (0,)


def ranked(*scores: float) -> list[Scored]:
    return [Scored(Passage(f"{n}#0", str(n), 0, "", "x"), score, score, 0.0) for n, score in enumerate(scores)]


def order(found: list[Scored]) -> list[str]:
    return [each.passage.document for each in found]


def test_what_the_reranker_is_sure_of_comes_first() -> None:
    found = reorder(ranked(0.90, 0.89, 0.80), np.array([-5, 9, -9], np.float32))
    assert order(found) == ["1", "0", "2"]


def test_scores_keep_their_range() -> None:
    found = reorder(ranked(0.90, 0.89, 0.80), np.array([-5, 9, -9], np.float32))
    assert all(0.80 <= each.score <= 0.90 for each in found)


def test_what_was_not_judged_stays_behind() -> None:
    found = reorder(ranked(0.90, 0.89, 0.80, 0.70), np.array([0, 1], np.float32))
    assert order(found)[2:] == ["2", "3"]


@pytest.mark.parametrize("judged", [[1.0], [0.5, 0.5, 0.5]])
def test_what_cannot_be_told_apart_stays_as_it_is(judged: list[float]) -> None:
    before = ranked(0.90, 0.89, 0.80)
    assert reorder(before, np.array(judged, np.float32)) == before
