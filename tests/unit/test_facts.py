import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.verification.facts import Kind, facts_of, spells

SAME = [
    ("1,000", "1.000", "1 000", "1'000", "1000", "1\u202f000", "１０００", "1,000.00"),
    ("€5", "5 EUR", "5 euros", "5 €", "EUR 5", "5.00 €", "5 Euro", "5 欧元", "five euros"),
    ("3 %", "3%", "3 percent", "3 Prozent", "3 процента", "百分之3", "3.0 %"),
    ("0.5 GB", "0,5 GB", "0.50GB", "½ GB"),
    ("6.5 kg", "6½ kg", "6,5 kg"),
    ("5 million", "5 Millionen", "5,000,000", "500万", "5 млн"),
    ("30 days", "30-day", "30 Tage", "30 jours", "30 días", "30 дней", "30天"),
    ("two months", "2 Monate", "dos meses", "两个月", "2 месяца"),
    (
        "5 business days",
        "5 working days",
        "5 Werktage",
        "5 jours ouvrés",
        "5 días hábiles",
        "5个工作日",
        "5 рабочих дней",
    ),
    (
        "2026-03-01",
        "1 March 2026",
        "March 1st, 2026",
        "1. März 2026",
        "1 de marzo de 2026",
        "1er mars 2026",
        "1 марта 2026 г.",
        "2026年3月1日",
        "01.03.2026",
        "2026/3/1",
        "２０２６年３月１日",
    ),
    ("24.12.", "24 December", "12月24日", "24. Dezember"),
    ("9:00", "9 am", "9 a.m.", "9 Uhr", "9.00 Uhr", "上午9点", "09:00"),
    ("18:30", "6:30 pm", "18.30 Uhr", "下午6点半", "18h30"),
    ("https://www.example.com/returns/", "example.com/returns", "http://Example.com/returns."),
    ("Help@Example.com", "help@example.com"),
    ("+49 30 123 4567", "+49-30-1234567", "+49 (30) 123-4567"),
]
DIFFERENT = [
    ("5 €", "5 $"),
    ("30 days", "30 hours"),
    ("3 days", "3 business days"),
    ("1.5", "15"),
    ("9 am", "9 pm"),
    ("-5 °C", "5 °C"),
    ("1 March", "2 March"),
    ("March 2025", "March 2026"),
    ("example.com/a", "example.com/b"),
    ("a@example.com", "b@example.com"),
    ("5 million", "5 billion"),
    ("10 MB", "10 GB"),
]


def only(text: str):
    facts = facts_of(text)
    assert len(facts) == 1, facts
    return facts[0]


@pytest.mark.parametrize(("one", "other"), [(forms[0], each) for forms in SAME for each in forms[1:]])
def test_a_fact_is_the_same_however_it_is_written(one, other):
    first, second = only(one), only(other)
    assert (first.kind, first.unit) == (second.kind, second.unit)
    assert first.values & second.values


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_facts_differ(one, other):
    assert (only(one).values, only(one).unit) != (only(other).values, only(other).unit)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AB-1234", Kind.CODE),
        ("X100", Kind.CODE),
        ("v2.1.3", Kind.CODE),
        ("10.0.0.1", Kind.CODE),
        ("0800 123 456", Kind.PHONE),
        ("(030) 123-4567", Kind.PHONE),
        ("https://example.com", Kind.LINK),
        ("1 234 567", Kind.NUMBER),
    ],
)
def test_each_fact_has_its_kind(text, kind):
    assert only(text).kind is kind


@pytest.mark.parametrize(
    "text", ["free", "kostenlos", "gratis", "gratuite", "бесплатно", "免费", "0 €", "no extra costs"]
)
def test_what_is_free_has_a_price_of_nothing(text):
    assert only(text).values == {0}


@pytest.mark.parametrize(
    "text",
    [
        "Monday to Friday",
        "Mon-Fri",
        "montags bis freitags",
        "Mo. - Fr.",
        "de lunes a viernes",
        "du lundi au vendredi",
        "с понедельника по пятницу",
        "周一至周五",
        "on weekdays",
    ],
)
def test_a_span_of_weekdays_holds_each(text):
    assert sorted(value for fact in facts_of(text) if fact.kind is Kind.WEEKDAY for value in fact.values) == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_weekdays_in_a_row_are_no_span():
    assert [fact.values for fact in facts_of("Monday, Friday")] == [{1}, {5}]


@pytest.mark.parametrize("text", ["So do we.", "Open daily.", "Mon plan est prêt.".lower()])
def test_what_only_may_be_a_weekday_is_no_claim(text):
    assert facts_of(text.lower(), claimed=True) == []


def test_a_span_of_years_is_no_phone_number():
    assert [fact.kind for fact in facts_of("2020-2024")] == [Kind.NUMBER, Kind.NUMBER]


def test_a_slashed_date_may_be_one_of_two_days():
    assert only("1/3/2026").values == {(2026, 1, 3), (2026, 3, 1)}


@pytest.mark.parametrize(
    "text", ["No one knows.", "Ein Paket kommt.", "2. Open the lid.", "一件商品", "1) Wählen Sie es aus."]
)
def test_what_only_may_be_a_number_is_no_claim(text):
    assert facts_of(text, claimed=True) == []


def test_a_date_at_the_start_of_a_sentence_is_a_claim():
    assert facts_of("5. Mai 2026 ist der Stichtag.", claimed=True)[0].values == {(2026, 5, 5)}


def test_the_verb_may_is_no_month():
    assert [fact.kind for fact in facts_of("You may 5 times")] == [Kind.NUMBER]


@pytest.mark.parametrize("text", ["the AB-1234.", "ab 1234", "AB1234"])
def test_a_code_is_found_however_its_parts_are_joined(text):
    assert spells("AB-1234", text)


@pytest.mark.parametrize("text", ["AB-12345", "XAB-1234", "AB 1 234x"])
def test_a_part_of_a_longer_code_is_another_code(text):
    assert not spells("AB-1234", text)


@given(
    st.text(st.sampled_from("0129.,' -+:/½()€%aAb中二十年月日点时h@\u00a0\u0660"), max_size=30) | st.text(max_size=30)
)
def test_any_text_can_be_read(text):
    facts_of(text)
    facts_of(text, claimed=True)


@given(st.text(st.sampled_from("0129.,' -+:/½()€%aAb中二十年月日点时h"), max_size=30))
def test_a_text_states_all_that_it_claims(text):
    stated = facts_of(f"x {text}")
    assert all(any(claim.values == fact.values for fact in stated) for claim in facts_of(f"x {text}", claimed=True))


@pytest.mark.parametrize(
    "text", ["1" * 50_000, "1 " * 20_000, "1.1" * 20_000, "a." * 20_000, "a@" * 20_000, "+" * 50_000, "1-" * 20_000]
)
def test_hostile_texts_are_read_in_reasonable_time(text):
    facts_of(text)
