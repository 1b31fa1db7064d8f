"""The vector index on a Chroma server (`chroma run`), which several processes share.

One of them writes at a time (`retrieval.moving.claim`), all of them read. A new collection is made beside the old one
and then takes its name; readers that know the old one hear that it is gone, and look for it by name again.
"""

import contextlib
import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.chroma import BUILT, GRAPH, ChromaIndex
from retrieval.errors import IndexUnavailable
from retrieval.settings import RetrievalSettings
from retrieval.vectors import Build, Place, Vector, VectorIndex

if TYPE_CHECKING:
    import httpx
    from chromadb import Collection as ChromaCollection
    from chromadb.api import ClientAPI

WRITE_BATCH = 100
WRITE_SECONDS = 60.0
BESIDE = ".new"
"""Ends the name of a collection that is being made."""


class ServerIndexes:
    """Connects when first needed."""

    shared = True
    exact = False

    def __init__(self, settings: RetrievalSettings) -> None:
        assert settings.chroma_url  # noqa: S101 - for the type checker
        url = settings.chroma_url
        self.kind = f"Chroma server at {url.scheme}://{url.host}:{url.port}"
        self._url = str(url).rstrip("/")
        self._token = settings.chroma_token.get_secret_value() if settings.chroma_token else ""
        self._prefix = f"{settings.chroma_prefix}."
        self._seconds = settings.chroma_timeout
        self._connecting = threading.Lock()
        self._clients: dict[float, ClientAPI] = {}

    def open(self, place: Place) -> VectorIndex:
        name = self._prefix + place.name
        with self.explained():
            writing = self.collection(name)
            reading = self.client(self._seconds).get_collection(name, embedding_function=None)
        return ChromaIndex(reading, writing, self.explained, WRITE_BATCH)

    def begin(self) -> Build:
        return ServerBuild(self, self._prefix)

    def prune(self, kept: Collection[Place]) -> None:
        names = {self._prefix + place.name for place in kept}
        with self.explained():
            client = self.client(WRITE_SECONDS)
            for collection in client.list_collections():
                if collection.name.startswith(self._prefix) and collection.name not in names:
                    client.delete_collection(collection.name)

    def close(self) -> None:
        with self._connecting:
            for client in self._clients.values():
                for session in _sessions(client):
                    session.close()  # its own `close` leaves connections open
            self._clients.clear()

    def collection(self, name: str) -> "ChromaCollection":
        """A collection to write to, made if there is none."""
        client = self.client(WRITE_SECONDS)
        return client.get_or_create_collection(name, embedding_function=None, configuration=GRAPH)

    def client(self, seconds: float) -> "ClientAPI":
        """A client that waits so long for an answer."""
        import chromadb  # here, not above: it takes most of a second
        import httpx
        from chromadb.config import Settings

        with self._connecting:
            if seconds not in self._clients:
                headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
                # Chroma's client waits for ever, and asks when it is made: nobody must be kept by a server that hangs.
                httpx.get(f"{self._url}/api/v2/heartbeat", timeout=min(seconds, 5), headers=headers).raise_for_status()
                settings: Any = Settings(anonymized_telemetry=False)
                client: Any = chromadb.HttpClient(
                    self._url, ssl=self._url.startswith("https"), headers=headers, settings=settings
                )
                for session in _sessions(client):
                    session.timeout = httpx.Timeout(seconds)
                self._clients[seconds] = client
            return self._clients[seconds]

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say whether the server is away, or has lost what it held."""
        import httpx
        from chromadb.errors import ChromaError, NotFoundError

        try:
            yield
        except NotFoundError as error:
            raise IndexUnavailable(f"{self.kind} has no such collection any more ({error}).") from error
        except (httpx.HTTPError, OSError, ValueError, ChromaError) as error:
            raise IndexUnavailable(f"{self.kind} doesn't answer as it should: {_said(error)}") from error


class ServerBuild:
    """Collections that are filled beside the old ones, and then take their names."""

    def __init__(self, indexes: ServerIndexes, prefix: str) -> None:
        self._indexes = indexes
        self._prefix = prefix
        self._new: dict[str, dict[str, NDArray[np.float16]]] = {}

    def add(self, place: Place, vectors: Mapping[str, Vector]) -> None:
        into = self._new.setdefault(self._prefix + place.name, {})
        into.update((key, vector.astype(np.float16)) for key, vector in vectors.items())

    def finish(self, told: Callable[[int], None]) -> None:
        done = 0
        for name, vectors in self._new.items():
            keys = list(vectors)
            random.Random(len(keys)).shuffle(keys)  # noqa: S311 - see retrieval.chroma_child
            index = self._opened(name, len(keys))
            for start in range(0, len(keys), WRITE_BATCH):
                part = keys[start : start + WRITE_BATCH]
                index.add({key: vectors[key].astype(np.float32) for key in part})
                told(done := done + len(part))
            self._rename(name)

    def _opened(self, name: str, count: int) -> ChromaIndex:
        with self._indexes.explained():
            client = self._indexes.client(WRITE_SECONDS)
            self._drop(name + BESIDE)  # of a process that was ended meanwhile
            made = client.create_collection(
                name + BESIDE, embedding_function=None, configuration=GRAPH, metadata={BUILT: count}
            )
        return ChromaIndex(made, made, self._indexes.explained, WRITE_BATCH)

    def _rename(self, name: str) -> None:
        with self._indexes.explained():
            self._drop(name)
            self._indexes.client(WRITE_SECONDS).get_collection(name + BESIDE, embedding_function=None).modify(name=name)

    def _drop(self, name: str) -> None:
        client = self._indexes.client(WRITE_SECONDS)
        if name in [each.name for each in client.list_collections()]:
            client.delete_collection(name)


def _sessions(client: Any) -> "Sequence[httpx.Client]":
    """Its connections, and those of the second client inside it; Chroma has no setting for what is done to them."""
    return [each._server._session for each in (client, client._admin_client)]  # noqa: SLF001


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
