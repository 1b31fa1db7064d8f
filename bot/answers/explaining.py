"""How an answer came about: what was recorded when it was made, and nothing asked anew. For staff only."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.conversation import Message
from bot.storage.conversations import Recorded, trail, transcript
from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience

Explained = Mapping[str, Any]
"""Plain data: `conversation`, `seq`, `text`, `outcome`, `reason`, `confidence`, `band` (what the confidence alone calls
for), `thresholds` (from which confidence on it is `answer` or `clarify`), `query`, `passages` (seen, best first, as
they are now), `cited`, `signals`, `withheld`, `documents_differ`, `timings_ms`."""


async def explain(database: Database, company: str, conversation: str, seq: int | None = None) -> Explained | None:
    """The explanation of a message, or of the last answer; None where that is no answer of the bot.

    Raises `StoreUnavailable`.
    """
    messages = await database.read(transcript, company, conversation)
    found = _recorded(messages, await database.read(trail, company, conversation), seq)
    if found is None:
        return None
    reply, data, differ = found
    cited = [each.passage for each in reply.citations]
    confidence, thresholds = float(data.get("confidence", 0)), data.get("thresholds")
    return {
        "conversation": conversation,
        "seq": reply.seq,
        "text": reply.text,
        "cited": cited,
        "reason": None,
        "timings_ms": {},
        **data,
        "confidence": confidence,
        "thresholds": thresholds,
        "band": _band(confidence, thresholds),
        "passages": [await _seen(database, company, each, cited) for each in data.get("passages", ())],
        "documents_differ": differ,
    }


def _recorded(
    messages: Sequence[Message], recorded: Sequence[Recorded], seq: int | None
) -> tuple[Message, Mapping[str, Any], list[Mapping[str, Any]]] | None:
    """The bot's reply and what was recorded with it, in the same transaction and so at the same moment."""
    for reply in reversed(messages):
        if reply.outcome and seq in (None, reply.seq):
            beside = [each for each in recorded if each.at == reply.at]
            data = next((each.data for each in beside if each.kind == "answered"), None)
            if data is not None:
                return reply, data, [each.data for each in beside if each.kind == "documents_differ"]
    return None


def _band(confidence: float, thresholds: Mapping[str, float] | None) -> str | None:
    """None for what was recorded without its thresholds: no search was needed, or it is from long ago."""
    if not thresholds:
        return None
    return next((name for name, least in thresholds.items() if confidence >= least), "hand over")


async def _seen(database: Database, company: str, seen: Mapping[str, Any], cited: Sequence[str]) -> dict[str, Any]:
    """A passage with its figures; without its words where it has been removed or changed its place since."""
    identity = str(seen["passage"])
    shown: dict[str, Any] = {**seen, "cited": identity in cited, "document": identity.rpartition("#")[0]}
    for audience in Audience:
        if passage := await database.read(store.passage, company, audience, identity):
            words = {"title": passage.title, "place": str(passage.location), "question": passage.question}
            return shown | words | {"text": passage.text, "internal": audience is Audience.INTERNAL}
    return shown | {"title": "", "place": "", "question": "", "text": None, "internal": False}
