"""How customers feel, measured on messages that were written for it."""

import pytest

from bot.conversation import Message, Status
from bot.domain import Author
from bot.handoffs.mood import Mood, mood, mood_of
from bot.texts import LANGUAGES
from tests.mood_messages import ANGRY, CALM, UNHAPPY


def said(*texts: str) -> list[Message]:
    return [Message("c", seq, Author.CUSTOMER, text, status=Status.RECEIVED) for seq, text in enumerate(texts, 1)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_nine_of_ten_angry_messages_are_noticed(language: str) -> None:
    missed = [message for message in ANGRY[language] if mood(message) is not Mood.ANGRY]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize("message", [message for language in LANGUAGES for message in CALM[language]])
def test_what_is_calm_never_calls_a_person(message: str) -> None:
    assert mood(message) is not Mood.ANGRY


@pytest.mark.parametrize("message", [message for language in LANGUAGES for message in UNHAPPY[language]])
def test_who_is_only_unhappy_is_not_taken_for_angry(message: str) -> None:
    assert mood(message) is not Mood.ANGRY


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_unhappy_messages_are_noticed(language: str) -> None:
    missed = [message for message in UNHAPPY[language] if mood(message) is Mood.CALM]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_calm_messages_are_taken_for_calm(language: str) -> None:
    heard = [message for message in CALM[language] if mood(message) is not Mood.CALM]
    assert len(heard) <= 1, heard


def test_shouting_makes_the_unhappy_angry() -> None:
    assert mood("My parcel is still not here") is Mood.UNHAPPY
    assert mood("MY PARCEL IS STILL NOT HERE") is Mood.ANGRY


def test_the_worst_of_the_last_messages_counts() -> None:
    assert mood_of(said("You are useless idiots", "Where is my parcel?")) is Mood.ANGRY
    assert mood_of(said("You are useless idiots", "Where?", "Is it?", "Ah, thank you.")) is Mood.CALM


def test_who_has_said_nothing_is_calm() -> None:
    assert mood_of([]) is Mood.CALM
