"""The extractive answerer, with the real embedding model."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answers.extracting import MOST_SENTENCES, SHORT, Extracting, cite
from bot.domain import Answer, Draft, Outcome, Question
from llm.embeddings import Embedder
from retrieval.chunking import sentences
from retrieval.passages import Found, Location, Passage, Scored

TERMS = (
    "Rental bikes are handed out at the shop in the harbour street. "
    "Please bring an identity card with a photo. "
    "The deposit for a city bike is 50 euros and is paid by card. "
    "Children under 14 may ride only together with an adult. "
    "Helmets are lent free of charge on request. "
    "If the bike is stolen, call our hotline within two hours. "
    "The tank of the office coffee machine is refilled on Mondays. "
    "Late returns cost 8 euros for each hour that was begun."
)


def passage(text: str, question: str = "", language: str = "en", **more: object) -> Passage:
    return Passage("terms#0", "terms", 0, "Terms", text, question, language=language, **more)  # type: ignore[arg-type]


async def extract(
    embedder: Embedder, question: str, found: Passage, language: str = "en", confidence: float = 0.9
) -> list[Draft | Answer]:
    extracting = Extracting(embedder, needs=0.5)
    ranked = Found(question, (Scored(found, 0.9, 0.9, 0.0),), confidence)
    return [step async for step in extracting.answer(Question("acme", question, language=language), ranked)]


async def said(embedder: Embedder, question: str, found: Passage) -> str:
    *_, answer = await extract(embedder, question, found)
    assert isinstance(answer, Answer)
    return answer.text.removesuffix(" [1]")


async def test_an_entry_is_given_verbatim(embedder: Embedder) -> None:
    text = "Yes.  Within 30 days,\n\n- unused\n- in its box"
    assert await said(embedder, "can I return it", passage(text, "May I return things?")) == text


async def test_a_long_entry_is_given_whole(embedder: Embedder) -> None:
    text = " ".join([TERMS] * 5)
    assert await said(embedder, "deposit?", passage(text, "What are the terms?")) == text


async def test_short_prose_is_given_whole(embedder: Embedder) -> None:
    text = "We open at nine. We close at six."
    assert await said(embedder, "when do you close?", passage(text)) == text


async def test_of_long_prose_the_sentence_that_answers_is_given(embedder: Embedder) -> None:
    assert "The deposit for a city bike is 50 euros" in await said(embedder, "how much is the deposit?", passage(TERMS))


@pytest.mark.parametrize("question", ["how much is the deposit?", "stolen bike", "coffee", "租车押金多少", "E-07", "?"])
async def test_what_is_given_stands_in_the_passage_as_it_is(embedder: Embedder, question: str) -> None:
    assert await said(embedder, question, passage(TERMS)) in TERMS


@pytest.mark.parametrize("question", ["how much is the deposit?", "stolen bike", "coffee"])
async def test_a_few_sentences_are_given_at_most(embedder: Embedder, question: str) -> None:
    assert len(list(sentences(await said(embedder, question, passage(TERMS))))) <= MOST_SENTENCES


@given(st.lists(st.sampled_from(["Yes. ", "No!\n\n", "See e.g. page 3. ", "退货。", "A" * 90 + ". ", "  \n", "x "])))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_the_prose_is_like_a_stretch_of_it_is_given(embedder: Embedder, parts: list[str]) -> None:
    text = (TERMS[:SHORT] + "".join(parts)).strip()
    assert await said(embedder, "why?", passage(text)) in text


async def test_a_draft_shows_what_the_answer_says(embedder: Embedder) -> None:
    draft, answer = await extract(embedder, "when?", passage("We open at nine."))
    assert isinstance(draft, Draft)
    assert isinstance(answer, Answer)
    assert draft.text == answer.text == "We open at nine. [1]"


async def test_the_answer_cites_the_passage(embedder: Embedder) -> None:
    _, answer = await extract(embedder, "when?", passage("We open at nine."))
    assert isinstance(answer, Answer)
    assert [(citation.number, citation.passage) for citation in answer.citations] == [(1, "terms#0")]


async def test_the_answer_has_the_confidence_of_the_search(embedder: Embedder) -> None:
    _, answer = await extract(embedder, "when?", passage("We open at nine."), confidence=0.77)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.confidence) == (Outcome.ANSWERED, 0.77)


async def test_another_language_is_told_in_the_customers(embedder: Embedder) -> None:
    _, answer = await extract(embedder, "几点开门？", passage("We open at nine.", language="en"), language="zh")
    assert isinstance(answer, Answer)
    note, _, text = answer.text.partition("\n\n")
    assert "英" in note
    assert text == "We open at nine. [1]"


@pytest.mark.parametrize("language", ["en", ""])
async def test_a_language_that_agrees_or_is_unknown_needs_no_note(embedder: Embedder, language: str) -> None:
    _, answer = await extract(embedder, "when?", passage("We open at nine.", language=language))
    assert isinstance(answer, Answer)
    assert answer.text == "We open at nine. [1]"


def test_a_citation_says_where_to_look() -> None:
    found = passage("Text", location=Location(heading="Prices", page=3), url="https://example.com/terms")
    citation = cite(found, 2)
    assert (citation.number, citation.document, citation.title) == (2, "terms", "Terms")
    assert (citation.location, citation.url) == ("page 3, Prices", "https://example.com/terms")
