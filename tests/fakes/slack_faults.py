"""How calls of Slack's Web API go wrong."""

from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.loopback import cut_off, gateway_page


@dataclass(frozen=True, slots=True)
class Fault:
    """How a call goes wrong."""

    error: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    html: bool = False
    """A gateway's error page instead of JSON."""
    accepted: bool = False
    """The call took effect all the same..."""
    cut: bool = False
    """... and the connection breaks instead of an answer."""


def too_many(seconds: int = 1) -> Fault:
    return Fault("ratelimited", 429, {"Retry-After": str(seconds)})


BAD_GATEWAY = Fault(status=502, html=True)
LOST_AT_THE_GATEWAY = Fault(status=504, html=True, accepted=True)
SERVER_ERROR = Fault("internal_error", 500)
CUT = Fault(cut=True)
RESPONSE_LOST = Fault(accepted=True, cut=True)


class Refused(Exception):
    """What Slack says to a call that makes no sense."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.fault = Fault(error)


def answer(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the client gets to see of it."""
    if fault.cut:
        return cut_off(request)
    if fault.html:
        return gateway_page(fault.status)
    return web.json_response({"ok": False, "error": fault.error}, status=fault.status, headers=fault.headers)
