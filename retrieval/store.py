"""Documents, passages and their vectors in SQL: the truth that the indexes are rebuilt from.

Every function takes an open connection first and runs inside the caller's transaction (`Database.read`,
`Database.write`). A company is part of every key, and an audience of every look-up: nothing is found without both.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from retrieval.errors import DocumentError
from retrieval.passages import Audience, Document, Location, Passage
from retrieval.tables import documents, files, knowledge, passages, vectors


@dataclass(frozen=True, slots=True)
class Embedded:
    """A passage with its vector, of shape (dimensions,) and unit length."""

    passage: Passage
    vector: NDArray[np.float32]


def put_document(connection: Connection, document: Document, embedded: Sequence[Embedded], model: str) -> None:
    """Add the document, or replace what it held, and move its company's knowledge on by one version.

    Raises `DocumentError` when another source already gave a document of this id.
    """
    held = connection.execute(_document_of(document.company, document.id)).one_or_none()
    if held is not None and held.source != document.source:
        raise DocumentError(
            f"the id {document.id!r} is taken by a document from {held.source}. "
            f"Remove that one first: answerdesk remove {document.id}"
        )
    if held is not None:
        remove_document(connection, document.company, document.id)
    connection.execute(insert(documents).values(_document_values(document)))
    _put_passages(connection, document, embedded, model)
    _move_on(connection, document.company, document.audience)


def _put_passages(connection: Connection, document: Document, embedded: Sequence[Embedded], model: str) -> None:
    if not embedded:
        return
    connection.execute(insert(passages), [_passage_values(document, item.passage) for item in embedded])
    serials = dict(
        connection.execute(
            select(passages.c.position, passages.c.serial).where(
                passages.c.company == document.company, passages.c.document == document.id
            )
        )
        .tuples()
        .all()
    )
    connection.execute(
        insert(vectors),
        [{"passage": serials[item.passage.position], "model": model, "data": pack(item.vector)} for item in embedded],
    )


def remove_document(connection: Connection, company: str, document: str) -> Document | None:
    """Remove a document with its passages; returns what it was, or None when there is none."""
    row = connection.execute(_document_of(company, document)).one_or_none()
    if row is None:
        return None
    connection.execute(delete(documents).where(documents.c.company == company, documents.c.id == document))
    connection.execute(delete(files).where(files.c.company == company, files.c.source == row.source))
    _move_on(connection, company, Audience(row.audience))
    return _document(row)


def _move_on(connection: Connection, company: str, audience: Audience) -> None:
    here = (knowledge.c.company == company) & (knowledge.c.audience == audience)
    if connection.execute(update(knowledge).where(here).values(version=knowledge.c.version + 1)).rowcount == 0:
        connection.execute(insert(knowledge).values(company=company, audience=audience, version=1))


def knowledge_versions(connection: Connection) -> dict[tuple[str, Audience], int]:
    """Each company's and audience's version of its knowledge; it grows with every change."""
    return {(row.company, Audience(row.audience)): row.version for row in connection.execute(select(knowledge))}


def knowledge_version(connection: Connection, company: str, audience: Audience) -> int:
    """The version of one company's knowledge for one audience; 0 before the first document."""
    query = select(knowledge.c.version).where(knowledge.c.company == company, knowledge.c.audience == audience)
    return connection.execute(query).scalar_one_or_none() or 0


def list_documents(connection: Connection, company: str, audience: Audience | None = None) -> list[Document]:
    """A company's documents by title; of one audience, or of all."""
    query = _documents().where(documents.c.company == company).order_by(documents.c.title, documents.c.id)
    if audience is not None:
        query = query.where(documents.c.audience == audience)
    return [_document(row) for row in connection.execute(query)]


def documents_from(connection: Connection, company: str, sources: Iterable[str]) -> dict[str, list[Document]]:
    """The documents that each of these sources gave."""
    found: dict[str, list[Document]] = {source: [] for source in sources}
    names = list(found)
    for start in range(0, len(names), 500):
        query = _documents().where(documents.c.company == company, documents.c.source.in_(names[start : start + 500]))
        for row in connection.execute(query):
            found[row.source].append(_document(row))
    return found


def file_stamp(connection: Connection, company: str, source: str) -> str | None:
    """What was noted of this file when all of it was last stored; None if it never was."""
    query = select(files.c.stamp).where(files.c.company == company, files.c.source == source)
    return connection.execute(query).scalar_one_or_none()


def note_file(connection: Connection, company: str, source: str, stamp: str) -> None:
    """Note that all of this file is stored as it is now."""
    connection.execute(delete(files).where(files.c.company == company, files.c.source == source))
    connection.execute(insert(files).values(company=company, source=source, stamp=stamp))


