"""The tables of documents and passages. A company is part of every key."""

from sqlalchemy import (
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from retrieval.database import metadata

documents = Table(
    "document",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("audience", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("url", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("ix_document_source", "company", "source"),
)

files = Table(
    "source_file",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("source", Text, primary_key=True),
    # Digest of the bytes with what else decides the outcome; written once all documents of the file are stored.
    Column("stamp", String(128), nullable=False),
)

passages = Table(
    "passage",
    metadata,
    # A number that only grows: what an index has seen is told by the highest one it holds.
    Column("serial", Integer, primary_key=True, autoincrement=True),
    Column("company", String(64), nullable=False),
    Column("document", String(255), nullable=False),
    Column("position", Integer, nullable=False),
    Column("audience", String(16), nullable=False),
    Column("question", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("language", String(8), nullable=False),
    ForeignKeyConstraint(["company", "document"], ["document.company", "document.id"], ondelete="CASCADE"),
    UniqueConstraint("company", "document", "position"),
    Index("ix_passage_audience", "company", "audience"),
    sqlite_autoincrement=True,
)

vectors = Table(
    "passage_vector",
    metadata,
    Column("passage", Integer, primary_key=True),
    # Two models may stand side by side while a company's knowledge moves from one to the other.
    Column("model", String(255), primary_key=True),
    # float16, little-endian: half the size, and the rounding (1e-3) is far below the distance between two passages.
    Column("data", LargeBinary, nullable=False),
    ForeignKeyConstraint(["passage"], ["passage.serial"], ondelete="CASCADE"),
)

calibrations = Table(
    "calibration",
    metadata,
    Column("company", String(64), primary_key=True),
    # Another model's cosines mean something else.
    Column("model", String(255), primary_key=True),
    Column("intercept", Float, nullable=False),
    Column("slope", Float, nullable=False),
    Column("questions", Integer, nullable=False),
)

knowledge = Table(
    "knowledge",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("audience", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    # The embedding model by whose vectors it is searched: the same for all audiences of a company.
    Column("model", String(255)),
)

embedding_models = Table(
    "embedding_model",
    metadata,
    Column("name", String(255), primary_key=True),
    # JSON, without secrets: a model is loaded by it as long as it serves, though the settings name another one.
    Column("settings", Text, nullable=False),
)

index_work = Table(
    "index_work",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Float, nullable=False),
    Column("doing", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("trouble", Text, nullable=False),
    Column("noted", Float, nullable=False),
)
