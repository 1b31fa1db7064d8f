"""What a turn comes to, in words: notices, the replies to commands, an answer, or that a person is called."""

from collections.abc import Sequence
from dataclasses import asdict

from bot.answers.answering import HANDOFF_TEXTS
from bot.conversation import Asked, Change, Conversation, Message, Opening, Reply, asked
from bot.domain import Answer, Author, Outcome, Owner, Reason
from bot.errors import BotError
from bot.intents import phrase_language
from bot.patience import unanswered
from bot.texts import LANGUAGES, language_name, text
from retrieval.language import detect_language

_REPLIES = {"start": "greeting", "new": "greeting", "privacy": "privacy", "human": ""}
"""Which text answers which command; any other is answered with the help."""


def notice(key: str, language: str, reason: Reason | None = None) -> Reply:
    """One of the fixed texts."""
    return Reply(text(key, language), language=language, reason=reason)


def called(heard: Asked, language: str, opening: Opening, key: str = "") -> Change:
    """A person is called, and the customer is told so."""
    reason = opening.reason or Reason.ASKED_FOR_PERSON
    return Change(
        upto=heard.upto,
        replies=[*command_replies(heard, language), notice(key or HANDOFF_TEXTS[reason], language, reason)],
        owner=Owner.WAITING,
        language=heard.language or language,
        since=heard.since,
        handoff=opening,
    )


def parked(conversation: Conversation, messages: Sequence[Message], why: str) -> Change:
    """A person is called because the bot failed, and the customer is told so."""
    heard = asked(unanswered(conversation, messages), conversation.asked)
    return Change(
        upto=conversation.asked,
        replies=[notice("failed_handed_over", language_of(conversation, heard.text), Reason.FAILED)],
        owner=Owner.WAITING,
        events=[("parked", {"why": why})],
        handoff=Opening(Reason.FAILED),
    )


def language_of(conversation: Conversation, words: str) -> str:
    """The language to reply in to a customer's words."""
    return phrase_language(words) or detect_language(words, default=conversation.language)


def answered(heard: Asked, answer: Answer) -> Change:
    """What the answerer said; a person is called where it says so."""
    if not answer.text:
        raise BotError("The answerer gave an empty answer.")
    handed_over = answer.outcome is Outcome.HANDOFF
    facts: dict[str, object] = {
        "outcome": answer.outcome.value,
        "manner": answer.manner.value,
        "confidence": answer.confidence,
        "reason": answer.reason.value if answer.reason else None,
        "timings_ms": dict(answer.timings_ms),
        **answer.explanation,
    }
    reply = Reply(
        answer.text,
        Author.BOT,
        answer.language,
        answer.citations,
        answer.suggestions,
        answer.outcome,
        answer.reason,
        evidence=answer.evidence,
    )
    files = [notice("attachment_kept", answer.language)] if heard.attachments else []
    return Change(
        heard.upto,
        [*command_replies(heard, heard.language or answer.language), reply, *files],
        Owner.WAITING if handed_over else Owner.BOT,
        heard.language or answer.language,
        heard.since,
        [("answered", facts), *(("documents_differ", asdict(each)) for each in answer.disputes)],
        Opening(answer.reason, suggestion=answer.proposal) if handed_over else None,
    )


def command_replies(heard: Asked, language: str) -> list[Reply]:
    """What is said to commands, unless a person has the conversation."""
    keys = dict.fromkeys(_REPLIES.get(command, "help") for command in heard.commands if not _is_choice(command))
    replies = [notice(key, language) for key in keys if key]
    if heard.language:
        return [*replies, notice("language_chosen", language)]
    return [*replies, _choose_language(language)] if any(map(_is_choice, heard.commands)) else replies


def _is_choice(command: str) -> bool:
    return command.partition(" ")[0] == "language"


def _choose_language(language: str) -> Reply:
    names = "\n".join(f"/language_{code} {language_name(code, code).capitalize()}" for code in LANGUAGES)
    return Reply(text("choose_language", language, languages=names), language=language)
