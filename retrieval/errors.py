"""What can go wrong with documents and indexes."""

from llm.errors import AnswerdeskError


class RetrievalError(AnswerdeskError):
    """Root of what goes wrong with documents and indexes."""


class DocumentError(RetrievalError):
    """A document can't be taken in; the message is the reason shown beside its name."""


class UnsupportedFormat(DocumentError):
    """Not a kind of file we read."""


class EmptyDocument(DocumentError):
    """The file holds no text (a scan without a text layer, say)."""


class EncryptedDocument(DocumentError):
    """The file needs a password."""


class BrokenDocument(DocumentError):
    """The file is damaged, or took more time or memory than a document may."""


class IndexUnavailable(RetrievalError):
    """The vector index can't be used at present: its server is down, say."""


class IndexBroken(IndexUnavailable):
    """The vector index is damaged: only a new one, made of what SQL holds, helps."""


class Unstorable(RetrievalError):
    """What was asked for, or is to be stored, holds something that no database takes: a NUL sign, half a character."""


class StoreUnavailable(RetrievalError):
    """The database can't be opened, read or written; the message says why and what to do."""
