"""The search as a LangChain retriever."""

from pathlib import Path

import pytest

from retrieval.langchain import SearchRetriever
from retrieval.passages import Audience
from tests.knowledge import COMPANY, Knowledge, record, write_records


@pytest.fixture
async def retriever(knowledge: Knowledge, tmp_path: Path) -> SearchRetriever:
    returns = record("returns", "30 days, unridden.", title="How long can I return a bike?")
    hours = record("hours", "Monday to Friday, 9 to 18.", title="When are you open?")
    await knowledge.ingest(write_records(tmp_path / "faq.jsonl", returns, hours))
    await knowledge.search.refresh()
    return SearchRetriever(find=knowledge.search.search, company=COMPANY, audience=Audience.PUBLIC, count=2)


async def test_the_best_passage_comes_first_with_its_question(retriever: SearchRetriever) -> None:
    documents = await retriever.ainvoke("opening hours")
    assert documents[0].page_content == "When are you open?\n\nMonday to Friday, 9 to 18."


async def test_a_passage_carries_its_document(retriever: SearchRetriever) -> None:
    documents = await retriever.ainvoke("can I send it back")
    assert (documents[0].id, documents[0].metadata["document"]) == ("returns#0", "returns")


def test_asking_without_await_says_what_to_do(retriever: SearchRetriever) -> None:
    with pytest.raises(NotImplementedError, match="ainvoke"):
        retriever.invoke("opening hours")
