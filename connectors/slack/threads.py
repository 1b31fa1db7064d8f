"""A thread in the company's Slack channel for each case. A `bot.ports.StaffChannel`."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from slack_sdk.errors import SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Line
from bot.errors import FileUnavailable
from bot.handoffs.casefile import Case, Entry
from bot.ports import Attachment, Connector, Receipt, Rejected, Retry, Sent, Unknown
from bot.storage import files
from connectors.notices import Notices
from connectors.slack.card import card, headline, posted
from connectors.slack.events import Place
from connectors.slack.text import Block, clipped, context, escape
from connectors.slack.troubles import MENDABLE, SETTINGS_WAIT, Failures, code, explain, receipt
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

CASE, ENTRY = "answerdesk_case", "answerdesk_entry"
"""Types of the metadata that our messages carry: by it one is found that nobody knows to be there."""
LOOK_BACK = 24 * 3600.0
"""Seconds for which a thread is looked for: as long as it may take until somebody looks."""
PAGES = 10
SLACK = 60.0
"""Seconds by which two clocks may differ."""


class Threads:
    """Writes to the channel. It never posts again what Slack may have taken, without looking first."""

    name = "slack"

    def __init__(
        self,
        client: AsyncWebClient,
        channel: str,
        connectors: Mapping[Line, Connector],
        largest_file: int,
        database: Database,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`connectors` have the customers' files, the database those of staff; `largest_file` is in bytes."""
        self._client = client
        self._database = database
        self._channel = channel
        self._connectors = connectors
        self._largest = largest_file
        self._now = now
        self._in_step: set[str] = set()
        """Threads of which this process knows the last post: any other may hold a post that a crash left unrecorded."""
        self._notices = Notices("Slack, handoffs")

    async def find_thread(self, key: str) -> str | None:
        """The thread with this key in its card's metadata. Raises `StoreUnavailable`."""
        oldest = f"{self._now() - LOOK_BACK:.6f}"
        try:
            async for message in _pages(self._client.conversations_history, channel=self._channel, oldest=oldest):
                if _is_of(message, CASE, key):
                    return Place(self._channel, str(message["ts"])).ref
        except Failures as error:
            raise StoreUnavailable(explain(error)) from None
        return None

    async def open_thread(self, case: Case, key: str) -> Receipt:
        """Post the card."""
        if not self._channel:
            return self._judged(Retry(SETTINGS_WAIT, "slack.channel names no channel for handoffs"))
        metadata = {"event_type": CASE, "event_payload": {"key": key}}
        try:
            answer = await self._post(headline(case), card(case, self._now()), metadata)
        except Failures as error:
            return self._judged(receipt(error))
        place = Place(str(answer["channel"]), str(answer["ts"]))
        self._in_step.add(place.ref)
        for entry in case.so_far:
            await self._show_files(place, case, (*entry.attachments, *entry.files))
        return self._judged(Sent([place.ref]))

    async def post(self, thread: str, case: Case, entry: Entry) -> Receipt:
        """Add an entry, and its files: the customer's, and those that staff sent from elsewhere."""
        place = Place.of(thread)
        try:
            there = [] if thread in self._in_step else await posted_since(self._client, place, entry.at)
            if not any(_is_of(message, ENTRY, entry.id) for message in there):
                title, blocks = posted(case, entry)
                metadata = {"event_type": ENTRY, "event_payload": {"key": entry.id}}
                await self._post(title, blocks, metadata, place.ts, place.channel)
            # What staff sent from here is in the thread since they posted it, hours ago perhaps.
            known = await posted_since(self._client, place, case.opened_at) if entry.files else []
        except Failures as error:
            self._in_step.discard(thread)
            return self._judged(receipt(error))
        names, here = {name for name, _ in _files(there)}, _files(known)
        theirs = [file for file in entry.attachments if file.name not in names]
        ours = [file for file in entry.files if (file.name, file.size) not in here]
        outcome = await self._show_files(place, case, [*theirs, *ours])
        if isinstance(outcome, Sent):
            self._in_step.add(thread)
        else:
            self._in_step.discard(thread)
        return self._judged(outcome)

    async def redraw(self, thread: str, case: Case) -> Receipt:
        """Show the case as it is now."""
        place = Place.of(thread)
        try:
            await self._client.chat_update(
                channel=place.channel, ts=place.ts, text=headline(case), blocks=card(case, self._now())
            )
        except Failures as error:
            outcome = receipt(error)
            # The same card twice is harmless.
            return self._judged(Retry(1.0, outcome.why) if isinstance(outcome, Unknown) else outcome)
        return self._judged(Sent())

    async def _post(
        self, text: str, blocks: list[Block], metadata: dict[str, Any], thread: str | None = None, channel: str = ""
    ) -> Any:
        return await self._client.chat_postMessage(
            channel=channel or self._channel,
            text=text,
            blocks=blocks,
            thread_ts=thread,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )

    async def _show_files(self, place: Place, case: Case, shown: Sequence[Attachment]) -> Receipt:
        """Upload files; where that can't be, a word says why."""
        for file in shown:
            outcome = await self._show_file(place, case, file)
            if isinstance(outcome, Rejected):
                with suppress(*Failures):
                    said = f"📎 {escape(clipped(file.name, 200))} can't be shown here: {escape(outcome.why)}"
                    await self._client.chat_postMessage(
                        channel=place.channel, thread_ts=place.ts, text=said, blocks=[context(said)]
                    )
            elif not isinstance(outcome, Sent):
                return outcome
        return Sent()

    async def _show_file(self, place: Place, case: Case, file: Attachment) -> Receipt:
        try:
            content = await self._content(case, file)
            await self._client.files_upload_v2(
                channel=place.channel, thread_ts=place.ts, content=content, filename=file.name, title=file.name
            )
        except FileUnavailable as error:
            return Rejected(str(error))
        except StoreUnavailable as error:
            return Retry(1.0, str(error))
        except SlackRequestError as error:
            return Retry(1.0, explain(error))
        except Failures as error:
            if code(error) in MENDABLE:  # the words are there: they don't wait for the file
                return Rejected(explain(error))
            return receipt(error)
        return Sent()

    async def _content(self, case: Case, file: Attachment) -> bytes:
        """Raises `FileUnavailable` and `StoreUnavailable`."""
        line = case.conversation.chat.line
        kept = await self._database.read(files.content, case.company, file.ref, case.conversation.chat)
        if kept is not None and len(kept) <= self._largest:
            return kept
        if line not in self._connectors:
            raise FileUnavailable("this process doesn't serve the customer's channel")
        return await self._connectors[line].fetch(file.ref, self._largest)

    def _judged(self, outcome: Receipt) -> Receipt:
        """The same, logged when trouble begins or ends that somebody has to mend."""
        if isinstance(outcome, Sent):
            self._notices.fine()
        elif isinstance(outcome, Retry) and outcome.after >= SETTINGS_WAIT:
            self._notices.trouble(outcome.why)
        return outcome


