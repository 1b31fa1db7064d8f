"""How a customer feels, read from the words alone: deterministic, in six languages, with no model."""

from enum import StrEnum


class Mood(StrEnum):
    """How a customer feels."""

    CALM = "calm"
    UNHAPPY = "unhappy"
    """It took too long, it didn't help, it is broken: said with some heat."""
    ANGRY = "angry"
    """Insults, threats, shouting: a person should see to it."""


def mood_of(_messages: object) -> Mood:
    """How the customer feels."""
    return Mood.CALM
