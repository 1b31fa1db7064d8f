"""Right words in a wrong relation."""

import pytest

from bot.verification.relations import twisted
from retrieval.passages import Passage


def passage(text: str, language: str = "en", question: str = "", title: str = "") -> Passage:
    return Passage("doc#0", "doc", 0, title, text, question, language=language)


DELIVERY = passage(
    "Within Germany, parts arrive in 2 to 3 working days and bikes in 5 to 8 working days. "
    "Parts cost €4.90 to send. A bike costs €49. Orders can be returned within 30 days. "
    "You may bring a helmet. Batteries last up to 700 cycles. We usually reply on the same day.",
    title="Delivery",
)
HISTORY = passage("The plan was first proved in 1962, and first sequenced in 1986.")
GERMAN = passage("Teile kosten 4,90 € und Fahrräder 49 €. Die Werkstatt ist montags geöffnet.", "de")
CHINESE = passage("我们接受信用卡和借记卡。配件运费4.90欧元，整车运费49欧元。", "zh")


@pytest.mark.parametrize(
    ("sentence", "cited", "language"),
    [
        ("Bikes arrive in 2 to 3 working days.", DELIVERY, "en"),
        ("A bike costs €4.90.", DELIVERY, "en"),
        ("The plan was first sequenced in 1962.", HISTORY, "en"),
        ("Fahrräder kosten 4,90 €.", GERMAN, "de"),
        ("整车运费4.90欧元。", CHINESE, "zh"),
    ],
)
def test_a_value_of_something_else_is_found(sentence, cited, language):
    assert twisted(sentence, [cited], language)


@pytest.mark.parametrize(
    "sentence",
    [
        "Orders can be returned after more than 30 days.",
        "Batteries last at least 700 cycles.",
        "Only parts arrive in 2 to 3 working days.",
        "All batteries last up to 700 cycles.",
        "You must bring a helmet.",
        "We reply on the same day.",
        "In Denmark, parts arrive in 2 to 3 working days.",
    ],
)
def test_what_is_stronger_or_more_than_the_passage_says_is_found(sentence):
    assert twisted(sentence, [DELIVERY], "en")


def test_the_opposite_is_found():
    assert twisted("Die Werkstatt ist montags geschlossen.", [GERMAN], "de")


def test_a_name_that_chinese_passages_lack_is_found():
    assert twisted("我们接受微博支付。", [CHINESE], "zh")


@pytest.mark.parametrize(
    ("sentence", "cited", "language"),
    [
        ("Parts arrive within 2 to 3 working days in Germany, and bikes in 5 to 8.", DELIVERY, "en"),
        ("In Germany, bikes arrive in 5 to 8 working days.", DELIVERY, "en"),
        ("It costs €49 to send a bike.", DELIVERY, "en"),
        ("You can bring a helmet.", DELIVERY, "en"),
        ("Batteries last at most 700 cycles.", DELIVERY, "en"),
        ("The plan was first sequenced in 1986.", HISTORY, "en"),
        ("Fahrräder kosten 49 €.", GERMAN, "de"),
        ("配件运费4.90欧元。", CHINESE, "zh"),
        ("可以使用信用卡。", CHINESE, "zh"),
    ],
)
def test_what_the_passage_says_in_other_words_is_left_alone(sentence, cited, language):
    assert not twisted(sentence, [cited], language)
