"""What goes wrong at the desk, as its page hears of it: a code for the program, and words that say what to do."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from bot.handoffs.consulting import Unanswered
from bot.handoffs.handoff import Taken
from connectors.web.pages import base_of
from llm.errors import UsageError


class Problem(Exception):
    """A request of the desk that can't be taken."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def install(app: FastAPI) -> None:
    """Answer the errors of the desk."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Taken, lambda _, error: _said(409, "taken", error))
    app.add_exception_handler(UsageError, lambda _, error: _said(422, "impossible", error))
    app.add_exception_handler(Unanswered, lambda _, error: _said(503, "unanswered", error))


def _problem(request: Request, error: Exception) -> Response:
    """Where a browser shows pages, the way in, with a fresh form; JSON elsewhere."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{base_of(request)}/desk/sign-in", 303)
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return _said(error.status, error.code, error)


def _said(status: int, code: str, error: Exception) -> Response:
    return JSONResponse({"error": code, "message": str(error)}, status)
