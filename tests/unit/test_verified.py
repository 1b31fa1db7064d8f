"""What is shown of what a model wrote: only what was verified, citing only what it stands on."""

import pytest

from bot.answers.premises import false_premise
from bot.answers.speaking import languages_wanted
from bot.answers.verified import Verified
from bot.domain import Question
from bot.verification.likening import Likening
from bot.verification.verifying import Flaw, Wanted, verify, without_verdict
from retrieval.passages import Passage


def passage(number: int, text: str, language: str = "en", **more) -> Passage:
    return Passage(f"doc{number}#0", f"doc{number}", 0, more.pop("title", ""), text, language=language, **more)


RETURNS = passage(1, "You can return unused items within 30 days of delivery.", title="Returns policy")
SHIPPING = passage(2, "Shipping costs 4.95 euros. Parcels take two days.")
REFUNDS = passage(3, "Refunds arrive within 10 days. Please don't use a pressure washer on the bike.")
ALL = [RETURNS, SHIPPING, REFUNDS, passage(4, "The shop is closed on Sundays.")]


async def shown(text: str, question: str = "", languages: frozenset[str] = frozenset(), embedder=None) -> Verified:
    verified = Verified(ALL, Wanted(question, languages), embedder)
    await verified.feed(text)
    await verified.finish()
    return verified


async def test_only_the_passage_that_a_sentence_stands_on_is_cited():
    verified = await shown("Shipping costs 4.95 euros [1][2][3].")
    assert verified.text == "Shipping costs 4.95 euros [1]."
    assert [each.document for each in verified.conclude(Question("acme", "?"), 0.9).citations] == ["doc2"]


async def test_two_passages_stay_cited_where_it_takes_both():
    verified = await shown("Shipping costs 4.95 euros and refunds arrive within 10 days [2][3].")
    assert verified.text == "Shipping costs 4.95 euros and refunds arrive within 10 days [1][2]."


async def test_a_sentence_that_cites_everything_cites_nothing():
    assert (await shown("Shipping costs 4.95 euros [1][2][3][4].")).text == ""


async def test_a_yes_to_what_the_passages_do_not_affirm_is_taken_off():
    verified = await shown("Yes, unused items can be returned within 30 days [1].", "Do you sell gift cards?")
    assert verified.text == "Unused items can be returned within 30 days [1]."


async def test_a_yes_to_what_the_sentence_is_about_stays():
    verified = await shown("Yes, unused items can be returned within 30 days [1].", "Can unused items be returned?")
    assert verified.text.startswith("Yes, ")


async def test_what_was_withheld_is_known_with_its_reason():
    verified = await shown("Shipping costs 5 euros [2].")
    (withheld,) = verified.withheld
    assert (withheld.sentence, withheld.verdict.flaw, withheld.verdict.detail) == (
        "Shipping costs 5 euros.",
        Flaw.FACT,
        "5",
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "How long can I return items? [1]",
        "Can I return my unused items please [1].",
        "Yes [1].",
        "(Returns policy) [1]",
        "Returns policy [1].",
        "不可以。[1]",
    ],
)
async def test_what_says_nothing_is_withheld(sentence):
    verified = await shown(sentence, "can i return my unused items please")
    assert verified.text == ""
    assert verified.withheld[0].verdict.flaw is Flaw.EMPTY


async def test_another_language_than_the_question_is_withheld():
    verified = await shown("Der Versand kostet 4,95 Euro und dauert zwei Tage [2].", "How long?", frozenset({"en"}))
    assert verified.withheld[0].verdict.flaw is Flaw.LANGUAGE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("What does shipping cost?", {"en"}),
        ("What does shipping cost? Answer in German please", {"en", "de"}),
        ("Was kostet der Versand? Bitte auf Englisch", {"en", "de"}),
        ("Сколько стоит доставка? Ответьте по-английски", {"ru", "en"}),
    ],
)
def test_the_language_of_the_question_is_wanted_and_any_that_it_names(text, wanted):
    language = "de" if text.startswith("Was") else "ru" if text.startswith("С") else "en"
    assert languages_wanted(Question("acme", text, language=language)) == wanted


def test_across_languages_the_meaning_is_compared(embedder):
    likening = Likening(embedder)
    assert verify("Rückerstattungen kommen innerhalb von 10 Tagen an.", [REFUNDS], likening=likening).supported
    off_topic = "Unsere Fahrräder werden in Portugal von Hand gebaut."
    assert verify(off_topic, [REFUNDS], likening=likening).flaw is Flaw.SUPPORT


def test_across_languages_a_negation_that_went_is_a_flaw(embedder):
    said = "Benutzen Sie bitte einen Hochdruckreiniger für das Fahrrad."
    assert verify(said, [REFUNDS], likening=Likening(embedder)).flaw is Flaw.NEGATION


async def test_a_false_premise_is_corrected_before_the_answer():
    warranty = passage(5, "The warranty is 2 years. The battery is covered by the warranty.")
    question = "Since the warranty is 10 years, is the battery covered?"
    verified = Verified([warranty], Wanted(question))
    await verified.feed("The battery is covered by the warranty [1].")
    await verified.finish()
    correction = false_premise(question, [warranty])
    assert correction is not None
    verified.correct(correction, "According to our documents:")
    assert verified.text == (
        "According to our documents: The warranty is 2 years. [1]\n\nThe battery is covered by the warranty [1]."
    )


def test_a_leading_yes_is_kept_where_the_rest_answers():
    assert without_verdict("No, bikes can't be returned.", "Can bikes be returned?").startswith("No, ")
    assert without_verdict("Да, доставка стоит 5 евро.", "Продаёте ли вы шлемы?") == "Доставка стоит 5 евро."
