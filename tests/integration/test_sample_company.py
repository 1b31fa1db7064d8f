"""The sample company's questions, asked of its documents: no change makes the answers worse unnoticed."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.answers.answering import Answering
from bot.answers.extracting import Extracting
from bot.domain import Answer, Outcome, Question
from bot.settings import AnsweringSettings
from llm.embeddings import Embedder
from retrieval.passages import Audience, Passage
from tests.knowledge import COMPANY, open_knowledge

EXAMPLES = Path(__file__).parents[2] / "examples"
# A little below what is measured (in brackets), of 40 questions with an answer and 20 without.
LEAST_RIGHT = 10
"""Answered rightly (12)."""
LEAST_HELPED = 18
"""Answered rightly, or asked back with the right answer among the suggestions (21)."""
MOST_WRONG = 3
"""Answered wrongly (1)."""
MOST_FALSE = 2
"""Answered though there is no answer (1)."""
LEAST_FIRST = 29
"""The right document is the first one found (32)."""
MOST_MISSED = 6
"""The right document is not among the ten passages found (4)."""


@dataclass(frozen=True)
class Asked:
    id: str
    text: str
    wanted: list[list[str]]
    """Groups of strings of each of which the answer holds one; none where the documents don't answer."""
    sources: list[str]
    answer: Answer
    found: list[str]
    """The files that passages were found in, best first."""
    passages: list[Passage]

    @property
    def answered(self) -> bool:
        return self.answer.outcome is Outcome.ANSWERED

    @property
    def right(self) -> bool:
        return self.answered and self.holds(self.answer.text)

    @property
    def offered(self) -> bool:
        """Whether one of the suggestions leads to the right answer."""
        return any(
            self.holds(passage.text) and passage.heading.endswith(suggestion)
            for suggestion in self.answer.suggestions
            for passage in self.passages
        )

    def holds(self, text: str) -> bool:
        return all(any(each in text for each in group) for group in self.wanted)

    def __str__(self) -> str:
        return f"{self.id} {self.answer.outcome} {self.answer.confidence:.2f} {self.text!r}: {self.answer.text!r}"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> list[Asked]:
    """All the questions, each with what came of it."""
    return asyncio.run(_ask_all(tmp_path_factory.mktemp("sample"), embedder))


async def _ask_all(folder: Path, embedder: Embedder) -> list[Asked]:
    settings = AnsweringSettings()
    questions = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    async with open_knowledge(folder, embedder) as knowledge:
        await knowledge.ingest(EXAMPLES / "halden-bikes")
        await knowledge.ingest(EXAMPLES / "halden-bikes-internal", audience=Audience.INTERNAL)
        await knowledge.search.refresh()
        sources = {document.id: Path(document.source).name for document in await knowledge.documents()}
        answering = Answering(knowledge.search, (Extracting(embedder, settings.answers_from),), settings)
        return [await _ask(answering, json.loads(line), sources) for line in questions]


async def _ask(answering: Answering, row: dict[str, object], sources: dict[str, str]) -> Asked:
    text = str(row["question"])
    *_, answer = [step async for step in answering.answer(Question(COMPANY, text))]
    assert isinstance(answer, Answer)
    found = await answering.search.search(COMPANY, text)
    passages = [scored.passage for scored in found.passages]
    wanted = row.get("answer_contains", [])
    files = [sources[passage.document] for passage in passages]
    return Asked(str(row["id"]), text, wanted, row.get("documents", []), answer, files, passages)  # type: ignore[arg-type]


def show(asked: list[Asked]) -> str:
    return "\n".join(map(str, asked))


def test_questions_are_answered_rightly(asked: list[Asked]) -> None:
    answerable = [each for each in asked if each.wanted]
    assert sum(each.right for each in answerable) >= LEAST_RIGHT, show(answerable)


def test_what_comes_near_leads_to_the_answer(asked: list[Asked]) -> None:
    helped = [each for each in asked if each.wanted and (each.right or each.offered)]
    assert len(helped) >= LEAST_HELPED, show([each for each in asked if each.wanted and each not in helped])


def test_wrong_answers_are_rare(asked: list[Asked]) -> None:
    wrong = [each for each in asked if each.wanted and each.answered and not each.right]
    assert len(wrong) <= MOST_WRONG, show(wrong)


def test_what_the_documents_do_not_answer_is_not_answered(asked: list[Asked]) -> None:
    false = [each for each in asked if not each.wanted and each.answered]
    assert len(false) <= MOST_FALSE, show(false)


def test_the_right_documents_are_found(asked: list[Asked]) -> None:
    missed = [each for each in asked if each.wanted and not set(each.sources) & set(each.found)]
    assert len(missed) <= MOST_MISSED, show(missed)


def test_the_right_document_is_mostly_the_first(asked: list[Asked]) -> None:
    first = [each for each in asked if each.wanted and each.found[0] in each.sources]
    assert len(first) >= LEAST_FIRST, show([each for each in asked if each.wanted and each not in first])


def test_a_right_answer_stands_in_the_right_document(asked: list[Asked]) -> None:
    strangers = [each for each in asked if each.wanted and each.right and each.found[0] not in each.sources]
    assert not strangers, show(strangers)


def test_customers_find_nothing_internal(asked: list[Asked]) -> None:
    internal = {path.name for path in (EXAMPLES / "halden-bikes-internal").iterdir()}
    assert not [each for each in asked if internal & set(each.found)]
