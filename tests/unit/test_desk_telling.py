"""What a page of the desk is told of the queue."""

from typing import Any

from connectors.web.desk.telling import Listed, Told


def case(number: int, owner: str = "waiting", person: str = "", **more: Any) -> Listed:
    told = {"case": f"h{number}", "owner": owner, "person": person, "snoozed_until": None, "unread": 0}
    return Listed.of(told | more)


def page(most: int = 2, cursor: str = "") -> Told:
    return Told(cursor, "mia", most, lambda: 100.0)


def ids(news: dict[str, Any] | None) -> list[str]:
    assert news is not None
    return [each["case"] for each in news["cases"]]


def test_at_first_the_first_of_each_section_are_told_and_how_many_more_there_are() -> None:
    waiting = [case(number) for number in range(5)]
    others = [case(number, "human", "jo") for number in range(10, 13)]
    news = page().news([*waiting, *others, case(20, snoozed_until=200.0)])
    assert ids(news) == ["h0", "h1", "h10", "h11", "h20"]
    assert (news or {})["more"] == {"waiting": 3, "others": 1, "snoozed": 0}


def test_all_of_ones_own_are_told() -> None:
    mine = [case(number, "human", "mia") for number in range(5)]
    assert len(ids(page().news(mine))) == 5


def test_then_only_what_changed_is_told() -> None:
    told = page()
    told.news([case(1), case(2)])
    news = told.news([case(1), case(2, unread=1)])
    assert ids(news) == ["h2"]
    assert (news or {})["whole"] is False


def test_what_is_gone_is_named_and_the_next_comes_into_view() -> None:
    told = page()
    told.news([case(1), case(2), case(3)])
    assert told.news([case(2), case(3)]) == {
        "whole": False,
        "cases": [case(3).case],
        "gone": ["h1"],
        "more": {"waiting": 0, "others": 0, "snoozed": 0},
    }


def test_a_change_out_of_view_is_a_number() -> None:
    told = page(most=1)
    told.news([case(1), case(2)])
    news = told.news([case(1), case(2), case(3)])
    assert ids(news) == []
    assert (news or {})["more"]["waiting"] == 2


def test_nothing_is_told_when_nothing_changed() -> None:
    told = page()
    told.news([case(1)])
    assert told.news([case(1)]) is None


def test_whoever_comes_back_is_told_the_whole_only_if_something_changed_meanwhile() -> None:
    before = page()
    before.news([case(1)])
    assert page(cursor=before.cursor).news([case(1)]) is None
    news = page(cursor=before.cursor).news([case(1), case(2)])
    assert (news or {})["whole"] is True
    assert ids(news) == ["h1", "h2"]


def test_a_snoozed_case_is_in_its_section_until_its_time_has_come() -> None:
    news = page(most=1).news([case(1), case(2, snoozed_until=99.0), case(3, snoozed_until=101.0)])
    assert (news or {})["more"] == {"waiting": 1, "others": 0, "snoozed": 0}
