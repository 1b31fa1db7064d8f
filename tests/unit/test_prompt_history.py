from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.history import LONGEST_TOPIC, MOST_TOPICS, exchanges, left_out, summary
from bot.answers.prompt import Setting, fit_prompt
from bot.domain import Author, Question, Turn
from llm.tokens import estimate_tokens
from retrieval.passages import Found, Passage, Scored
from tests.unit.test_prompt import DAY, passage

CUSTOMER, BOT, PERSON = Author.CUSTOMER, Author.BOT, Author.PERSON


def authors(*history: Author) -> list[list[Author]]:
    return [[turn.author for turn in each.turns] for each in exchanges([Turn(author, "x") for author in history], {})]


def test_an_exchange_ends_before_the_customers_next_word():
    assert authors(CUSTOMER, BOT, CUSTOMER, BOT) == [[CUSTOMER, BOT], [CUSTOMER, BOT]]


def test_several_messages_and_answers_are_one_exchange():
    assert authors(CUSTOMER, CUSTOMER, BOT, PERSON, CUSTOMER) == [[CUSTOMER, CUSTOMER, BOT, PERSON], [CUSTOMER]]


def test_a_history_may_begin_with_an_answer():
    assert authors(BOT, CUSTOMER, BOT) == [[BOT], [CUSTOMER, BOT]]


def test_nothing_is_left_out_while_there_is_room():
    assert left_out([10, 10, 10], 30) == 0


def test_when_the_room_is_full_half_of_it_is_freed():
    assert left_out([10] * 4, 30) == 3


def test_what_is_left_out_stays_the_same_for_several_turns():
    assert [left_out([10] * count, 100) for count in range(9, 18)] == [0, 0, 6, 6, 6, 6, 6, 6, 12]


@given(st.lists(st.integers(1, 50)), st.integers(10, 200))
def test_what_is_kept_fits(sizes: list[int], room: int):
    assert sum(sizes[left_out(sizes, room) :]) <= room


@given(st.lists(st.integers(1, 50)), st.integers(10, 200))
def test_what_was_left_out_never_comes_back(sizes: list[int], room: int):
    begins = [left_out(sizes[:count], room) for count in range(len(sizes) + 1)]
    assert begins == sorted(begins)


def test_a_summary_says_what_the_customer_asked():
    said = summary(exchanges([Turn(CUSTOMER, "How much\nis it?"), Turn(BOT, "Five euros.")], {}))
    assert said == "The customer asked before:\n- How much is it?"


def test_a_summary_is_short():
    said = summary(exchanges([Turn(CUSTOMER, "x" * 1000)] * 50, {}))
    assert len(said) < (MOST_TOPICS + 1) * (LONGEST_TOPIC + 10)


def test_nothing_left_out_needs_no_summary():
    assert summary([]) == ""


class Counting:
    """A model of so many tokens, each of them a word."""

    def __init__(self, context: int) -> None:
        self._context = context
        self.asked = 0

    async def context(self) -> int:
        return self._context

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.asked += 1
        return [len(text.split()) for text in texts]


def found(*best: Passage) -> Found:
    return Found("q", [Scored(each, 1.0, 0.9, 0.5) for each in best], 0.9)


def conversation(turns: int, words: int = 100) -> list[Turn]:
    return [Turn((CUSTOMER, BOT)[n % 2], f"turn {n}; " + "word " * words) for n in range(turns)]


async def fitted(context: int, history: Sequence[Turn], *best: Passage, known: Sequence[Passage] = ()):
    model = Counting(context)
    question = Question("acme", "When?", history=history)
    given = {each.id: each for each in known}
    return await fit_prompt(question, found(*best), given, Setting("", 1, DAY), model), model


async def test_what_fits_by_estimate_is_not_counted():
    prompt, model = await fitted(100_000, conversation(20), passage("a"))
    assert "turn 0;" in prompt.messages[1].content
    assert model.asked == 0


@pytest.mark.parametrize("turns", [10, 30, 60])
async def test_a_long_conversation_is_cut_to_fit(turns: int):
    prompt, _ = await fitted(3000, conversation(turns), passage("a"))
    assert sum(len(message.content.split()) for message in prompt.messages) <= 3000


async def test_what_was_cut_is_summed_up():
    prompt, _ = await fitted(3000, conversation(60), passage("a"))
    assert "The customer asked before:" in prompt.messages[1].content
    assert f"turn {59};" in prompt.messages[1].content


async def test_a_cut_conversation_begins_the_same_in_the_next_turn():
    beginnings = set()
    for turns in (40, 42, 44, 46, 48, 50):
        prompt, _ = await fitted(3000, conversation(turns), passage("a"))
        beginnings.add(prompt.messages[1].content[:2000])
    assert len(beginnings) <= 2


async def test_passages_are_given_as_many_as_fit():
    best = [passage(name, text="word " * 800) for name in "abcdef"]
    prompt, _ = await fitted(3000, (), *best)
    assert 0 < len(prompt.new) < 6
    assert sum(len(message.content.split()) for message in prompt.messages) <= 3000


async def test_an_exchange_with_long_passages_does_not_push_all_others_out():
    long = passage("long", text="word " * 1500)
    history = [*conversation(6, words=20), Turn(CUSTOMER, "turn x;"), Turn(BOT, "Yes.", (), ["long#0"])]
    prompt, _ = await fitted(3000, history, passage("a"), known=[long])
    assert "turn 0;" in prompt.messages[1].content
    assert [each.id for each in prompt.passages] == ["a#0"]


def test_an_estimate_counts_letters_by_their_bytes():
    assert estimate_tokens("abcdef") == 3
    assert estimate_tokens("多久可以退货") == 7
