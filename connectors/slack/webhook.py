"""Having events delivered: one address for events, buttons, forms and commands. 200 means that it is stored."""

import logging

from fastapi import APIRouter, Request, Response

from connectors.slack.connector import SlackDesk

log = logging.getLogger(__name__)

LARGEST_REQUEST = 1024 * 1024
"""Bytes. A form, its view and a long text in it are 100 KB."""


def webhook_router(desk: SlackDesk) -> APIRouter:
    """The route that Slack delivers one company's events to."""
    router = APIRouter()

    @router.post(desk.webhook_path, max_body_size=LARGEST_REQUEST)
    async def event(request: Request) -> Response:
        answer = await desk.take(await request.body(), dict(request.headers))
        return Response(answer.body, answer.status, answer.first_headers_without_set_cookie())

    return router
