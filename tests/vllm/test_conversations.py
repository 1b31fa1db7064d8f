"""Whole conversations through the pipeline and a real vLLM. The model is small and says much nonsense: what counts is
what becomes of it, and that is never asked of the model."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

from bot.answers.history import exchanges
from bot.answers.prompt import Setting, build_prompt, fit_prompt, select_passages
from bot.bootstrap import Parts, open_parts
from bot.conversation import Pace
from bot.domain import Author, Citation, Outcome, Owner, Question, Turn
from bot.settings import AnsweringSettings, Settings
from llm.chat import ChatMessage, Spent, load_chat_model
from llm.errors import RequestRejected
from retrieval.passages import Audience, Found, Passage, Scored
from tests.desk import CHAT, Desk, desk
from tests.vllm.served import Served

HANDBOOK = """# Handbook

## Delivery

Parcels cost 4.90 euros. Orders of 60 euros or more are delivered free of charge.

## Returns

You may return an item within 30 days of delivery, unused and in its box.

## Battery

It takes about five and a half hours to charge a battery.

## Payment

You can pay by card, by PayPal or by bank transfer.
"""
"""Prose: entries of a FAQ are answered word for word, without the model."""
PACE = Pace(quiet=0.02, longest_burst=0.1, poll=0.05, turn=300, unshown_turn=300, first_sign=300)
"""The machine may be slow; nothing here is about how slow."""
DAY = date(2026, 3, 1)
BLOCK = 16
"""Tokens that vLLM's cache keeps together on a GPU."""


