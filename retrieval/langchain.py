"""Our search as a LangChain retriever, for people who build their own chains.

::

    async with open_parts(load_settings()) as parts:
        await parts.search.refresh()
        retriever = SearchRetriever(find=parts.search.search, company="default")
        documents = await retriever.ainvoke("How long is the warranty?")
"""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from retrieval.passages import Audience, Found, Scored


class SearchRetriever(BaseRetriever):
    """Finds passages of one company, for one audience; asynchronous only."""

    find: Callable[[str, str, Audience, int], Awaitable[Found]]
    """`Search.search`."""
    company: str
    audience: Audience = Audience.PUBLIC
    count: int = 8

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        raise NotImplementedError("The search is asynchronous: use `await retriever.ainvoke(...)`.")

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain names it
    ) -> list[Document]:
        found = await self.find(self.company, query, self.audience, self.count)
        return [
            Document(id=each.passage.id, page_content=_content(each), metadata=_metadata(each))
            for each in found.passages
        ]


def _content(scored: Scored) -> str:
    passage = scored.passage
    return f"{passage.heading}\n\n{passage.text}" if passage.heading else passage.text


def _metadata(scored: Scored) -> dict[str, Any]:
    passage = scored.passage
    return {
        "document": passage.document,
        "title": passage.title,
        "location": str(passage.location),
        "url": passage.url,
        "language": passage.language,
        "score": scored.score,
    }
