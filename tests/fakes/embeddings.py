"""An embeddings endpoint over real HTTP: it embeds by a model of ours, counts, and fails as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from numpy.typing import NDArray


class EmbeddingsEndpoint(ThreadingHTTPServer):
    """Speaks `POST /v1/embeddings`."""

    daemon_threads = True

    def __init__(self, embed: Callable[[Sequence[str]], NDArray[Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.embed = embed
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.failing: list[tuple[int, dict[str, str]]] = []
        """Statuses and headers of the next answers, the first one first."""
        self.answer: Any = None
        """Said instead of vectors."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingsEndpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        if self.path != "/v1/embeddings":
            self._say(404, {"error": "no such page"})
        elif self.server.failing:
            status, headers = self.server.failing.pop(0)
            self._say(status, {"error": "told to fail"}, headers)
        elif self.server.answer is not None:
            self._say(200, self.server.answer)
        else:
            rows = self.server.embed(body["input"]).tolist()
            data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
            self._say(200, {"object": "list", "data": data[::-1], "model": body["model"]})

    def _say(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@contextmanager
def embeddings_endpoint(embed: Callable[[Sequence[str]], NDArray[Any]]) -> Iterator[EmbeddingsEndpoint]:
    """One that runs."""
    server = EmbeddingsEndpoint(embed)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
