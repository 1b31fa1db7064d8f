"""Having updates delivered. The answer 200 means that an update is stored."""

import json
import logging
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from connectors.telegram.connector import TelegramConnector
from llm.errors import AnswerdeskError

log = logging.getLogger(__name__)

LARGEST_UPDATE = 1024 * 1024
"""Bytes. A long message that quotes a long message, with each letter written as six characters, is 100 KB."""


def webhook_router(connector: TelegramConnector) -> APIRouter:
    """The route that Telegram delivers one bot's updates to."""
    router = APIRouter()

    @router.post(connector.webhook_path, max_body_size=LARGEST_UPDATE)
    async def update(request: Request, x_telegram_bot_api_secret_token: Annotated[str, Header()] = "") -> Response:
        if not connector.knows(x_telegram_bot_api_secret_token):
            log.warning("a request to Telegram's webhook had not the right secret")
            return Response(status_code=403)
        try:
            await connector.take(json.loads(await request.body()))
        except ValueError:
            log.error("what came to Telegram's webhook was no JSON, and is passed over")
        except AnswerdeskError as error:
            log.error("an update of Telegram can't be stored, and will come again: %s", error)
            return Response(status_code=503)
        return Response()

    return router
