"""How calls of the Bot API go wrong."""

from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.loopback import cut_off, gateway_page


@dataclass(frozen=True, slots=True)
class Fault:
    """How a call goes wrong."""

    status: int = 200
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    html: bool = False
    """A gateway's error page instead of JSON."""
    accepted: bool = False
    """The call took effect all the same..."""
    cut: bool = False
    """... and the connection breaks instead of an answer."""
    odd: bool = False
    """The answer is 200, and its result nothing that the documentation knows."""


def too_many(seconds: int = 1) -> Fault:
    text = f"Too Many Requests: retry after {seconds}"
    return Fault(429, text, {"retry_after": seconds})


BAD_GATEWAY = Fault(502, html=True)
SERVER_ERROR = Fault(500, "Internal Server Error")
CUT = Fault(cut=True)
RESPONSE_LOST = Fault(accepted=True, cut=True)
UNDECODABLE = Fault(accepted=True, odd=True)


class Refused(Exception):
    """What Telegram says to a call that makes no sense."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.fault = Fault(status, description, parameters)


def answer(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the client gets to see of it."""
    if fault.cut:
        return cut_off(request)
    if fault.html:
        return gateway_page(fault.status)
    if fault.odd:
        return web.json_response({"ok": True, "result": {"message_id": 7, "surprise": True}})
    body = {"ok": False, "error_code": fault.status, "description": fault.description}
    return web.json_response(body | ({"parameters": fault.parameters} if fault.parameters else {}), status=fault.status)
