"""An approved answer, asked for in other words: by its meaning, within its company and audience, as of now."""

from pathlib import Path

import pytest

from bot.answers.answering import Answering
from bot.answers.extracting import Extracting
from bot.answers.teaching import Lesson, Teaching, known_answers, remove
from bot.domain import Answer, Question
from bot.settings import AnsweringSettings
from retrieval.passages import Audience
from tests.knowledge import COMPANY, Knowledge

QUESTION, ANSWER = "Can I bring my dog into the shop?", "Yes, on a lead."
PARAPHRASES = ("are dogs allowed in your store", "is the shop dog friendly")


async def ask(knowledge: Knowledge, text: str, company: str = COMPANY, audience: Audience = Audience.PUBLIC) -> Answer:
    await knowledge.search.refresh()
    settings = AnsweringSettings()
    answering = Answering(knowledge.search, [Extracting(knowledge.embedder, settings.answers_from)], settings)
    *_, answer = [step async for step in answering.answer(Question(company, text, audience))]
    assert isinstance(answer, Answer)
    return answer


async def teach(knowledge: Knowledge, audience: Audience = Audience.PUBLIC) -> str:
    teaching = Teaching(knowledge.database, knowledge.embedder, knowledge.search.search)
    came = await teaching.teach(COMPANY, Lesson(QUESTION, ANSWER, audience))
    assert came.doubts == ()
    return came.document


@pytest.mark.parametrize("text", [QUESTION, *PARAPHRASES])
async def test_it_is_given_word_for_word_with_its_source(knowledge: Knowledge, text: str) -> None:
    document = await teach(knowledge)
    answer = await ask(knowledge, text)
    assert answer.text == f"{ANSWER} [1]"
    assert [each.document for each in answer.citations] == [document]


async def test_the_companys_own_address_is_no_customers(knowledge: Knowledge, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    files = [folder / f"{name}.md" for name in ("contact", *map(str, range(12)))]
    for file in files:
        file.write_text(f"# {file.stem}\n\nDogs of kind {file.stem} may come in.", encoding="utf-8")
    files[0].write_text("# Contact\n\nWrite to shop@acme.example.", encoding="utf-8")
    await knowledge.ingest(folder)
    await knowledge.search.refresh()
    teaching = Teaching(knowledge.database, knowledge.embedder, knowledge.search.search)
    for address, doubts in (("shop@acme.example", 0), ("ana@mail.example", 1)):
        came = await teaching.teach(COMPANY, Lesson(QUESTION, f"Ask first: {address}.", sure=False))
        assert len(came.doubts) == doubts


async def test_another_company_doesnt_know_it(knowledge: Knowledge) -> None:
    await teach(knowledge)
    assert ANSWER not in (await ask(knowledge, QUESTION, company="globex")).text


async def test_customers_dont_know_what_is_for_staff(knowledge: Knowledge) -> None:
    await teach(knowledge, Audience.INTERNAL)
    assert ANSWER not in (await ask(knowledge, QUESTION)).text
    assert ANSWER in (await ask(knowledge, QUESTION, audience=Audience.INTERNAL)).text


async def test_it_is_gone_once_it_is_removed(knowledge: Knowledge) -> None:
    document = await teach(knowledge)
    assert ANSWER in (await ask(knowledge, PARAPHRASES[0])).text
    await remove(knowledge.database, COMPANY, document)
    assert ANSWER not in (await ask(knowledge, PARAPHRASES[0])).text
    assert await known_answers(knowledge.database, COMPANY) == []
