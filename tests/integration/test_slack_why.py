"""How an answer came about, in Slack: for staff only."""

from typing import Any

from bot.answers.explaining import Explained
from connectors.slack.why import why
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import Service, Staff

__all__ = ["ann", "mia", "service", "slack"]

SEEN = {"score": 0.9, "cosine": 0.8, "keyword": 0.5, "title": "Returns", "place": "page 2", "question": ""}
EXPLAINED: Explained = {
    "text": "You have 60 days. [1]",
    "outcome": "answered",
    "reason": None,
    "confidence": 0.9,
    "band": "answer",
    "thresholds": {"answer": 0.67, "clarify": 0.25},
    "query": "<!channel> returns",
    "passages": [
        {**SEEN, "document": "returns", "text": "60 days.", "cited": True, "internal": False},
        {**SEEN, "document": "handbook", "text": "<@U1> decides.", "cited": False, "internal": True},
        {**SEEN, "document": "gone", "text": None, "cited": False, "internal": False},
    ],
    "withheld": [{"sentence": "It costs 99 euros.", "flaw": "fact", "detail": "99 euros"}],
    "documents_differ": [],
}


def words(view: dict[str, Any]) -> str:
    return str(view["blocks"])


async def test_a_button_on_the_card_tells_of_the_last_answer(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    view = await mia.opens("Why?", await service.thread())
    assert view["title"]["text"] == "Why this answer?"
    assert "It called a person" in words(view)


async def test_a_guest_is_not_told(service: Service, mia: Staff) -> None:
    guest = Staff(service.slack, "U3GUEST", "Gus", {"is_restricted": True})
    await service.asks("How long can I return it?")
    await guest.presses("Why?", await service.thread())
    await guest.hears("guests and people of other companies")
    assert not service.slack.views


def test_it_shows_what_was_read_and_withheld_and_nothing_in_it_acts() -> None:
    said = words(why(EXPLAINED))
    for each in ("90% sure", "answering from 67%", "🔒 internal", "changed or removed since", "It costs 99 euros."):
        assert each in said
    assert "<!channel>" not in said
    assert "<@U1>" not in said
