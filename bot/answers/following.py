"""Follow-up questions: `and in France?` is searched for together with what was asked before.

By rules in six languages: what leans on an earlier question is searched with it as the context, in which it weighs
most itself, so that a new question taken for a follow-up still finds its answer. Where there is a model, it puts the
question into words of its own besides, and the more certain find is kept.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from bot.answers.prompt import cache_salt
from bot.domain import Author, Question, Turn
from bot.intents import small_talk
from llm.chat import ChatMessage, ChatModel
from llm.errors import ModelError
from retrieval.passages import Found
from retrieval.search import Search

log = logging.getLogger(__name__)

REWRITE_SECONDS = 1.5
"""How long the model may take to put a question into its own words: the rules don't wait for it."""
BRIEF_WORDS, BRIEF_CHARACTERS = 12, 24
"""A message of more words, or more Chinese characters, can be understood by itself."""
FURTHEST = 3
"""Questions before this one that may be leaned on."""
LONGEST_TURN = 400
LONGEST_REWRITE = 300

_OPENINGS = (
    r"(?:ok(?:ay)?|so|yes|no|thanks|great|hm+)?[\s,.!]*(?:and|what about|how about|what if|same for|also|or|but|"
    r"then)\b",
    r"(?:ok(?:ay)?|gut|ja|nein|danke|hm+)?[\s,.!]*(?:und|oder|aber|auch|was ist mit|wie (?:ist|sieht) es|was wenn|"
    r"gilt das|dann)\b",
    r"(?:vale|sí|no|gracias)?[\s,.!¿]*(?:y|e|o|pero|también|qué (?:hay de|tal|pasa (?:con|si))|entonces)\b",
    r"(?:d'accord|ok|oui|non|merci)?[\s,.!]*(?:et|ou|mais|aussi|qu'en est-il|même chose|alors)\b",
    r"(?:хорошо|ок|да|нет|спасибо)?[\s,.!]*(?:а|и|но|или|тоже|также|как насч[её]т|что насч[её]т|тогда)\b",
    r"(?:好的?|嗯|是的|谢谢)?[\s，,。！]*(?:那|还有|另外|如果|要是|换成|同样)",
)
_OPENING = re.compile("|".join(f"(?:{each})" for each in _OPENINGS))
_ENDING = re.compile(
    r"呢[\s?？。!！]*$|\b(?:too|instead|then|either|as well)\s*\?*$|\b(?:auch|dann|stattdessen)\s*\?*$"
)
_POINTING = re.compile(
    r"\b(?:it|its|that|those|these|they|them|there|ones?|same"
    r"|dafür|damit|davon|dazu|dabei|dort|dorthin|ihn|ihm|es"
    r"|eso|ese|esa|ell[ao]s?|él|allí|ahí|mismo"
    r"|ça|cela|celui|celle|ceux|là|t-ils?|t-elles?"
    r"|это|этого|этом|он|она|оно|они|его|е[её]|их|там|туда)\b"
    r"|它|这个?|那个?|该|他们|它们"
)
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile("[\u4e00-\u9fff]")

_RULES = """You make a customer's last message understandable by itself, so that it can be searched for in documents.

Write one line: the question that the customer asks, in the language of the last message, with what it refers to named \
in full. Add nothing that the conversation doesn't say. Don't answer it. If it is understandable already, repeat it.

Example:
Customer: How long is the warranty on the Fold?
Support: 2 years on the whole bike.
Customer: and the frame?
Question: How long is the warranty on the frame of the Fold?"""


@dataclass(frozen=True, slots=True)
class Following:
    """Searches for a question in the light of its conversation."""

    search: Search
    model: ChatModel | None = None
    sure: float = 0.7
    """The confidence from which on the model isn't asked."""

    async def find(self, question: Question, count: int) -> Found:
        """The passages for a question, in the light of what it leans on."""
        earlier = earlier_questions(question.history)
        found = await self._search(question, question.text, count, topic(question.text, earlier))
        if self.model is None or not earlier or not is_brief(question.text) or found.confidence >= self.sure:
            return found
        rewritten = await self._rewritten(question, self.model)
        if rewritten is None or rewritten == question.text:
            return found
        return max(found, await self._search(question, rewritten, count), key=lambda each: each.confidence)

    async def _search(self, question: Question, text: str, count: int, context: str = "") -> Found:
        return await self.search.search(question.company, text, question.audience, count, context)

    async def _rewritten(self, question: Question, model: ChatModel) -> str | None:
        try:
            async with asyncio.timeout(REWRITE_SECONDS):
                return _checked(await _written(question, model), question)
        except (TimeoutError, ModelError) as error:
            log.info("The question was not rewritten: %r", error)
            return None


async def _written(question: Question, model: ChatModel) -> str:
    said = [
        f"{_SPEAKERS[turn.author]}: {turn.text[:LONGEST_TURN]}"
        for turn in question.history[-2 * FURTHEST :]
        if turn.author in _SPEAKERS
    ]
    prompt = [
        ChatMessage("system", _RULES),
        ChatMessage("user", "\n".join([*said, f"Customer: {question.text}", "Question:"])),
    ]
    written = ""
    deltas = model.stream(prompt, salt=cache_salt(question), affinity=question.conversation)
    async with aclosing(deltas):
        async for delta in deltas:
            written += delta
            if "\n" in written.strip() or len(written) > LONGEST_REWRITE:
                break
    return written


_SPEAKERS = {Author.CUSTOMER: "Customer", Author.BOT: "Support", Author.PERSON: "Support"}


def is_brief(text: str) -> bool:
    """Whether a message is so short that it may lean on what was said before."""
    return len(_CJK.findall(text)) <= BRIEF_CHARACTERS and len(_WORD.findall(text)) <= BRIEF_WORDS


def leans(text: str) -> bool:
    """Whether a message leans on what was said before: by how it opens or ends, or by a word that points back."""
    said = text.strip().casefold().lstrip("¿¡")
    return is_brief(text) and bool(_OPENING.match(said) or _ENDING.search(said) or _POINTING.search(said))


def earlier_questions(history: Sequence[Turn]) -> Sequence[str]:
    """What the customer asked before, the latest first, as far as it may be leaned on."""
    asked = [turn.text for turn in reversed(history) if turn.author is Author.CUSTOMER and not small_talk(turn.text)]
    return asked[:FURTHEST]


def topic(text: str, earlier: Sequence[str]) -> str:
    """The question that a follow-up question leans on; empty if it is none.

    A follow-up of a follow-up leans on the question that both go back to.
    """
    if not earlier or not leans(text):
        return ""
    return next((each for each in earlier if not leans(each)), earlier[-1])[:LONGEST_TURN]


def _checked(written: str, question: Question) -> str | None:
    """The model's question, unless it is none, or names a number that nobody said."""
    line = written.strip().partition("\n")[0].removeprefix("Question:").strip().strip('"')
    said = " ".join([question.text, *(turn.text for turn in question.history)])
    invented = set(re.findall(r"\d+", line)) - set(re.findall(r"\d+", said))
    return None if invented or not 0 < len(line) <= LONGEST_REWRITE else line
