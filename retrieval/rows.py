"""Between the rows of the tables and the nouns of retrieval."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, func, select

from llm.text import encodable
from retrieval.passages import Audience, Document, Location, Passage
from retrieval.tables import documents, passages


def documents_query() -> Select[Any]:
    """Documents with their sizes, fit for `to_document`."""
    size = (
        select(func.count())
        .where(passages.c.company == documents.c.company, passages.c.document == documents.c.id)
        .scalar_subquery()
    )
    return select(documents, size.label("passages"))


def document_of(company: str, document: str) -> Select[Any]:
    """One document, whoever may see it. Any text may be asked for: what no database can hold is found nowhere."""
    return documents_query().where(documents.c.company == company, documents.c.id == encodable(document))


def passages_query(company: str, audience: Audience) -> Select[Any]:
    """What an audience may see, fit for `to_passage`."""
    return (
        select(passages, documents.c.title, documents.c.url)
        .join(documents, (documents.c.company == passages.c.company) & (documents.c.id == passages.c.document))
        .where(passages.c.company == company, passages.c.audience == audience)
    )


def to_document(row: Row[Any]) -> Document:
    """A document as a row holds it."""
    return Document(
        id=row.id,
        company=row.company,
        audience=Audience(row.audience),
        source=row.source,
        title=row.title or row.id,
        language=row.language,
        url=row.url,
        content_hash=row.content_hash,
        passages=row.passages,
        updated_at=row.updated_at,
    )


def document_values(document: Document) -> dict[str, Any]:
    """The columns of a document."""
    return {column.name: getattr(document, column.name) for column in documents.columns}


def to_passage(row: Row[Any]) -> Passage:
    """A passage as a row holds it."""
    return Passage(
        id=f"{row.document}#{row.position}",
        document=row.document,
        position=row.position,
        title=row.title,
        text=row.text,
        question=row.question,
        location=Location(**json.loads(row.location)),
        language=row.language,
        url=row.url,
    )


def passage_values(document: Document, passage: Passage) -> dict[str, Any]:
    """The columns of a passage, but for its serial."""
    return {
        "company": document.company,
        "document": document.id,
        "position": passage.position,
        "audience": document.audience,
        "question": passage.question,
        "text": passage.text,
        "location": json.dumps(asdict(passage.location), ensure_ascii=False),
        "language": passage.language,
    }
