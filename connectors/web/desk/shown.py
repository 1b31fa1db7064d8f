"""Cases and their entries as the desk's page gets them."""

from collections.abc import Sequence
from typing import Any

from bot.domain import Author, Citation
from bot.handoffs.cases import Case, Entry, EntryKind, Suggestion
from bot.ports import Attachment
from connectors.web.markup import markup


def shown_case(case: Case, *, brief: bool = False) -> dict[str, Any]:
    """A case; `brief` leaves out what only the open one needs."""
    conversation = case.conversation
    shown: dict[str, Any] = {
        "id": conversation.id,
        "case": case.id,
        "customer": conversation.customer,
        "channel": conversation.chat.channel,
        "owner": conversation.owner.value,
        "person": case.person or "",
        "person_name": case.person_name,
        "language": case.language,
        "mood": case.mood.value,
        "reason": case.reason,
        "detail": case.detail,
        "question": case.question,
        "unread": case.unread,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "last_at": case.last_at,
        "snoozed_until": case.snoozed_until,
        "idle_since": case.idle_since,
        "gone": conversation.gone or "",
    }
    if brief:
        return shown
    suggestion = case.suggestion
    return shown | {"summary": list(case.summary), "suggestion": suggestion and _suggestion(suggestion)}


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "text": suggestion.text,
        "blocks": markup(suggestion.text, _numbers(suggestion.citations)),
        "citations": shown_citations(suggestion.citations),
        "confidence": suggestion.confidence,
        "hint": suggestion.hint,
        "at": suggestion.at,
    }


def shown_entry(entry: Entry) -> dict[str, Any]:
    """A message, a note or an event. What a customer wrote is shown as they wrote it, not as Markdown."""
    plain = entry.kind is EntryKind.EVENT or entry.author is Author.CUSTOMER
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "at": entry.at,
        "author": entry.author.value if entry.author else "",
        "name": entry.name,
        "text": entry.text,
        "blocks": None if plain else markup(entry.text, _numbers(entry.citations)),
        "attachments": [_attachment(each) for each in (*entry.attachments, *entry.files)],
        "status": entry.status.value if entry.status else "",
        "seq": entry.seq,
        "citations": shown_citations(entry.citations),
        "edited": entry.edited,
        "explained": entry.outcome is not None,
        "event": entry.event,
    }


def shown_citations(citations: Sequence[Citation], internal: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Citations; those of the `internal` passages are marked."""
    return [
        {
            "number": each.number,
            "document": each.document,
            "passage": each.passage,
            "title": each.title,
            "location": each.location,
            "internal": each.passage in internal,
        }
        for each in citations
    ]


def _attachment(attachment: Attachment) -> dict[str, Any]:
    return {"name": attachment.name, "media_type": attachment.media_type, "size": attachment.size}


def _numbers(citations: Sequence[Citation]) -> set[int]:
    return {citation.number for citation in citations}
