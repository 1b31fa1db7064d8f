import numpy as np
import pytest

from llm.embeddings import Embedder
from retrieval.asking import Asked
from retrieval.crossing import Bridge, Mixture, unit
from retrieval.fusing import Weights, fuse
from retrieval.parallel import QUESTIONS
from retrieval.passages import Passage, Scored

ENGLISH, CHINESE, MEANING, OTHER = np.eye(4, dtype=np.float32)
"""Directions: of a language, and of what is said."""


def vector(language: np.ndarray, meaning: np.ndarray, share: float = 0.4) -> np.ndarray:
    return unit(language + np.float32(share) * meaning)


def passage(name: str, language: str) -> Passage:
    return Passage(f"{name}#0", name, 0, "", name, language=language)


def mixture(**vectors: list[np.ndarray]) -> Mixture:
    return Mixture.of(vectors, {language: len(some) for language, some in vectors.items()})


def search(embedder: Embedder, asked: Asked, held: dict[str, tuple[str, np.ndarray]]) -> list[Scored]:
    """Among these passages, and thirty in English and in Chinese about something else."""
    rest = {"en": [vector(ENGLISH, OTHER, 0.4 + n / 100) for n in range(30)]}
    rest["zh"] = [vector(CHINESE, OTHER, 0.4 + n / 100) for n in range(30)]
    passages = [passage(name, language) for name, (language, _) in held.items()]
    vectors = np.stack([each for _, each in held.values()])
    keywords = np.zeros((1, len(passages)), np.float32)
    return fuse(asked, passages, vectors, keywords, Bridge(embedder), mixture(**rest))


IN_CHINESE = Asked(["?"], vector(CHINESE, MEANING)[None], "zh", 1.0)


def test_what_answers_stands_before_what_is_merely_in_the_question_s_language(embedder: Embedder) -> None:
    small = _Small(embedder)
    found = search(
        small, IN_CHINESE, {"beside": ("zh", vector(CHINESE, OTHER)), "answer": ("en", vector(ENGLISH, MEANING))}
    )
    assert [each.passage.document for each in found] == ["answer", "beside"]


def test_a_translation_in_the_question_s_language_stands_first(embedder: Embedder) -> None:
    held = {"answer": ("en", vector(ENGLISH, MEANING, 0.5)), "translation": ("zh", vector(CHINESE, MEANING, 0.3))}
    found = search(_Small(embedder), IN_CHINESE, held)
    assert [each.passage.document for each in found] == ["translation", "answer"]
    assert found[0].score > found[1].score


def test_in_one_language_nothing_is_balanced(embedder: Embedder) -> None:
    rows = np.stack([vector(CHINESE, OTHER), vector(CHINESE, MEANING)])
    held = [passage("beside", "zh"), passage("answer", "zh")]
    found = fuse(IN_CHINESE, held, rows, np.zeros((1, 2), np.float32), Bridge(embedder), Mixture())
    assert {each.passage.document: each.cosine for each in found} == {
        "beside": pytest.approx(float(rows[0] @ IN_CHINESE.vectors[0])),
        "answer": pytest.approx(float(rows[1] @ IN_CHINESE.vectors[0])),
    }


def test_a_passage_is_worth_what_it_is_to_its_best_part(embedder: Embedder) -> None:
    asked = Asked(["a", "b"], np.stack([ENGLISH, MEANING]), "en", 1.0)
    rows, keywords = np.stack([MEANING, OTHER]), np.array([[0, 1], [0, 0]], np.float32)
    found = fuse(asked, [passage("x", "en"), passage("y", "en")], rows, keywords, Bridge(embedder), Mixture())
    assert [(each.passage.document, each.cosine, each.keyword) for each in found] == [("x", 1, 0), ("y", 0, 1)]


def test_a_passage_in_another_language_is_not_behind_for_lacking_the_question_s_words(embedder: Embedder) -> None:
    asked = Asked(["?"], vector(CHINESE, MEANING)[None], "zh", 1.0)
    rows = np.stack([vector(CHINESE, OTHER), vector(ENGLISH, MEANING)])
    held, mixed = [passage("beside", "zh"), passage("answer", "en")], mixture(zh=[CHINESE], en=[ENGLISH])
    found = fuse(asked, held, rows, np.array([[1.0, 0.0]], np.float32), Bridge(_Small(embedder)), mixed)
    added = {each.passage.document: each.score - each.cosine for each in found}
    weights = Weights()
    assert added["answer"] == pytest.approx(weights.prose_keywords)
    assert added["beside"] == pytest.approx(weights.prose_keywords + weights.own_language)


def test_a_product_code_outweighs_another_language(embedder: Embedder) -> None:
    asked = Asked(["?"], vector(CHINESE, MEANING)[None], "zh", 1.0)
    rows = np.stack([vector(CHINESE, MEANING), vector(ENGLISH, MEANING)])
    held, mixed = [passage("coded", "zh"), passage("other", "en")], mixture(zh=[CHINESE], en=[ENGLISH])
    coded, other = fuse(asked, held, rows, np.array([[2.0, 0.0]], np.float32), Bridge(_Small(embedder)), mixed)
    assert coded.passage.document == "coded"
    assert coded.score - coded.cosine > other.score - other.cosine + Weights().prose_keywords / 2


def test_one_language_makes_no_mixture() -> None:
    assert not mixture(en=[ENGLISH, MEANING]).means


def test_a_single_passage_has_nearly_the_mean_of_all() -> None:
    many = mixture(en=[ENGLISH] * 99, zh=[CHINESE])
    assert many.means["zh"] @ ENGLISH > 0.8


def test_each_language_is_looked_for_where_it_lies() -> None:
    own, other = mixture(en=[ENGLISH] * 50, zh=[CHINESE] * 50).aims(vector(CHINESE, MEANING)[None])
    assert own[0] @ CHINESE > own[0] @ ENGLISH
    assert other[0] @ ENGLISH > other[0] @ CHINESE


def test_without_a_mixture_there_is_one_aim() -> None:
    assert len(Mixture().aims(ENGLISH[None])) == 1


def test_a_moved_question_lies_nearer_to_the_other_language(embedder: Embedder) -> None:
    question = embedder.embed_queries(["自行车的保修期是多久？"])
    there = embedder.embed_queries(list(QUESTIONS["en"])).mean(axis=0)
    moved = Bridge(embedder).move(question, "zh", "en")
    assert moved[0] @ there > question[0] @ there
    assert np.linalg.norm(moved[0]) == pytest.approx(1)


@pytest.mark.parametrize(("asked", "held"), [("zh", "zh"), ("", "en"), ("nl", "en"), ("en", "")])
def test_where_nothing_is_known_of_two_languages_nothing_moves(asked: str, held: str, embedder: Embedder) -> None:
    question = vector(ENGLISH, MEANING)[None]
    assert Bridge(embedder).move(question, asked, held) is question


def test_the_same_questions_stand_in_every_language() -> None:
    assert {len(questions) for questions in QUESTIONS.values()} == {12}
    assert 0 < Weights().own_language < 0.05


class _Small:
    """A model of four dimensions that puts a language's questions where the language is."""

    name, dimensions = "small", 4

    def __init__(self, model: Embedder) -> None:
        self.count_tokens = model.count_tokens

    def embed_queries(self, texts: list[str]) -> np.ndarray:
        direction = CHINESE if texts[0] == QUESTIONS["zh"][0] else ENGLISH
        return np.stack([direction for _ in texts])

    embed_passages = embed_queries
