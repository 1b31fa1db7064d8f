import json
from pathlib import Path

import pytest

from bot.answers.following import _checked, earlier_questions, is_brief, leans, topic
from bot.domain import Author, Question, Turn

EXAMPLES = Path(__file__).parents[2] / "examples"
DIALOGUES = [json.loads(line) for line in (EXAMPLES / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "follow_up",
    [
        "and in France?",
        "What about the Pro?",
        "ok, and to Austria",
        "does it cost extra?",
        "how heavy is that one",
        "und nach Frankreich?",
        "gilt das auch für den Akku",
        "was kostet das Zubehör dafür?",
        "¿y a España?",
        "¿qué pasa con eso?",
        "et en Belgique ?",
        "combien coûte celui-ci ?",
        "а во Францию?",
        "сколько это стоит",
        "那法国呢？",
        "它多少钱",
    ],
)
def test_what_leans_on_an_earlier_question_is_told(follow_up: str) -> None:
    assert leans(follow_up)


@pytest.mark.parametrize(
    "question",
    [
        "How much is shipping to France?",
        "Android app",
        "Do you sell helmets?",
        "Was kostet der Versand?",
        "Wann ist die Werkstatt offen?",
        "¿Cuánto cuesta la entrega?",
        "Yacht rental prices",
        "Quels sont les délais de livraison ?",
        "Какие способы оплаты вы принимаете?",
        "Авторизация не работает",
        "支持哪些付款方式？",
        "and so I wrote to you three weeks ago that the parcel never came, and nobody has answered me since",
    ],
)
def test_what_can_be_understood_by_itself_is_told(question: str) -> None:
    assert not leans(question)


def customer(*texts: str) -> tuple[Turn, ...]:
    """A history in which each of these was answered."""
    return tuple(turn for text in texts for turn in (Turn(Author.CUSTOMER, text), Turn(Author.BOT, "So it is.")))


def test_a_follow_up_leans_on_the_question_before() -> None:
    earlier = earlier_questions(customer("Who are you?", "What does delivery cost?"))
    assert topic("and to Austria?", earlier) == "What does delivery cost?"


def test_a_follow_up_of_a_follow_up_leans_on_what_both_go_back_to() -> None:
    earlier = earlier_questions(customer("What does delivery cost?", "and to Austria?"))
    assert topic("and to Spain?", earlier) == "What does delivery cost?"


def test_a_question_of_its_own_leans_on_nothing() -> None:
    assert topic("Do you sell helmets?", earlier_questions(customer("What does delivery cost?"))) == ""


def test_without_an_earlier_question_nothing_is_leaned_on() -> None:
    assert topic("and to Austria?", earlier_questions((Turn(Author.BOT, "Hello."),))) == ""


def test_thanks_are_no_question_to_lean_on() -> None:
    earlier = earlier_questions(customer("What does delivery cost?", "thanks"))
    assert topic("and to Austria?", earlier) == "What does delivery cost?"


@pytest.mark.parametrize(
    ("text", "brief"), [("a " * 12, True), ("a " * 13, False), ("退" * 24, True), ("退" * 25, False)]
)
def test_a_long_message_can_be_understood_by_itself(text: str, brief: bool) -> None:
    assert is_brief(text) is brief


FRANCE = Question("acme", "and to France?", history=customer("What does shipping a 20 kg parcel cost?"))


def test_of_what_the_model_writes_the_first_line_counts() -> None:
    assert _checked('Question: "Shipping to France?"\nSure!', FRANCE) == "Shipping to France?"


@pytest.mark.parametrize("written", ["", "  \n", "x" * 400, "What does shipping 30 kg to France cost?"])
def test_what_the_model_must_not_write_is_dropped(written: str) -> None:
    assert _checked(written, FRANCE) is None


def test_numbers_of_the_conversation_may_be_named() -> None:
    assert _checked("What does shipping 20 kg to France cost?", FRANCE)


def test_the_dialogues_name_what_the_answer_holds() -> None:
    assert all(len(each["turns"]) > 1 and each["answer_contains"] for each in DIALOGUES)
