"""What goes wrong, as visitors see it: a page for a person, JSON for a script, internals for nobody."""

from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from connectors.web.pages import Pages
from connectors.web.texts import choose_language, texts_for
from connectors.web.visitors import LANGUAGE_COOKIE
from retrieval.errors import StoreUnavailable, Unstorable


class Refused(HTTPException):
    """A request that can't be taken, with the key of the text that says why, and perhaps when to come back."""

    def __init__(self, status: int, key: str, *, retry_after: int | None = None, **values: Any) -> None:
        super().__init__(status, key, None if retry_after is None else {"retry-after": str(retry_after)})
        self.values = values if retry_after is None else {"seconds": retry_after, **values}


def install(app: FastAPI) -> None:
    """Answer every error that reaches the application."""
    app.add_exception_handler(StarletteHTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, lambda request, _: explain(request, 422, "refused"))
    app.add_exception_handler(Unstorable, lambda request, _: explain(request, 400, "unreadable"))
    app.add_exception_handler(StoreUnavailable, lambda request, _: explain(request, 503, "unavailable"))
    app.add_exception_handler(Exception, lambda request, _: explain(request, 500, "unavailable"))


def _on_http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    key = str(getattr(error, "detail", ""))
    if not isinstance(error, Refused):  # the framework's own, or one of ours without more to say
        key = "not_found" if status == 404 else "refused"
    response = explain(request, status, key, **getattr(error, "values", {}))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def explain(request: Request, status: int, key: str, **values: Any) -> Response:
    """The error in the visitor's language: as a page where a browser shows one, as JSON elsewhere."""
    pages: Pages = request.app.state.pages
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    language = choose_language(chosen, request.headers.get("accept-language", ""))
    texts = texts_for(language, pages.company)
    message = texts[f"error_{key}"]
    for name, value in values.items():
        message = message.replace(f"{{{name}}}", str(value))
    if "text/html" in request.headers.get("accept", ""):
        heading = texts.get(f"error_{key}_title", texts["error_title"])
        return pages.render(request, "error.html", language, status, heading=heading, message=message)
    return JSONResponse({"error": key, "message": message}, status)