def document(connection: Connection, company: str, audience: Audience, document: str) -> Document | None:
    """One document that this audience may see, or None."""
    row = connection.execute(_document_of(company, document).where(documents.c.audience == audience)).one_or_none()
    return _document(row) if row is not None else None


def passage(connection: Connection, company: str, audience: Audience, passage: str) -> Passage | None:
    """One passage that this audience may see, by its id `DOCUMENT#POSITION`, or None."""
    name, _, position = passage.rpartition("#")
    if not position.isdecimal():
        return None
    query = _passages(company, audience).where(passages.c.document == name, passages.c.position == int(position))
    row = connection.execute(query).one_or_none()
    return _passage(row) if row is not None else None


def passages_of_document(connection: Connection, company: str, audience: Audience, document: str) -> list[Passage]:
    """A document's passages in reading order; empty where this audience may not see it."""
    query = _passages(company, audience).where(passages.c.document == document).order_by(passages.c.position)
    return [_passage(row) for row in connection.execute(query)]


def numbered_passages(connection: Connection, company: str, audience: Audience) -> dict[int, Passage]:
    """All passages of a company and audience by serial, in that order: what the indexes are built from."""
    query = _passages(company, audience).order_by(passages.c.serial)
    return {row.serial: _passage(row) for row in connection.execute(query)}


def candidates(
    connection: Connection, company: str, audience: Audience, model: str, serials: Sequence[int]
) -> tuple[dict[int, NDArray[np.float32]], dict[int, Passage]]:
    """Vectors and passages of what a search found; serials that are gone by now are left out."""
    query = _passages(company, audience).where(passages.c.serial.in_(serials))
    return vectors_of(connection, model, serials), {row.serial: _passage(row) for row in connection.execute(query)}


def vectors_of(connection: Connection, model: str, wanted: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """The vectors of these passages by serial, as this model made them; unit length."""
    query = select(vectors.c.passage, vectors.c.data).where(vectors.c.model == model)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(query.where(vectors.c.passage.in_(wanted[start : start + 500])))
        found.update((row.passage, unpack(row.data)) for row in rows)
    return found


def put_vectors(connection: Connection, model: str, made: Mapping[int, NDArray[np.float32]]) -> None:
    """Add this model's vectors of passages that still stand; a passage keeps the vectors of other models."""
    standing = set(connection.execute(select(passages.c.serial).where(passages.c.serial.in_(list(made)))).scalars())
    rows = [{"passage": serial, "model": model, "data": pack(made[serial])} for serial in standing]
    if rows:
        connection.execute(insert(vectors), rows)


def companies(connection: Connection) -> list[str]:
    """The companies that hold documents."""
    return list(connection.execute(select(documents.c.company).distinct().order_by(documents.c.company)).scalars())


def count_passages(connection: Connection, company: str, audience: Audience) -> int:
    """How many passages this audience of the company has."""
    query = select(func.count()).select_from(passages)
    return connection.execute(query.where(passages.c.company == company, passages.c.audience == audience)).scalar_one()


def sample_questions(connection: Connection, company: str, language: str, count: int) -> list[str]:
    """Questions that public FAQ entries in this language answer, spread over the documents."""
    query = (
        select(passages.c.question, passages.c.document, passages.c.position)
        .where(passages.c.company == company, passages.c.audience == Audience.PUBLIC)
        .where(passages.c.language == language, passages.c.question != "", func.length(passages.c.question) < 70)
        .order_by(passages.c.position, passages.c.document)
    )
    unique = dict.fromkeys(row.question for row in connection.execute(query.limit(count * 4)))
    return list(unique)[:count]


def pack(vector: NDArray[np.float32]) -> bytes:
    """A vector as SQL holds it."""
    return vector.astype("<f2").tobytes()


def unpack(data: bytes) -> NDArray[np.float32]:
    """A vector as the indexes take it: float32, unit length again after the rounding."""
    vector = np.frombuffer(data, dtype="<f2").astype(np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _documents() -> Select[Any]:
    size = (
        select(func.count())
        .where(passages.c.company == documents.c.company, passages.c.document == documents.c.id)
        .scalar_subquery()
    )
    return select(documents, size.label("passages"))


def _document_of(company: str, document: str) -> Select[Any]:
    return _documents().where(documents.c.company == company, documents.c.id == document)


def _passages(company: str, audience: Audience) -> Select[Any]:
    return (
        select(passages, documents.c.title, documents.c.url)
        .join(documents, (documents.c.company == passages.c.company) & (documents.c.id == passages.c.document))
        .where(passages.c.company == company, passages.c.audience == audience)
    )


def _document(row: Row[Any]) -> Document:
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


def _document_values(document: Document) -> dict[str, Any]:
    return {column.name: getattr(document, column.name) for column in documents.columns}


def _passage(row: Row[Any]) -> Passage:
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


def _passage_values(document: Document, passage: Passage) -> dict[str, Any]:
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
