"""The words of a text as they compare: those that carry its matter, all of them in order, and whether it denies."""

import re
from functools import lru_cache

import snowballstemmer
from bm25s import stopwords

from bot.verification.fact_words import UNITS
from bot.verification.facts import normalise
from retrieval.language import detect_language
from retrieval.passages import Passage

_STOPWORDS = {
    "en": frozenset(stopwords.STOPWORDS_EN_PLUS),
    "de": frozenset(stopwords.STOPWORDS_GERMAN),
    "es": frozenset(stopwords.STOPWORDS_SPANISH),
    "fr": frozenset(stopwords.STOPWORDS_FRENCH),
    "ru": frozenset(stopwords.STOPWORDS_RUSSIAN),
}
_STEMMERS = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "ru": "russian"}
_HAN = re.compile(r"[\u3400-\u9fff]")
_EMPTY_HAN = frozenset(
    "的了是在您你我们他她它和与及或也都就可以能会要请把被对于从到这那有个为以其如果则并而且但将吗呢吧"
)
_ADDRESS = re.compile(r"[^\s\u3000-\u9fff]*(?:://|@|\bwww\.)[^\s\u3000-\u9fff]*")
# Facts are compared as such, however they are written: 5 EUR is €5.
_OF_A_FACT = re.compile(
    r"\d+|" + "|".join(UNITS[name] for name in ("percent", "eur", "usd", "gbp", "cny", "rub", "chf")), re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{2,}")
_TERM = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")


def whole(passage: Passage) -> str:
    """All that stands in a passage: its title, the headings above it, a FAQ entry's question, the text."""
    return "\n".join((passage.title, str(passage.location), passage.question, passage.text))


def is_comparable(sentence: str, language: str, passage: Passage) -> bool:
    """Whether the words of a sentence, in this language as far as it is known, can be looked for in a passage."""
    if bool(_HAN.search(sentence)) != bool(_HAN.search(passage.text)):
        return False
    known = passage.language or detect_language(passage.text)
    return not language or not known or language == known


@lru_cache(maxsize=2048)
def content(text: str, language: str) -> frozenset[str]:
    """The words of a text that carry its matter, as stems; of Chinese, the characters."""
    plain = _plain(text)
    empty = _STOPWORDS.get(language, frozenset())
    words = [word for word in _WORD.findall(plain) if word not in empty]
    return frozenset(_stems(words, language)) | {each for each in _HAN.findall(plain) if each not in _EMPTY_HAN}


@lru_cache(maxsize=512)
def terms(text: str, language: str) -> tuple[str, ...]:
    """All words of a text in their order, as stems; each Chinese character is one."""
    return tuple(_stems(_TERM.findall(_plain(text)), language))


def _plain(text: str) -> str:
    return _OF_A_FACT.sub(" ", _ADDRESS.sub(" ", normalise(text).casefold()))


def _stems(words: list[str], language: str) -> list[str]:
    if language not in _STEMMERS:
        return words
    stemmed: list[str] = snowballstemmer.stemmer(_STEMMERS[language]).stemWords(words)
    return stemmed


_NEGATIONS = {
    "en": r"\b(?:not|no|never|cannot|without|none|neither|nor|nothing|nobody|unable)\b|n't\b",
    "de": r"\b(?:nicht|nichts|kein\w*|nie|niemals|niemand\w*|ohne|weder)\b",
    "es": r"\b(?:no|nunca|jamás|sin|ningun[oa]?|ningún|tampoco|nada|nadie|ni)\b",
    "fr": r"\b(?:ne|pas|jamais|aucune?|sans|non|ni|rien|personne)\b|\bn'",
    "ru": r"\b(?:не|нет|ни|нельзя|без|никогда|никак\w*|невозможн\w+|недоступн\w+)\b",
    "zh": r"[不没無无未勿]|禁止|[并且绝]非|非(?=会员|法)|别(?=[再去用])",
}
_NO_NEGATIONS = {
    "en": r"\bnot (?:only|just|later|more|less)\b|\bno (?:later|more|less|matter|problem)\b|\bno\.? (?=\d)|^no[,.;:!]",
    "de": r"\bnicht (?:nur|später|mehr als|weniger als)\b",
    "es": r"\bno (?:solo|sólo|más de|menos de)\b|^no[,.;:!]",
    "fr": r"\bnon seulement\b|^non[,.;:!]|\bne\b(?=[^.]*\bque\b)",
    "ru": r"\bне (?:только|позднее|более|менее|позже)\b|^нет[,.;:!]",
    "zh": "没问题|没关系|不客气|不仅|不只|不但|不同|不过|不超过|不晚于|不少于|无论|无线|未来|^不,|^不是的?,",
}


def can_negate(language: str) -> bool:
    """Whether we know how the language says no."""
    return language in _NEGATIONS


def negates(text: str, language: str) -> bool:
    """Whether a text in a language that `can_negate` denies something."""
    return negations(text, language) > 0


def negations(text: str, language: str) -> int:
    """How often it does."""
    plain = re.sub(_NO_NEGATIONS[language], " ", normalise(text).casefold())
    return len(re.findall(_NEGATIONS[language], plain))
