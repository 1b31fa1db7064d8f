"""The conversation so far as a prompt holds it: it only grows, and loses its beginning in few, large steps."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Author, Turn
from retrieval.passages import Passage

LONGEST_TURN = 1_000
"""Characters of an earlier message."""
MOST_TOPICS = 8
LONGEST_TOPIC = 120
"""Characters of an earlier question in the summary of what was left out."""
_SPEAKERS = {Author.CUSTOMER: "Customer", Author.BOT: "You", Author.PERSON: "Support staff"}
_MARKER = re.compile(r"( ?)\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a customer said and what was answered, with the passages that the model was given for it."""

    turns: Sequence[Turn]
    evidence: Sequence[Passage] = ()

    def text(self, numbers: Mapping[str, int]) -> str:
        """Write it down; `numbers` is what the prompt calls each passage, by its id."""
        return "\n".join(f"{_SPEAKERS[turn.author]}: {_said(turn, numbers)[:LONGEST_TURN]}" for turn in self.turns)


def exchanges(history: Iterable[Turn], given: Mapping[str, Passage]) -> list[Exchange]:
    """Take the history apart: each exchange ends before the customer's next word.

    `given` holds passages by id; those that are not known any more are left out.
    """
    made: list[list[Turn]] = []
    for turn in history:
        if turn.author not in _SPEAKERS:
            continue
        if not made or (turn.author is Author.CUSTOMER and made[-1][-1].author is not Author.CUSTOMER):
            made.append([])
        made[-1].append(turn)
    return [
        Exchange(turns, [given[each] for turn in turns for each in turn.evidence if each in given]) for turns in made
    ]


def left_out(sizes: Sequence[int], room: int) -> int:
    """Return how many exchanges from the beginning are left out.

    When they outgrow the room, as many go as leave half of it free: a prompt that begins like the one before is cached,
    and so begins for several turns to come. Told from all sizes in order, it is the same in each of these turns.
    """
    begin = total = 0
    for end, size in enumerate(sizes, 1):
        total += size
        if total > room:
            while total > room // 2 and begin < end:
                total -= sizes[begin]
                begin += 1
    return begin


def summary(exchanges: Iterable[Exchange]) -> str:
    """Say what the customer asked in exchanges that are left out; empty without any."""
    said = (turn.text for exchange in exchanges for turn in exchange.turns if turn.author is Author.CUSTOMER)
    topics = [" ".join(text.split()) for text in said]
    shown = [topic if len(topic) <= LONGEST_TOPIC else f"{topic[:LONGEST_TOPIC]} ..." for topic in topics if topic]
    return "\n".join(["The customer asked before:", *(f"- {topic}" for topic in shown[-MOST_TOPICS:])]) if shown else ""


def _said(turn: Turn, numbers: Mapping[str, int]) -> str:
    if turn.author is not Author.BOT:
        return turn.text
    named = {str(each.number): numbers[each.passage] for each in turn.citations if each.passage in numbers}
    return _MARKER.sub(lambda marker: f"{marker[1]}[{named[marker[2]]}]" if marker[2] in named else "", turn.text)
