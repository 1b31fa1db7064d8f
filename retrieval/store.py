"""Documents, passages and their vectors in SQL: the truth that the indexes are rebuilt from.

Every function takes an open connection first and runs inside the caller's transaction (`Database.read`,
`Database.write`). A company is part of every key, and an audience of every look-up: nothing is found without both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from llm.text import encodable
from retrieval.errors import DocumentError
from retrieval.passages import Audience, Document, Passage
from retrieval.rows import (
    document_of,
    document_values,
    documents_query,
    passage_values,
    passages_query,
    to_document,
    to_passage,
)
from retrieval.tables import documents, files, knowledge, passages, vectors

LONGEST_POSITION = 10
"""Digits; what is longer names no passage, and is no integer to a database."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A passage with its vector, of shape (dimensions,) and unit length."""

    passage: Passage
    vector: NDArray[np.float32]


def put_document(connection: Connection, document: Document, embedded: Sequence[Embedded], model: str) -> None:
    """Add the document, or replace what it held, and move its company's knowledge on by one version.

    Raises `DocumentError` when another source already gave a document of this id, and for publishing what is internal.
    """
    _take_turns(connection, document.company)
    held = connection.execute(document_of(document.company, document.id)).one_or_none()
    if held is not None and held.source != document.source:
        raise DocumentError(
            f"the id {document.id!r} is taken by a document from {held.source}. "
            f"Remove that one first: answerdesk remove {document.id}"
        )
    if held is not None and held.audience == Audience.INTERNAL != document.audience:
        raise is_internal(document.id)
    if held is not None:
        remove_document(connection, document.company, document.id)
    _forget_file(connection, document.company, document.source)
    connection.execute(insert(documents).values(document_values(document)))
    _put_passages(connection, document, embedded, model)
    _move_on(connection, document.company, document.audience, model)


def is_internal(document: str) -> DocumentError:
    """The reason why what staff keep to themselves isn't published in passing."""
    return DocumentError(f"it is held as internal. To publish it, remove it first: answerdesk remove {document}")


def _put_passages(connection: Connection, document: Document, embedded: Sequence[Embedded], model: str) -> None:
    if not embedded:
        return
    connection.execute(insert(passages), [passage_values(document, item.passage) for item in embedded])
    placed = select(passages.c.position, passages.c.serial).where(
        passages.c.company == document.company, passages.c.document == document.id
    )
    serials = {row.position: row.serial for row in connection.execute(placed)}
    connection.execute(
        insert(vectors),
        [{"passage": serials[item.passage.position], "model": model, "data": pack(item.vector)} for item in embedded],
    )


def remove_document(connection: Connection, company: str, document: str) -> Document | None:
    """Remove a document with its passages; returns what it was, or None when there is none."""
    _take_turns(connection, company)
    row = connection.execute(document_of(company, document)).one_or_none()
    if row is None:
        return None
    connection.execute(delete(documents).where(documents.c.company == company, documents.c.id == document))
    _forget_file(connection, company, row.source)
    _move_on(connection, company, Audience(row.audience))
    return to_document(row)


def withdraw(connection: Connection, company: str, source: str) -> None:
    """Make what the public may see of a file internal, at once."""
    _take_turns(connection, company)
    public = (documents.c.company == company) & (documents.c.source == source)
    public &= documents.c.audience == Audience.PUBLIC
    names = select(documents.c.id).where(public)
    of_file = (passages.c.company == company) & passages.c.document.in_(names)
    connection.execute(update(passages).where(of_file).values(audience=Audience.INTERNAL))
    if connection.execute(update(documents).where(public).values(audience=Audience.INTERNAL)).rowcount:
        _forget_file(connection, company, source)
        for audience in Audience:
            _move_on(connection, company, audience)


def _take_turns(connection: Connection, company: str) -> None:
    """Let one transaction at a time change a company's documents, as SQLite does anyway: none must be put twice."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"documents of {company}"))))


def _move_on(connection: Connection, company: str, audience: Audience, model: str | None = None) -> None:
    here = (knowledge.c.company == company) & (knowledge.c.audience == audience)
    if connection.execute(update(knowledge).where(here).values(version=knowledge.c.version + 1)).rowcount == 0:
        served = select(knowledge.c.model).where(knowledge.c.company == company).limit(1)
        by = connection.execute(served).scalar_one_or_none() or model
        connection.execute(insert(knowledge).values(company=company, audience=audience, version=1, model=by))


def knowledge_versions(connection: Connection) -> dict[tuple[str, Audience], int]:
    """Each company's and audience's version of its knowledge; it grows with every change."""
    return {(row.company, Audience(row.audience)): row.version for row in connection.execute(select(knowledge))}


def knowledge_version(connection: Connection, company: str, audience: Audience) -> int:
    """The version of one company's knowledge for one audience; 0 before the first document."""
    query = select(knowledge.c.version).where(knowledge.c.company == company, knowledge.c.audience == audience)
    return connection.execute(query).scalar_one_or_none() or 0


