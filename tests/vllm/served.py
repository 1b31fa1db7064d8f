"""A real vLLM with a small real model, started and looked after by `answerdesk model serve`."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx
import psutil

NAME = "smollm2"
CONTEXT = 4096
SECONDS = 240
"""To come up in: half a minute on two free cores."""


class Served:
    """The server; its process of that moment may be killed, another one follows."""

    def __init__(self, python: Path, model: Path, *, traces_to: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = Path(tempfile.mkstemp(prefix="vllm-", suffix=".log")[1])
        arguments = ["model", "serve", model, "--name", NAME, "--port", str(self.port), "--context", str(CONTEXT)]
        self._start = [*arguments, "--python", python, "--", "--otlp-traces-endpoint", f"{traces_to}/v1/traces"]
        self._supervisor: subprocess.Popen[str] | None = None

    @property
    def root(self) -> str:
        """Where its metrics are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.root}/v1"

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-c", "from connectors.cli import main; main()", *map(str, self._start)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ
                | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_BSP_SCHEDULE_DELAY": "100"},
            )
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._supervisor
        self._supervisor.send_signal(signal.SIGTERM)
        try:
            self._supervisor.wait(60)
        except subprocess.TimeoutExpired:
            for each in [*psutil.Process(self._supervisor.pid).children(recursive=True), self._supervisor]:
                each.kill()
            raise
        self._log.unlink()

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.root}/health", timeout=10, trust_env=False).status_code == 200:
                    return
            assert self._supervisor
            assert self._supervisor.poll() is None, self._log.read_text()[-4000:]
            time.sleep(0.2)
        raise AssertionError(f"vLLM didn't come up in {SECONDS} s: {self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        """Kill the server the hard way, its engine included."""
        assert self._supervisor
        (server,) = psutil.Process(self._supervisor.pid).children()
        os.killpg(server.pid, signal.SIGKILL)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over the series that have these labels."""
        told = httpx.get(f"{self.root}/metrics", timeout=30, trust_env=False).text
        rows = re.findall(rf"^vllm:{name}(?:\{{(.*)\}})? (\S+)$", told, re.MULTILINE)
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(float(value) for series, value in rows if wanted <= set(series.split(",")))

    async def until(self, name: str, value: float) -> None:
        """Wait until a metric has this value; the event loop goes on, or no connection would be closed."""
        async with asyncio.timeout(60):
            while self.metric(name) != value:  # noqa: ASYNC110 - it changes in another process
                await asyncio.sleep(0.1)

    @property
    def block(self) -> int:
        """How many tokens its cache keeps together: 16 on a GPU, more on a CPU."""
        told = httpx.get(f"{self.root}/metrics", timeout=30, trust_env=False).text
        (size,) = set(re.findall(r'^vllm:cache_config_info\{.*\bblock_size="(\d+)"', told, re.MULTILINE))
        return int(size)

    def tokens(self, messages: list[dict[str, str]]) -> list[int]:
        """What the model makes of a prompt."""
        body = {"model": NAME, "messages": messages}
        return list(httpx.post(f"{self.root}/tokenize", json=body, timeout=30, trust_env=False).json()["tokens"])
