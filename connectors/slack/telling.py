"""Words for one person: beside what they did, and seen by nobody else."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from connectors.slack.calling import CALL_SECONDS, QUIET, Clients
from connectors.slack.text import Block, literal, mrkdwn
from connectors.slack.troubles import Failures, safe

log = logging.getLogger(__name__)


async def tell(clients: Clients, about: Mapping[str, Any], text: str, buttons: Sequence[Block] = ()) -> None:
    """Say something to who did it; where that can't be, it is only logged.

    `about` is the body of the errand: its `user`, and the `channel` and `thread` if it was in one.
    """
    blocks = literal(text) + ([{"type": "actions", "elements": list(buttons)}] if buttons else [])
    try:
        if about.get("channel"):
            await clients.waiting.chat_postEphemeral(
                channel=about["channel"], user=about["user"], thread_ts=about.get("thread"), text=text, blocks=blocks
            )
        else:
            await clients.waiting.chat_postMessage(channel=about["user"], text=text, blocks=blocks, unfurl_links=False)
    except Failures as error:
        log.warning("a word to %s in Slack was lost: %s", about["user"], safe(error))


async def respond(clients: Clients, address: str, text: str) -> None:
    """Answer a command: `text` is fit for Slack to parse. Raises what failed calls raise."""
    webhook = AsyncWebhookClient(
        address, timeout=int(CALL_SECONDS), session=clients.session, logger=QUIET, retry_handlers=[]
    )
    answer = await webhook.send(text=text, blocks=[mrkdwn(part) for part in _sections(text)], unfurl_links=False)
    if answer.status_code != 200:
        log.warning("the answer to a command was lost: Slack says %s", safe(answer.body)[:200])


def _sections(text: str, longest: int = 2_900) -> list[str]:
    """Whole lines as long as they fit: a link or a name must not be cut."""
    parts = [""]
    for line in text.splitlines():
        if len(parts[-1]) + len(line) > longest:
            parts.append("")
        parts[-1] += line[:longest] + "\n"
    return parts[:20]