async def find_reply(client: AsyncWebClient, place: Place, kind: str, key: str, since: float) -> str | None:
    """The message of ours with this key in its metadata. Raises what failed calls raise."""
    found = await posted_since(client, place, since)
    return next((str(message["ts"]) for message in found if _is_of(message, kind, key)), None)


async def posted_since(client: AsyncWebClient, place: Place, at: float) -> list[dict[str, Any]]:
    """What was posted in a thread since about then."""
    pages = _pages(client.conversations_replies, channel=place.channel, ts=place.ts, oldest=f"{at - SLACK:.6f}")
    return [message async for message in pages]


async def _pages(method: Callable[..., Any], **about: Any) -> AsyncIterator[dict[str, Any]]:
    """The messages of a channel or thread, page by page."""
    cursor = None
    for _ in range(PAGES):
        page = await method(limit=200, include_all_metadata=True, cursor=cursor, **about)
        for message in page["messages"] or ():
            yield message
        if not (cursor := (page["response_metadata"] or {}).get("next_cursor")):
            return


def _is_of(message: Mapping[str, Any], kind: str, key: str) -> bool:
    metadata = message.get("metadata") or {}
    return metadata.get("event_type") == kind and (metadata.get("event_payload") or {}).get("key") == key


def _files(messages: Sequence[Mapping[str, Any]]) -> set[tuple[str, int | None]]:
    """Names and sizes of the files in these messages."""
    return {(str(file.get("name")), file.get("size")) for message in messages for file in message.get("files") or ()}
