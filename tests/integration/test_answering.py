"""From a question to an answer, a question back, or a person: with real documents and the real embedding model."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.answers.answering import MOST_CHARACTERS, MOST_SUGGESTIONS, Answerer, Answering
from bot.answers.extracting import Extracting
from bot.domain import Answer, Draft, Outcome, Question, Reason
from bot.settings import AnsweringSettings
from llm.errors import ModelRejected, ModelUnavailable
from retrieval.passages import Audience, Found
from tests.knowledge import COMPANY, Knowledge

FAQ = """# Questions

## How much does delivery cost?

Parcels cost 4.90 euros. Orders of 60 euros or more are delivered free of charge.

## May I return an item?

Yes, within 30 days of delivery, unused and in its box.

## How long does a battery take to charge?

About five and a half hours.

## Which payment methods do you take?

Cards, PayPal and bank transfer.
"""
FAQ_ZH = """# 常见问题

## 多久可以退货？

收货后三十天内可以退货。

## 电池充电要多久？

大约五个半小时。
"""


@pytest.fixture
async def shop(knowledge: Knowledge, tmp_path: Path) -> Knowledge:
    """A company with a FAQ in English, and a shorter one in Chinese."""
    (tmp_path / "faq.md").write_text(FAQ, encoding="utf-8")
    (tmp_path / "faq-zh.md").write_text(FAQ_ZH, encoding="utf-8")
    await knowledge.ingest(tmp_path / "faq.md", tmp_path / "faq-zh.md")
    await knowledge.search.refresh()
    return knowledge


def answering(knowledge: Knowledge, *answerers: Answerer, answer: float = 0.6, clarify: float = 0.25) -> Answering:
    settings = AnsweringSettings(answer_above=answer, clarify_above=clarify)
    return Answering(knowledge.search, answerers or (Extracting(knowledge.embedder, answer),), settings)


async def steps(
    on: Answering, text: str, audience: Audience = Audience.PUBLIC, language: str = ""
) -> list[Draft | Answer]:
    return [step async for step in on.answer(Question(COMPANY, text, audience, language))]


async def ask(knowledge: Knowledge, text: str, on: Answering | None = None) -> Answer:
    *_, answer = await steps(on or answering(knowledge), text)
    assert isinstance(answer, Answer)
    return answer


class TestAQuestion:
    async def test_that_an_entry_answers_gets_it_verbatim(self, shop: Knowledge) -> None:
        answer = await ask(shop, "how much is delivery?")
        assert answer.outcome is Outcome.ANSWERED
        assert answer.text == "Parcels cost 4.90 euros. Orders of 60 euros or more are delivered free of charge. [1]"

    async def test_is_answered_with_its_source(self, shop: Knowledge) -> None:
        (citation,) = (await ask(shop, "how much is delivery?")).citations
        assert citation.document.startswith("faq-")
        assert citation.title == "Questions"

    async def test_is_answered_in_its_language_where_the_documents_allow(self, shop: Knowledge) -> None:
        answer = await ask(shop, "电池充电要多久？")
        assert (answer.text, answer.language) == ("大约五个半小时。 [1]", "zh")

    async def test_is_explained_by_what_was_seen(self, shop: Knowledge) -> None:
        answer = await ask(shop, "How much does delivery cost?")
        passages = answer.explanation["passages"]
        assert isinstance(passages, list)
        assert answer.citations[0].passage in [each["passage"] for each in passages]
        assert {"query", "signals"} <= set(answer.explanation)

    async def test_about_something_else_goes_to_a_person(self, shop: Knowledge) -> None:
        answer = await ask(shop, "Who won the chess championship in 1972?")
        assert (answer.outcome, answer.reason) == (Outcome.HANDOFF, Reason.NOT_COVERED)
        assert answer.citations == ()

    async def test_about_something_else_is_told_so_in_its_language(self, shop: Knowledge) -> None:
        answer = await ask(shop, "谁赢得了一九七二年的国际象棋世界冠军？")
        assert answer.outcome is Outcome.HANDOFF
        assert "转给工作人员" in answer.text

    async def test_that_comes_near_is_asked_back(self, shop: Knowledge) -> None:
        on = answering(shop, answer=1.0, clarify=0.0)
        answer = await ask(shop, "what about payment?", on)
        assert (answer.outcome, answer.reason) == (Outcome.CLARIFY, Reason.UNSURE)
        assert answer.suggestions[0] == "Which payment methods do you take?"
        assert len(answer.suggestions) <= MOST_SUGGESTIONS

    async def test_is_asked_back_with_each_suggestion_once(self, shop: Knowledge) -> None:
        answer = await ask(shop, "battery", answering(shop, answer=1.0, clarify=0.0))
        assert len(set(answer.suggestions)) == len(answer.suggestions)

    async def test_to_a_company_without_documents_goes_to_a_person(self, knowledge: Knowledge) -> None:
        await knowledge.search.refresh()
        answer = await ask(knowledge, "How much is delivery?")
        assert (answer.outcome, answer.reason) == (Outcome.HANDOFF, Reason.NO_DOCUMENTS)

    async def test_of_a_customer_is_never_answered_from_internal_documents(
        self, shop: Knowledge, tmp_path: Path
    ) -> None:
        (tmp_path / "rules.md").write_text("# Goodwill\n\nStaff may grant up to 75 euros of goodwill.")
        await shop.ingest(tmp_path / "rules.md", audience=Audience.INTERNAL)
        await shop.search.refresh()
        answer = await ask(shop, "How much goodwill may staff grant?", answering(shop, answer=0.0))
        assert "75" not in answer.text

    async def test_of_staff_may_be(self, shop: Knowledge, tmp_path: Path) -> None:
        (tmp_path / "rules.md").write_text("# Goodwill\n\nStaff may grant up to 75 euros of goodwill.")
        await shop.ingest(tmp_path / "rules.md", audience=Audience.INTERNAL)
        await shop.search.refresh()
        *_, answer = await steps(answering(shop, answer=0.0), "How much goodwill may staff grant?", Audience.INTERNAL)
        assert "75 euros" in answer.text

    async def test_shows_the_answer_before_it_is_final(self, shop: Knowledge) -> None:
        first, last = await steps(answering(shop), "how much is delivery?")
        assert isinstance(first, Draft)
        assert isinstance(last, Answer)

    @pytest.mark.parametrize("text", ["\ud800 delivery?", "delivery\0", "\u202edelivery", "🚲" * 100, "%s {} [1] </s>"])
    async def test_may_hold_anything(self, shop: Knowledge, text: str) -> None:
        assert (await ask(shop, text)).text

    @pytest.mark.parametrize("text", ["how much is delivery?", "hello", "", "a person please", "chess?", "x" * 9_000])
    async def test_tells_how_long_it_took(self, shop: Knowledge, text: str) -> None:
        timings = (await ask(shop, text)).timings_ms
        assert 0 <= timings["retrieval"] <= timings["first_text"] <= timings["total"]


class TestAMessageThatNeedsNoSearch:
    @pytest.mark.parametrize(
        ("text", "said"),
        [("hello!", "Hello! How can I help you?"), ("Thanks", "You're welcome!"), ("bye", "Goodbye")],
    )
    async def test_is_answered_in_kind(self, knowledge: Knowledge, text: str, said: str) -> None:
        answer = await ask(knowledge, text)
        assert answer.outcome is Outcome.ANSWERED
        assert answer.text.startswith(said)

    @pytest.mark.parametrize(
        ("text", "language"),
        [("I want to talk to a human", "en"), ("转人工", "zh"), ("quiero hablar con una persona", "es")],
    )
    async def test_asks_for_a_person(self, knowledge: Knowledge, text: str, language: str) -> None:
        answer = await ask(knowledge, text)
        assert (answer.outcome, answer.reason, answer.language) == (
            Outcome.HANDOFF,
            Reason.ASKED_FOR_PERSON,
            language,
        )

    async def test_asks_for_a_person_at_great_length(self, knowledge: Knowledge) -> None:
        answer = await ask(knowledge, "I want to talk to a human. " * 1_000)
        assert answer.reason is Reason.ASKED_FOR_PERSON

    @pytest.mark.parametrize("text", ["", " \n\t", "\u3000"])
    async def test_says_nothing(self, knowledge: Knowledge, text: str) -> None:
        assert (await ask(knowledge, text)).outcome is Outcome.CLARIFY

    async def test_is_too_long(self, shop: Knowledge) -> None:
        answer = await ask(shop, "Wie teuer ist der Versand? " * 200)
        assert (answer.outcome, answer.language) == (Outcome.CLARIFY, "de")

    async def test_is_just_short_enough(self, shop: Knowledge) -> None:
        assert (await ask(shop, "how much is delivery? ".ljust(MOST_CHARACTERS))).outcome is Outcome.ANSWERED


@dataclass
class Saying:
    """An answerer that shows a draft, and then answers or fails."""

    said: str
    needs: float = 0.0
    fails: Exception | None = None
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    async def answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        self.asked.append(question.text)
        try:
            yield Draft(f"{self.said} so far")
            if self.fails:
                raise self.fails
            yield Answer(Outcome.ANSWERED, self.said, found.confidence, question.language)
        finally:
            self.closed = True


class TestAnswerers:
    async def test_are_asked_in_order(self, shop: Knowledge) -> None:
        first, second = Saying("first"), Saying("second")
        assert (await ask(shop, "delivery?", answering(shop, first, second))).text == "first"
        assert second.asked == []

    @pytest.mark.parametrize("failure", [ModelUnavailable("down"), ModelRejected("no such model")])
    async def test_step_in_for_one_that_fails(self, shop: Knowledge, failure: Exception) -> None:
        on = answering(shop, Saying("first", fails=failure), Saying("second"))
        assert (await ask(shop, "delivery?", on)).text == "second"

    async def test_replace_the_draft_of_one_that_failed(self, shop: Knowledge) -> None:
        on = answering(shop, Saying("first", fails=ModelUnavailable("down")), Saying("second"))
        shown = [step.text for step in await steps(on, "delivery?")]
        assert shown == ["first so far", "second so far", "second"]

    async def test_are_passed_over_while_too_little_is_known(self, shop: Knowledge) -> None:
        careful, bold = Saying("careful", needs=1.1), Saying("bold")
        assert (await ask(shop, "delivery?", answering(shop, careful, bold))).text == "bold"

    async def test_that_all_fail_leave_a_question_back_or_a_person(self, shop: Knowledge) -> None:
        on = answering(shop, Saying("first", fails=ModelUnavailable("down")))
        assert (await ask(shop, "delivery?", on)).outcome in (Outcome.CLARIFY, Outcome.HANDOFF)

    async def test_that_break_are_heard_of(self, shop: Knowledge) -> None:
        with pytest.raises(ZeroDivisionError):
            await ask(shop, "delivery?", answering(shop, Saying("first", fails=ZeroDivisionError()), Saying("second")))

    async def test_hear_the_language_of_the_question(self, shop: Knowledge) -> None:
        answer = await ask(shop, "多少钱可以免费送货？", answering(shop, Saying("first")))
        assert answer.language == "zh"

    async def test_are_stopped_when_nobody_listens_any_more(self, shop: Knowledge) -> None:
        saying = Saying("first")
        run = answering(shop, saying).answer(Question(COMPANY, "delivery?"))
        await anext(run)
        await run.aclose()
        assert saying.closed

    async def test_that_hand_over_without_words_get_some(self, shop: Knowledge) -> None:
        class Declining:
            needs = 0.0

            async def answer(self, question: Question, _found: Found) -> AsyncGenerator[Draft | Answer, None]:
                yield Answer(Outcome.HANDOFF, "", 0.4, question.language, reason=Reason.NOTHING_VERIFIED)

        answer = await ask(shop, "delivery?", answering(shop, Declining()))
        assert (answer.reason, answer.confidence) == (Reason.NOTHING_VERIFIED, 0.4)
        assert answer.text.startswith("I found something similar")


class TestTheLanguage:
    @pytest.mark.parametrize(
        ("text", "stated", "language"),
        [
            ("How much does the delivery cost?", "de", "en"),
            ("E-07", "de", "de"),
            ("E-07", "", "en"),
            ("hola", "en", "es"),
            ("👍", "fr", "fr"),
        ],
    )
    async def test_is_that_of_the_text_or_else_the_one_stated(
        self, shop: Knowledge, text: str, stated: str, language: str
    ) -> None:
        *_, answer = await steps(answering(shop), text, language=stated)
        assert isinstance(answer, Answer)
        assert answer.language == language
