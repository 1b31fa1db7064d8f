"""How an answer came about, as a modal: for staff only, as it shows internal passages too."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.answers.explaining import Explained
from connectors.slack.text import Block, clipped, context, escape, literal, mrkdwn

MOST_PASSAGES = 10
EXCERPT = 300
_OUTCOMES = {"answered": "It answered", "clarify": "It asked back", "handoff": "It called a person"}
_BANDS = {"answer": "answering", "clarify": "asking back", "hand over": "calling a person"}


def why(explained: Explained) -> dict[str, Any]:
    """The modal."""
    return {
        "type": "modal",
        "callback_id": "why",
        "title": {"type": "plain_text", "text": "Why this answer?"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": list(_blocks(explained)),
    }


def _blocks(explained: Explained) -> Iterator[Block]:
    yield from literal(clipped(str(explained["text"]), EXCERPT), quoted=True)
    yield mrkdwn(_sureness(explained))
    if explained["passages"]:
        yield mrkdwn(f"*Passages it read*, searching for “{escape(clipped(str(explained.get('query', '')), 200))}”")
        yield from (_passage(each) for each in explained["passages"][:MOST_PASSAGES])
    for each in explained.get("withheld", ()):
        why = " ".join(filter(None, (str(each["flaw"]).replace("_", " "), str(each["detail"]))))
        yield mrkdwn(f"*Not shown to the customer* ({escape(clipped(why, 150))})")
        yield from literal(clipped(str(each["sentence"]), EXCERPT), quoted=True)
    for each in explained["documents_differ"]:
        said = f"{each['kept']} says “{each['said']}”, {each['other']} says “{each['otherwise']}”."
        yield mrkdwn(f"*Documents contradict each other*: {escape(clipped(said, 500))}")


def _sureness(explained: Explained) -> str:
    reason = f" ({str(explained['reason']).replace('_', ' ')})" if explained["reason"] else ""
    said = f"*{_OUTCOMES.get(str(explained['outcome']), 'It replied')}*{escape(reason)}."
    if not explained["thresholds"]:
        return f"{said} No document was needed for it."
    levels = ", ".join(f"{_BANDS[name]} from {least:.0%}" for name, least in explained["thresholds"].items())
    return f"{said} It was {explained['confidence']:.0%} sure, which calls for {_BANDS[explained['band']]} ({levels})."


def _passage(seen: Mapping[str, Any]) -> Block:
    name = " · ".join(filter(None, (seen["title"] or seen["document"], seen["place"])))
    marks = ("✅ cited " if seen["cited"] else "") + ("🔒 internal " if seen["internal"] else "")
    text = "changed or removed since" if seen["text"] is None else f"{seen['question']} {seen['text']}".strip()
    figures = f"score {seen['score']:.2f} · meaning {seen['cosine']:.2f} · words {seen['keyword']:.2f}"
    return context(f"{marks}*{escape(clipped(name, 150))}* · {figures}\n{escape(clipped(text, EXCERPT))}")
