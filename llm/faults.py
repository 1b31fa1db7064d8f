"""What a client of an OpenAI-compatible endpoint runs into, as our errors: never with the key, always with advice."""

from dataclasses import dataclass

from openai import APIConnectionError, APIError, APIStatusError
from pydantic import HttpUrl

from llm.errors import ModelError, ModelRejected, ModelUnavailable, RequestRejected

_DETAIL_LENGTH = 300
_WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Faults:
    """Turns what went wrong at an endpoint into our errors."""

    endpoint: str
    model: str
    key: str

    def unavailable(self, what: str, next_step: str, retry_after: float = 0.0) -> ModelUnavailable:
        return ModelUnavailable(self._message(what, next_step), retry_after)

    def rejected(self, what: str, next_step: str) -> ModelRejected:
        """Return the error for an endpoint that would reject any other request as well."""
        return ModelRejected(self._message(what, next_step))

    def unsuitable(self, what: str, next_step: str) -> RequestRejected:
        """Return the error for a request that this model can't do."""
        return RequestRejected(self._message(what, next_step))

    def explain(self, error: Exception, *, written: bool) -> ModelError:
        """Return our error for one of the client's; `written` says whether text had arrived before."""
        if isinstance(error, APIStatusError):
            return self._explain_status(error)
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            what = "took too long in the middle of an answer" if written else "gave no first word in time"
            return self.unavailable(
                what,
                "is it overloaded? See ANSWERDESK_LLM_FIRST_TOKEN_TIMEOUT, _STALL_TIMEOUT and _TOTAL_TIMEOUT",
            )
        if isinstance(error, APIConnectionError) and written:
            return self.unavailable(f"broke off in the middle of an answer ({self._detail(error)})", "look at its log")
        if isinstance(error, APIConnectionError):
            return self.unavailable(
                f"can't be reached ({self._detail(error)})", "start it, or correct ANSWERDESK_LLM_BASE_URL"
            )
        if isinstance(error, APIError):
            return self.unavailable(f"reported an error ({self._detail(error)})", "look at its log")
        return self.unavailable(
            f"sent something that isn't an answer in OpenAI's protocol ({type(error).__name__})",
            "check that ANSWERDESK_LLM_BASE_URL is such an endpoint; it usually ends in /v1",
        )

    def _explain_status(self, error: APIStatusError) -> ModelError:
        status = error.status_code
        what = f"answered {status} ({self._detail(error)})"
        if status in (401, 403):
            return self.rejected(what, "check ANSWERDESK_LLM_API_KEY")
        if status == 404:
            return self.rejected(
                what,
                f"does it serve {self.model!r} (ANSWERDESK_LLM_MODEL)? Is ANSWERDESK_LLM_BASE_URL right? "
                "It usually ends in /v1",
            )
        if status in _WORTH_ANOTHER_TRY or status >= 500:
            wait = _seconds(error.response.headers.get("retry-after", ""))
            return self.unavailable(what, "try again later; look at its log if it stays so", wait)
        if status < 400:
            return self.rejected(what, "set ANSWERDESK_LLM_BASE_URL to the address it redirects to")
        return self.unsuitable(what, "the request doesn't suit this model: check its context length and its log")

    def _detail(self, error: Exception) -> str:
        reason = (
            error.__cause__ if error.__cause__ is not None and type(error).__name__ == "APIConnectionError" else error
        )
        body = getattr(error, "body", None)
        text = str(body.get("message") or body) if isinstance(body, dict) else str(reason) or type(reason).__name__
        text = " ".join(text.split())[:_DETAIL_LENGTH]
        return text.replace(self.key, "***") if self.key else text

    def _message(self, what: str, next_step: str) -> str:
        return f"The model endpoint {self.endpoint} {what}: {next_step}."


def shown(url: HttpUrl) -> str:
    """Return the address without a user name or a password."""
    default = {"http": 80, "https": 443}.get(url.scheme)
    port = f":{url.port}" if url.port not in (None, default) else ""
    return f"{url.scheme}://{url.host}{port}{(url.path or '').rstrip('/')}"


def _seconds(retry_after: str) -> float:
    """Return what the header says in seconds; 0 where it gives a date, which model servers don't, or nothing."""
    return float(retry_after) if retry_after.replace(".", "", 1).isdecimal() else 0.0
