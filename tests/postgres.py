"""A PostgreSQL server for the tests, from Debian's package."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("PostgreSQL isn't installed here (Debian: apt-get install postgresql)")
    return found[-1].parent


def _unprivileged() -> list[str]:
    """The server refuses to run as root."""
    if os.getuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres").pw_name
    except KeyError:
        user = "nobody"
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """A running server; gives its address without a database name. Skips the test where none is installed.

    Not `durable`, it doesn't wait for the disk: it is our processes that the tests kill, never the machine.
    """
    programs, become = _programs(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="answerdesk-pg-"))
    try:
        if become:
            user = become[1].partition("=")[2]
            shutil.chown(folder, user)
        data = folder / "data"
        initdb = ["--auth=trust", "--username=answerdesk", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*become, programs / "initdb", *initdb, "-D", data], check=True, capture_output=True, cwd=folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 "
            f"-c fsync={'on' if durable else 'off'}"
        )
        control = [*become, programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run(
            [*control, "-l", folder / "log", "-o", options, "start"], check=True, capture_output=True, cwd=folder
        )
        try:
            yield f"postgresql://answerdesk@127.0.0.1:{port}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def new_database(server: str) -> str:
    """The address of an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"{server}/{name}"
