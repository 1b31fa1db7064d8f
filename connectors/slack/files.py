"""Files that staff posted in Slack, for customers. The bot's token goes to Slack and to nobody else."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError

from bot.errors import FileUnavailable
from bot.handoffs.handoff import NewFile
from connectors.slack.calling import Clients

CHUNK = 65536


async def download(clients: Clients, files: Sequence[Mapping[str, Any]], largest: int) -> Sequence[NewFile]:
    """The files of a message. Raises `FileUnavailable`, also when one has more than `largest` bytes."""
    return [await _download(clients, file, largest) for file in files]


async def _download(clients: Clients, file: Mapping[str, Any], largest: int) -> NewFile:
    name, url = str(file["name"]), str(file["url"])
    if int(file["size"]) > largest:
        raise _too_large(name, largest)
    if not _is_slacks(url, clients.waiting.base_url):
        raise FileUnavailable(f"{name} doesn't lie in Slack, so it can't be sent from here: send its link instead.")
    try:
        async with clients.session.get(url, headers={"Authorization": f"Bearer {clients.token}"}) as answer:
            if answer.status != 200 or (answer.content_type == "text/html" and file["type"] != "text/html"):
                raise FileUnavailable(
                    f"Slack doesn't give {name} (HTTP {answer.status}): it was deleted, or the app lacks files:read."
                )
            content = bytearray()
            async for chunk in answer.content.iter_chunked(CHUNK):
                content += chunk
                if len(content) > largest:
                    raise _too_large(name, largest)
    except (ClientError, TimeoutError, OSError) as error:
        raise FileUnavailable(f"The download of {name} broke off ({type(error).__name__}): try again.") from None
    return NewFile(name, str(file["type"]), bytes(content))


def _is_slacks(url: str, api: str) -> bool:
    """Whether an address is Slack's own: a file may be a link to anywhere."""
    there, home = urlsplit(url), urlsplit(api)
    if (there.scheme, there.netloc) == (home.scheme, home.netloc):
        return True
    host = there.hostname or ""
    return (
        there.scheme == "https" and there.port in (None, 443) and (host == "slack.com" or host.endswith(".slack.com"))
    )


def _too_large(name: str, largest: int) -> FileUnavailable:
    return FileUnavailable(f"{name} has more than {largest / 1024 / 1024:g} MB, which is the most that is sent.")
