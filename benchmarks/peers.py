"""Retrieval beside what LangChain, LlamaIndex and Haystack build by default, with the same embedding model.

    pip install langchain-classic langchain-community langchain-chroma rank-bm25 llama-index-core haystack-ai
    python benchmarks/peers.py [--data ../shared/data]

Install the peers into an environment of their own, beside Answerdesk; one that is missing is skipped. Each gets
the documents as title and text, and the product's embedding model with its prefixes. What each is:

- LangChain: `EnsembleRetriever`, half BM25, half Chroma, over chunks of `RecursiveCharacterTextSplitter(1000, 200)`
- LlamaIndex: `VectorStoreIndex.as_retriever()`, with its own splitter
- Haystack: BM25 and embedding retrievers joined by `DocumentJoiner` with reciprocal rank fusion
"""

import argparse
import asyncio
import functools
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import sets
from machine import machine
from rich.console import Console
from rich.table import Table

from bot.bootstrap import open_parts
from bot.evaluation.measures import average_precision, hit_at, mean
from bot.settings import load_settings
from llm.embeddings import Embedder, load_embedder
from llm.settings import EmbeddingSettings
from retrieval.passages import Audience

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "peers.json"
DEEP = 20
"""Passages each is asked for."""

Find = Callable[[str], Awaitable[Sequence[str]]]
"""The documents for a question, best first."""


def content(document: sets.Row) -> str:
    return f"{document['title']}\n{document['text']}" if document.get("title") else document["text"]


@asynccontextmanager
async def answerdesk(documents: Sequence[sets.Row], embedder: Embedder) -> AsyncIterator[Find]:
    del embedder  # it loads the same one
    with tempfile.TemporaryDirectory() as folder:
        async with open_parts(load_settings(data_dir=folder, models_dir=load_settings().models)) as parts:
            file = Path(folder) / "corpus.jsonl"
            kept = ("id", "title", "text", "lang")
            file.write_text("\n".join(json.dumps({k: doc[k] for k in kept if k in doc}) for doc in documents))
            async for report in parts.ingestion("company", Audience.PUBLIC).run([file]):
                assert report.error is None, report
            await parts.search.refresh()

            async def find(question: str) -> Sequence[str]:
                found = await parts.search.search("company", question, count=DEEP)
                return [each.passage.document for each in found.passages]

            yield find