@asynccontextmanager
async def shop(settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Desk, Parts]]:
    """A company with a handbook whose questions the model answers where it can."""
    changed = settings.model_copy(update={"answering": AnsweringSettings(answer_above=0.3, clarify_above=0.1)})
    (tmp_path / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    async with open_parts(changed) as parts:
        ingestion = parts.ingestion(CHAT.company, Audience.PUBLIC)
        assert [report.error async for report in ingestion.run([tmp_path / "handbook.md"])] == [None]
        await parts.search.refresh()
        async with desk(tmp_path, parts.answering.answer, PACE) as opened:
            yield opened, parts


def assert_sound(desk: Desk) -> None:
    """Nothing that was sent is unfinished or unverified."""
    for message in desk.channel.arrived:
        if message.outcome is Outcome.ANSWERED:
            assert message.citations
            assert message.text.rstrip().endswith("]")


async def test_a_conversation_is_carried_through_turn_by_turn(settings: Settings, tmp_path: Path, vllm: Served) -> None:
    before = vllm.metric("prompt_tokens_total")
    questions = ["How much does delivery cost?", "May I return an item?", "How long does a battery take to charge?"]
    async with shop(settings, tmp_path) as (opened, _):
        for number, question in enumerate(questions, 1):
            await opened.writes(question)
            await opened.at_rest()
            assert len([each for each in await opened.events() if each == "answered"]) == number
            if (await opened.conversation()).owner is not Owner.BOT:
                await opened.handoffs.claim(CHAT.company, (await opened.conversation()).id, "ada")
                await opened.handoffs.hand_back(CHAT.company, (await opened.conversation()).id, "ada")
        assert "parked" not in await opened.events()
        assert_sound(opened)
    await vllm.until("num_requests_running", 0)
    assert vllm.metric("prompt_tokens_total") > before


async def test_a_persons_claim_stops_the_model(settings: Settings, tmp_path: Path, vllm: Served) -> None:
    async with shop(settings, tmp_path) as (opened, _):
        await opened.writes("How much does delivery cost?")
        conversation = await opened.until(lambda each: each.lease)
        await opened.handoffs.claim(CHAT.company, conversation.id, "ada")
        await opened.at_rest()
        sent = len(opened.channel.attempts)
        await vllm.until("num_requests_running", 0)
        assert len(opened.channel.attempts) == sent


async def test_a_server_that_dies_costs_no_turn(settings: Settings, tmp_path: Path, vllm: Served) -> None:
    async with shop(settings, tmp_path) as (opened, _):
        vllm.kill()
        await opened.writes("How much does delivery cost?")
        await opened.at_rest()
        assert opened.channel.arrived[-1].outcome is Outcome.ANSWERED
        assert "Parcels cost 4.90 euros." in opened.channel.arrived[-1].text
        vllm.wait()
        assert vllm.metric("prompt_tokens_total") == 0
        await opened.writes("May I return an item?")
        await opened.at_rest()
        assert vllm.metric("prompt_tokens_total") > 0
        assert "parked" not in await opened.events()


async def test_a_wrong_model_name_costs_no_turn(settings: Settings, tmp_path: Path) -> None:
    wrong = settings.model_copy(update={"llm": settings.llm.model_copy(update={"model": "another"})})
    async with shop(wrong, tmp_path) as (opened, _):
        await opened.writes("How much does delivery cost?")
        await opened.at_rest()
        assert "Parcels cost 4.90 euros." in opened.channel.arrived[-1].text


def passages(count: int, text: str) -> list[Passage]:
    return [Passage(f"d{n}#0", f"d{n}", 0, f"Title {n}", f"{n}. {text}", language="en") for n in range(count)]


def found(best: Sequence[Passage]) -> Found:
    return Found("q", [Scored(each, 1.0, 0.9, 0.5) for each in best], 0.9)


async def test_the_longest_prompt_fits(settings: Settings) -> None:
    """Six long passages in Chinese, of which this model makes several tokens a letter, and a long conversation."""
    spent: list[Spent] = []
    model = load_chat_model(settings.llm, spent.append)
    assert model
    best = passages(6, "收货后三十天内可以退货，商品须未使用并保留原包装。" * 40)
    said = "Ich habe eine sehr lange Frage zu meiner Bestellung und möchte alles genau erklären. " * 10
    history = [Turn((Author.CUSTOMER, Author.BOT)[n % 2], said) for n in range(30)]
    question = Question("acme", "多久可以退货？", history=history)
    setting = Setting("", 1, DAY)
    prompt = await fit_prompt(question, found(best), {}, setting, model)
    async for _ in model.stream(prompt.messages):
        break
    assert prompt.new
    await model.close()


def shared(one: list[int], other: list[int], block: int = BLOCK) -> int:
    """How many whole blocks two prompts have in common at their beginning."""
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return same // block


def layout(text: str, new: Sequence[Passage], history: Sequence[Turn] = ()) -> list[dict[str, str]]:
    known = {each.id: each for each in PASSAGES}
    question = Question("acme", text, history=history, language="en")
    prompt = build_prompt(question, exchanges(history, known), select_passages(new), Setting("Warm.", 1, DAY))
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


PASSAGES = passages(6, "Orders of 60 euros or more are delivered free of charge, smaller ones for 4.90 euros. " * 5)
FIRST = layout("How much is delivery?", PASSAGES[:4])
SAID = [
    Turn(Author.CUSTOMER, "How much is delivery?"),
    Turn(Author.BOT, "It costs 4.90 euros [1].", [Citation(1, "d0", "d0#0", "", "")], [f"d{n}#0" for n in range(4)]),
]
SECOND = layout("And above 60 euros?", PASSAGES[4:], SAID)
QUESTION = 60
"""Tokens at most of the date, the language and the question, which come last."""


async def test_the_next_turn_shares_all_blocks_up_to_the_question(vllm: Served) -> None:
    first, second = vllm.tokens(FIRST), vllm.tokens(SECOND)
    assert shared(first, second) >= (len(first) - QUESTION) // BLOCK


async def test_conversations_of_one_company_share_the_blocks_of_rules_and_voice(vllm: Served) -> None:
    one, other = vllm.tokens(FIRST), vllm.tokens(layout("Where are you?", PASSAGES[4:]))
    assert shared(one, other) >= len(vllm.tokens(FIRST[:1])) // BLOCK - 1


async def test_the_same_passages_in_another_order_of_rank_share_their_blocks(vllm: Served) -> None:
    one, other = vllm.tokens(FIRST), vllm.tokens(layout("Is delivery free?", PASSAGES[3::-1]))
    assert shared(one, other) >= (len(one) - QUESTION) // BLOCK


async def test_the_cache_serves_what_the_layout_shares(settings: Settings, vllm: Served) -> None:
    spent: list[Spent] = []
    model = load_chat_model(settings.llm, spent.append)
    assert model
    for messages in (FIRST, SECOND):
        with suppress(RequestRejected):  # for its length, say
            async for _ in model.stream([ChatMessage(**each) for each in messages], salt="layout"):
                pass
    await model.close()
    block = vllm.block
    assert spent[1].cached_tokens == shared(vllm.tokens(FIRST), vllm.tokens(SECOND), block) * block
