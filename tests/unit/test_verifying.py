import pytest

from bot.verification.verifying import Flaw, verify
from retrieval.passages import Location, Passage


def passage(text: str, language: str = "en", **fields) -> Passage:
    return Passage("doc#0", "doc", 0, fields.pop("title", ""), text, language=language, **fields)


RETURNS = passage(
    "You can return unused items within 30 days of delivery. Opened hygiene products cannot be returned. "
    "Return shipping costs €4.95. Write to returns@example.com or see https://example.com/returns. "
    "Form RX-12 is needed.",
    title="Returns",
)
HOURS = passage(
    "Wir haben montags bis freitags von 9 bis 17 Uhr geöffnet. Am 24. Dezember 2026 bleibt der Laden geschlossen.", "de"
)
CHINESE = passage("商品签收后30天内可以免费退货。已拆封的卫生用品不可以退货。退款将在5个工作日内到账。", "zh")


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("You can return unused items within 30 days.", RETURNS),
        ("Unused items can be returned within thirty days.", RETURNS),
        ("Return shipping costs 4.95 EUR.", RETURNS),
        ("Opened hygiene products can't be returned.", RETURNS),
        ("No, opened hygiene products cannot be returned.", RETURNS),
        ("Write to Returns@example.com.", RETURNS),
        ("See example.com/returns and use form RX12.", RETURNS),
        ("Am 24. Dezember bleibt der Laden geschlossen.", HOURS),
        ("Wir haben montags bis freitags von 9:00 bis 17:00 Uhr geöffnet.", HOURS),
        ("The shop is open from 9 am to 5 pm.", HOURS),
        ("24 декабря 2026 года магазин закрыт.", HOURS),
        ("签收后30天内可以退货。", CHINESE),
        ("已拆封的卫生用品不能退货。", CHINESE),
        ("Refunds arrive within 5 working days.", CHINESE),
    ],
)
def test_what_the_passage_says_is_supported(sentence, cited):
    assert verify(sentence, [cited]).supported


@pytest.mark.parametrize(
    "sentence",
    [
        "Return items within 60 days.",
        "Return items within 30 hours.",
        "Return shipping costs $4.95.",
        "Return shipping costs €4.59.",
        "Write to refunds@example.com.",
        "See https://example.com/refunds.",
        "See https://evil.example/returns.",
        "Use form RX-13.",
        "Return items until 1 March.",
        "Call 030 1234567 to return items.",
        "Return items by 5 pm.",
        "5 % of items are returned.",
    ],
)
def test_a_fact_that_no_cited_passage_states_is_a_flaw(sentence):
    assert verify(sentence, [RETURNS]).flaw is Flaw.FACT


@pytest.mark.parametrize(
    "sentence", ["退款将在7个工作日内到账。", "退款将在5小时内到账。", "Refunds arrive within 7 days."]
)
def test_facts_are_checked_across_languages(sentence):
    assert verify(sentence, [CHINESE]).flaw is Flaw.FACT


def test_the_detail_names_the_fact():
    assert verify("Return items within 60 days.", [RETURNS]).detail == "60"


def test_a_fact_may_stand_in_any_of_the_cited_passages():
    assert verify(
        "Items return within 30 days and cost 7 euros.", [RETURNS, passage("Express costs 7 euros.")]
    ).supported


def test_a_fact_may_stand_in_the_heading():
    assert verify(
        "Parcels arrive by 24 December.", [passage("Parcels arrive.", location=Location("24 December 2026"))]
    ).supported


def test_the_source_of_a_passage_may_be_linked():
    assert verify(
        "See https://example.com/source for items.", [passage("See the items.", url="https://example.com/source")]
    ).supported


def test_a_sentence_that_cites_nothing_is_a_flaw():
    assert verify("You can return unused items.", []).flaw is Flaw.UNCITED


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("Customers receive a lifetime warranty against scratches.", RETURNS),
        ("Kunden erhalten lebenslange Garantie auf Kratzer.", HOURS),
        ("客户享受终身保修服务。", CHINESE),
    ],
)
def test_other_words_than_the_passage_uses_are_a_flaw(sentence, cited):
    assert verify(sentence, [cited]).flaw in (Flaw.SUPPORT, Flaw.RELATION)


def test_a_passage_in_another_language_beside_it_excuses_no_invented_words():
    assert verify("Customers receive a lifetime warranty against scratches.", [RETURNS, CHINESE]).flaw is Flaw.SUPPORT


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("Opened hygiene products can be returned.", RETURNS),
        ("You can't return unused items within 30 days.", RETURNS),
        ("Am 24. Dezember bleibt der Laden nicht geschlossen.", HOURS),
        ("已拆封的卫生用品可以退货。", CHINESE),
    ],
)
def test_a_negation_that_came_or_went_is_a_flaw(sentence, cited):
    assert verify(sentence, [cited]).flaw is Flaw.NEGATION


def test_no_later_than_is_no_negation():
    assert verify("Return unused items no later than 30 days of delivery.", [RETURNS]).supported
