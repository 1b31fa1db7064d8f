"""Orders to a model that somebody hid in a document: they are no knowledge, and nothing is answered from them."""

import logging
import re
from dataclasses import replace
from functools import lru_cache

from retrieval.passages import Found, Passage

log = logging.getLogger(__name__)

_RULES = r"(?:instructions?|rules?|prompts?|directives?|guidelines|commands?|documents|passages|context|conversation)"
_ORDER = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.!?\n]{{0,40}}\b(?:{_RULES}|everything|above|previous|prior)\b"
    rf"|\b(?:reveal|repeat|print|show|output|leak|disclose)\b[^.!?\n]{{0,30}}\b(?:your|the|system)\b[^.!?\n]{{0,20}}"
    r"\b(?:instructions|prompt|rules)\b"
    r"|\b(?:you are|you're|act as|pretend to be|behave as)\b[^.!?\n]{0,30}"
    r"\b(?:now|dan|jailbroken|unrestricted|an? ai)\b"
    r"|\bfrom now on\b[^.!?\n]{0,20}\byou (?:are|act|will act|must|have no)\b"
    r"|\bnew (?:rule|instruction|system prompt)s?\s*:"
    r"|(?:^|[\n\"'(\[])\s*(?:system|assistant|ai|llm|chatbot|user)\s*(?:prompt|message|note)?\s*:"
    r"|\b(?:dear |hey )?(?:assistant|chatbot|ai|llm|language model),"
    r"|\b(?:pretend (?:to|that)|role-?play|stay in character|do anything now|jailbreak|system[_ ]prompt)\b"
    r"|\byou(?: are| will|'ll| must| should|r task is)?(?: \w+){0,3} "
    r"(?:immerse|pretend|(?:act|respond|reply|answer) as)\b"
    r"|\b(?:hey|hi|hello|dear),? (?:chat ?gpt|gpt|ai|assistant|chatbot)\b|\b(?:text|instructions) you were given\b"
    r"|\b(?:repeat|print|output|show)\b[^.!?\n]{0,20}\b(?:entire|whole|initial|full)\b[^.!?\n]{0,20}"
    r"\b(?:conversation|configuration|text|context)\b"
    r"|\b(?:translate|encode|modify|enhance|integrate|append|insert|format|reverse|limit|rewrite|provide|in|begin|end)\b"
    r"[^.!?\n]{0,40}\byour (?:answer|response|reply|output|message)(?:,| (?:in|into|to|by|with|as))\b"
    r"|\b(?:limit|restrict) (?:your |the |all )?output\b"
    r"|\bawait (?:\W|my |the |further |user ){0,2}(?:input|instruct\w*|command)"
    r"|(?:^|[.!?\n]\s{0,4})(?:always |only |please )?(?:answer|reply|respond) (?:only )?"
    r"(?:as|like|in (?!writing|person|time|due|the|your|our|\d))\b"
    r"|\byou\b[^.!?\n]{0,60}\bchat ?gpt\b|\bchat ?gpt\b[^.!?\n]{0,60}\byou\b"
    r"|\b(?:create|maintain|adopt|assume|take on)\b[^.!?\n]{0,40}\bpersonas?\b"
    r"|(?:^|\n)\s*\W?(?-i:DAN)\W?\s*:|\b(?:called?|named?|dubbed|appellera?|acronym)\b[^.!?\n]{0,12}\bdan\b"
    r"|\b(?:te|vous) mettre dans (?:la|le|les) peaux?\b"
    r"|</?(?:passages|conversation|system|instructions?|im_start|im_end)\b|<\|im_(?:start|end)\|>|\[/?INST\]"
    r"|\b(?:ignorier\w*|vergiss|vergesst|missacht\w*)\b[^.!?\n]{0,40}\b(?:anweisung\w*|regeln?|bisherig\w*|vorherig\w*)"
    r"|\b(?:ignora\w*|olvida\w*)\b[^.!?\n]{0,40}\b(?:instruccion\w*|reglas?|anterior\w*)"
    r"|\b(?:ignore[zr]?|oublie[zr]?)\b[^.!?\n]{0,40}\b(?:instructions?|règles?|consignes?|précédent\w*)"
    r"|\b(?:игнорируй\w*|забудь\w*|проигнорируй\w*)\b[^.!?\n]{0,40}\b(?:инструкци\w*|правил\w*|предыдущ\w*|указани\w*)"
    r"|(?:忽略|无视|忘记|忘掉)[^。！？\n]{0,16}(?:指令|规则|提示|说明|以上|之前|文件)",
    re.IGNORECASE,
)


def without_orders(found: Found) -> Found:
    """What was found, each passage up to where it begins to give orders; one that only orders is left out."""
    scored = [(each, _before_orders(each.passage)) for each in found.passages]
    if all(each.passage is passage for each, passage in scored):
        return found
    kept = [replace(each, passage=passage) for each, passage in scored if passage.text]
    return replace(found, passages=kept)


def gives_orders(text: str) -> bool:
    """Whether a text tries to give a model orders."""
    return _ORDER.search(text) is not None


@lru_cache(maxsize=1024)
def _before_orders(passage: Passage) -> Passage:
    order = _ORDER.search(passage.text)
    if not order:
        return passage
    log.warning("passage %s gives a model orders; it is read only up to there", passage.id)
    before = passage.text[: order.start()]
    ends = [match.end() for match in re.finditer(r"[.!?。！？\n]", before)]
    return replace(passage, text=before[: ends[-1]].rstrip() if ends else "")