def list_documents(connection: Connection, company: str, audience: Audience | None = None) -> list[Document]:
    """A company's documents by title; of one audience, or of all."""
    query = documents_query().where(documents.c.company == company).order_by(documents.c.title, documents.c.id)
    if audience is not None:
        query = query.where(documents.c.audience == audience)
    return [to_document(row) for row in connection.execute(query)]


def documents_from(connection: Connection, company: str, sources: Iterable[str]) -> dict[str, list[Document]]:
    """The documents that each of these sources gave."""
    found: dict[str, list[Document]] = {source: [] for source in sources}
    names = list(found)
    for start in range(0, len(names), 500):
        query = documents_query().where(
            documents.c.company == company, documents.c.source.in_(names[start : start + 500])
        )
        for row in connection.execute(query):
            found[row.source].append(to_document(row))
    return found


def file_stamp(connection: Connection, company: str, source: str) -> str | None:
    """What was noted of this file when all of it was last stored; None if it never was."""
    query = select(files.c.stamp).where(files.c.company == company, files.c.source == source)
    return connection.execute(query).scalar_one_or_none()


def note_file(connection: Connection, company: str, source: str, stamp: str, given: Iterable[Document]) -> None:
    """Note that all of this file is stored: the documents that it gave, and no other.

    Notes nothing if that is not so: another ingestion may have read the file at another moment.
    """

    def essence(of: Iterable[Document]) -> set[tuple[str, str, Audience]]:
        return {(each.id, each.content_hash, each.audience) for each in of}

    _take_turns(connection, company)
    if essence(documents_from(connection, company, [source])[source]) == essence(given):
        _forget_file(connection, company, source)
        connection.execute(insert(files).values(company=company, source=source, stamp=stamp))


def _forget_file(connection: Connection, company: str, source: str) -> None:
    connection.execute(delete(files).where(files.c.company == company, files.c.source == source))


def document(connection: Connection, company: str, audience: Audience, document: str) -> Document | None:
    """One document that this audience may see, or None."""
    row = connection.execute(document_of(company, document).where(documents.c.audience == audience)).one_or_none()
    return to_document(row) if row is not None else None


def passage(connection: Connection, company: str, audience: Audience, passage: str) -> Passage | None:
    """One passage that this audience may see, by its id `DOCUMENT#POSITION`, or None."""
    name, _, position = passage.rpartition("#")
    if not (position.isdecimal() and len(position) < LONGEST_POSITION):
        return None
    query = passages_query(company, audience).where(
        passages.c.document == encodable(name), passages.c.position == int(position)
    )
    row = connection.execute(query).one_or_none()
    return to_passage(row) if row is not None else None


def passages_by_id(
    connection: Connection, company: str, audience: Audience, wanted: Sequence[str]
) -> dict[str, Passage]:
    """Those of the passages that there are and that this audience may see."""
    found = {each: passage(connection, company, audience, each) for each in wanted}
    return {each: known for each, known in found.items() if known}


def passages_of_document(connection: Connection, company: str, audience: Audience, document: str) -> list[Passage]:
    """A document's passages in reading order; empty where this audience may not see it."""
    query = (
        passages_query(company, audience)
        .where(passages.c.document == encodable(document))
        .order_by(passages.c.position)
    )
    return [to_passage(row) for row in connection.execute(query)]


def numbered_passages(
    connection: Connection, company: str, audience: Audience, after: int = 0, limit: int | None = None
) -> dict[int, Passage]:
    """The passages of a company and audience by serial, in that order: what the indexes are built from."""
    query = passages_query(company, audience).where(passages.c.serial > after).order_by(passages.c.serial).limit(limit)
    return {row.serial: to_passage(row) for row in connection.execute(query)}


def candidates(
    connection: Connection, company: str, audience: Audience, model: str, serials: Sequence[int]
) -> tuple[dict[int, NDArray[np.float32]], dict[int, Passage]]:
    """Vectors and passages of what a search found; serials that are gone by now are left out."""
    query = passages_query(company, audience).where(passages.c.serial.in_(serials))
    return vectors_of(connection, model, serials), {row.serial: to_passage(row) for row in connection.execute(query)}


def vectors_of(connection: Connection, model: str, wanted: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """The vectors of these passages by serial, as this model made them; unit length."""
    query = select(vectors.c.passage, vectors.c.data).where(vectors.c.model == model)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(query.where(vectors.c.passage.in_(wanted[start : start + 500])))
        found.update((row.passage, unpack(row.data)) for row in rows)
    return found


def put_vectors(connection: Connection, company: str, model: str, made: Mapping[int, NDArray[np.float32]]) -> None:
    """Add this model's vectors of passages that still stand; a passage keeps the vectors of other models."""
    _take_turns(connection, company)
    standing = set(connection.execute(select(passages.c.serial).where(passages.c.serial.in_(list(made)))).scalars())
    rows = [{"passage": serial, "model": model, "data": pack(made[serial])} for serial in standing]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(vectors).on_conflict_do_nothing(), rows)  # another process may be as fast


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
