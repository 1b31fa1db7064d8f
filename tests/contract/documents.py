"""Documents put into a store and read from it, as the contract tests do it."""

from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience, Document
from tests.knowledge import COMPANY, embedded

MODEL = "a model"
PUBLIC, INTERNAL = Audience.PUBLIC, Audience.INTERNAL


async def put(database: Database, document: Document, *texts: str, seed: int = 0) -> None:
    parts = embedded(document.id, *(texts or ("Some text.",)), seed=seed)
    await database.write(store.put_document, document, parts, MODEL)


async def ids(database: Database, company: str = COMPANY, audience: Audience | None = None) -> list[str]:
    return [document.id for document in await database.read(store.list_documents, company, audience)]


async def texts(database: Database, document: str, company: str = COMPANY, audience: Audience = PUBLIC) -> list[str]:
    found = await database.read(store.passages_of_document, company, audience, document)
    return [passage.text for passage in found]


async def version(database: Database, audience: Audience = PUBLIC) -> int:
    return await database.read(store.knowledge_version, COMPANY, audience)
