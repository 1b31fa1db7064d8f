"""The human wins on the wire: after a claim, Telegram is asked for nothing more of the bot's in that chat."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

from bot.domain import Answer, Chat, Draft, Question
from bot.storage.conversations import find
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_faults import SERVER_ERROR, too_many
from tests.telegram_people import COMPANY, Customer, answer, serving

CLAIMS = 60
SEED = 7
MARK = "of the bot"


async def slowly(question: Question) -> AsyncIterator[Draft | Answer]:
    """Takes its time, in drafts."""
    chance = random.Random(question.text)  # noqa: S311 - chance, not secrets
    for part in range(chance.randrange(4)):
        await asyncio.sleep(chance.random() * 0.05)
        yield Draft(f"{MARK}: {part}")
    yield answer(question, f"The answer {MARK}. [1]")


async def test_after_a_claim_nothing_of_the_bots_is_sent(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311
    async with FakeTelegram() as telegram, serving(tmp_path, telegram, answerer=slowly) as service:
        faults = [chance.choice([None, None, None, SERVER_ERROR, too_many()]) for _ in range(CLAIMS)]
        telegram.fail("sendMessage", *faults)

        def of_the_bot(customer: Customer) -> int:
            sent = telegram.called("sendMessage")
            return sum(int(each["chat_id"]) == customer.id and MARK in each["text"] for each in sent)

        async def one(number: int) -> tuple[int, int]:
            customer = Customer(telegram, id=1000 + number)
            customer.says(f"question {number}")
            async with asyncio.timeout(20):
                chat = Chat(COMPANY, "telegram", str(customer.id))
                while not (found := await service.database.read(find, chat)):  # noqa: ASYNC110 - it changes in SQL
                    await asyncio.sleep(0.01)
            await asyncio.sleep(chance.random() * 0.3)
            await service.handoffs.claim(COMPANY, found.id, "mia")
            before = of_the_bot(customer)
            customer.says("and another one")
            await asyncio.sleep(0.5)
            return before, of_the_bot(customer) - before

        counted = await asyncio.gather(*map(one, range(CLAIMS)))
    assert sum(after for _, after in counted) == 0
    assert sum(before for before, _ in counted) > 0
