"""A message that grows while it is being made: by Slack's streams, or by edits where those don't work."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.calling import Me
from connectors.slack.events import Place
from connectors.slack.text import Block, clipped, escape, markdown
from connectors.slack.troubles import Failures, safe

log = logging.getLogger(__name__)

PAUSE = 0.8
"""Seconds between two changes of one message: https://docs.slack.dev/apis/web-api/rate-limits has 1 a second."""
MESSAGE_TYPE = "answerdesk_answer"


class Growing:
    """One message in a thread. `began` is told what it is called as soon as it is there."""

    def __init__(
        self,
        client: AsyncWebClient,
        me: Me,
        place: Place,
        user: str,
        key: str,
        ts: str,
        began: Callable[[str], Awaitable[None]],
    ) -> None:
        """`key` names it for good; `ts` is what an earlier attempt has begun, if one has."""
        self._client = client
        self._me = me
        self._place = place
        self._user = user
        self._metadata = {"event_type": MESSAGE_TYPE, "event_payload": {"key": key}}
        self._ts = ts
        self._began = began
        self._stream: AsyncChatStream | None = None
        self._by_edits = bool(ts)
        self._shown = ""
        self._changed_at = 0.0

    async def show(self, text: str) -> None:
        """Show the text so far; now and then, and as well as it works."""
        clock = asyncio.get_running_loop().time()
        if clock - self._changed_at < PAUSE or text == self._shown:
            return
        self._changed_at = clock
        if not self._by_edits:
            try:
                await self._grow(escape(text))
            except SlackApiError as error:
                log.info("Slack doesn't stream here, so the message is edited: %s", safe(error))
                self._by_edits = True
        if self._by_edits:
            with suppress(*Failures):  # the next one may come through, and the last one must
                await self._edit(text, [])

    async def finish(self, text: str, footer: Sequence[Block]) -> None:
        """Show the whole text, and what stands under it. Raises what failed calls raise."""
        said = escape(text)
        if self._stream is not None and not self._by_edits and said.startswith(self._shown):
            try:
                rest = said.removeprefix(self._shown)
                await self._stream.stop(markdown_text=rest, blocks=list(footer), metadata=self._metadata)
            except SlackApiError as error:
                log.info("A stream of Slack ended by itself, so the message is edited: %s", safe(error))
            else:
                return
        elif self._ts:
            with suppress(*Failures):  # it may be no stream, or a stopped one
                await self._client.chat_stopStream(channel=self._place.channel, ts=self._ts)
        await self._edit(text, footer)

    async def _grow(self, said: str) -> None:
        """Append to the stream. What was shown already can't be taken back: then there is nothing to append."""
        if not said.startswith(self._shown):
            return
        if self._stream is None:
            self._stream = await self._client.chat_stream(
                channel=self._place.channel,
                thread_ts=self._place.ts,
                recipient_team_id=self._me.team,
                recipient_user_id=self._user,
                buffer_size=1,
            )
        await self._stream.append(markdown_text=said.removeprefix(self._shown))
        self._shown = said
        await self._note(str(self._stream.ts or ""))

    async def _edit(self, text: str, footer: Sequence[Block]) -> None:
        content: dict[str, Any] = {
            "channel": self._place.channel,
            "text": escape(clipped(text, 300)),
            "blocks": [*markdown(text), *footer],
            "metadata": self._metadata,
        }
        if self._ts:
            await self._client.chat_update(ts=self._ts, **content)
        else:
            answer = await self._client.chat_postMessage(
                thread_ts=self._place.ts, unfurl_links=False, unfurl_media=False, **content
            )
            await self._note(str(answer["ts"]))

    async def _note(self, ts: str) -> None:
        if ts and ts != self._ts:
            self._ts = ts
            await self._began(ts)