@asynccontextmanager
async def langchain(documents: Sequence[sets.Row], embedder: Embedder) -> AsyncIterator[Find]:
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Ours(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed_passages(texts).tolist()

        def embed_query(self, text: str) -> list[float]:
            return embedder.embed_queries([text])[0].tolist()

    made = [Document(content(each), metadata={"id": each["id"]}) for each in documents]
    chunks = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(made)
    with tempfile.TemporaryDirectory() as folder:
        store = Chroma("peers", Ours(), persist_directory=folder)
        store.add_documents(chunks)
        dense = store.as_retriever(search_kwargs={"k": DEEP})
        retriever = EnsembleRetriever(
            retrievers=[BM25Retriever.from_documents(chunks, k=DEEP), dense], weights=[0.5, 0.5]
        )

        async def find(question: str) -> Sequence[str]:
            return [each.metadata["id"] for each in await retriever.ainvoke(question)]

        yield find
        store.delete_collection()


@asynccontextmanager
async def llama_index(documents: Sequence[sets.Row], embedder: Embedder) -> AsyncIterator[Find]:
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding

    class Ours(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return embedder.embed_queries([query])[0].tolist()

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return await asyncio.to_thread(self._get_query_embedding, query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return embedder.embed_passages([text])[0].tolist()

    made = [
        Document(text=content(each), metadata={"id": each["id"]}, excluded_embed_metadata_keys=["id"])
        for each in documents
    ]
    index = VectorStoreIndex.from_documents(made, embed_model=Ours())
    retriever = index.as_retriever(similarity_top_k=DEEP)

    async def find(question: str) -> Sequence[str]:
        return [each.metadata["id"] for each in await retriever.aretrieve(question)]

    yield find


@asynccontextmanager
async def haystack(documents: Sequence[sets.Row], embedder: Embedder) -> AsyncIterator[Find]:
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    vectors = embedder.embed_passages([content(each) for each in documents]).tolist()
    store.write_documents(
        [
            Document(content=content(each), meta={"id": each["id"]}, embedding=vector)
            for each, vector in zip(documents, vectors, strict=True)
        ]
    )
    words, dense = InMemoryBM25Retriever(store, top_k=DEEP), InMemoryEmbeddingRetriever(store, top_k=DEEP)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")

    def joined(question: str) -> Sequence[str]:
        vector = embedder.embed_queries([question])[0].tolist()
        found = [words.run(query=question)["documents"], dense.run(query_embedding=vector)["documents"]]
        return [each.meta["id"] for each in joiner.run(documents=found)["documents"]]

    async def find(question: str) -> Sequence[str]:
        return await asyncio.to_thread(joined, question)

    yield find


PEERS: dict[str, tuple[Any, Sequence[str]]] = {
    "Answerdesk": (answerdesk, ()),
    "LangChain": (langchain, ("langchain_classic", "langchain_community", "langchain_chroma", "rank_bm25")),
    "LlamaIndex": (llama_index, ("llama_index.core",)),
    "Haystack": (haystack, ("haystack",)),
}


def missing(modules: Sequence[str]) -> list[str]:
    def is_there(module: str) -> bool:
        return importlib.util.find_spec(module.partition(".")[0]) is not None

    return [module for module in modules if not is_there(module)]


async def measured(peer: Any, parts: Sequence[sets.Part], embedder: Embedder) -> dict[str, Any]:
    graded, taken = [], []
    for part in parts:
        async with peer(part.documents, embedder) as find:
            await find(part.queries[0]["question"])
            for query, relevant in zip(part.queries, part.relevant, strict=True):
                began = time.perf_counter()
                found = await find(query["question"])
                taken.append((time.perf_counter() - began) * 1000)
                if relevant:
                    graded.append((list(dict.fromkeys(found)), dict.fromkeys(relevant, 1.0)))
    return {
        "hit@1": asdict(mean([hit_at(ranking, grades, 1) for ranking, grades in graded])),
        "hit@5": asdict(mean([hit_at(ranking, grades, 5) for ranking, grades in graded])),
        "MAP": asdict(mean([average_precision(ranking, grades) for ranking, grades in graded])),
        "p50_ms": round(float(np.percentile(taken, 50)), 1),
        "p99_ms": round(float(np.percentile(taken, 99)), 1),
    }


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--sets", nargs="+", default=["stackfaq", "covidfaq", "multihelp", "xquad5", "mixed"])
    parser.add_argument("--questions", type=int, help="about so many of each set, instead of all")
    arguments = parser.parse_args()
    embedder = await asyncio.to_thread(functools.partial(load_embedder, EmbeddingSettings(), load_settings().models))
    results: dict[str, dict[str, Any]] = {}
    table = Table("hit@1 / MAP, p50 ms", *arguments.sets)
    for name, (peer, modules) in PEERS.items():
        if absent := missing(modules):
            print(f"{name} is skipped: {', '.join(absent)} missing. `python {__file__} --help` says what to install.")
            continue
        results[name] = {
            each: await measured(peer, sets.parts(arguments.data, each, arguments.questions), embedder)
            for each in arguments.sets
        }
        cells = (
            f"{one['hit@1']['value']:.3f} / {one['MAP']['value']:.3f}, {one['p50_ms']:.0f}"
            for one in results[name].values()
        )
        table.add_row(name, *cells)
    Console(width=160).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    packages = ("langchain-classic", "langchain-community", "langchain-chroma", "llama-index-core", "haystack-ai")
    content = json.dumps({"machine": machine("chromadb", "onnxruntime", *packages), "results": results}, indent=1)
    RESULTS.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
