"""A conversation in three lines."""

from bot.conversation import Message, Opening, Status
from bot.domain import Author, Citation, Outcome, Reason
from bot.handoffs.summary import LONGEST_LINE, open_question, summarized
from bot.ports import Kind

SOURCE = Citation(1, "d", "d#0", "Returns", "page 1")


def customer(seq: int, text: str, kind: Kind = Kind.MESSAGE, ref: str = "") -> Message:
    return Message("c", seq, Author.CUSTOMER, text, kind=kind, ref=ref, order=seq, status=Status.RECEIVED)


def bot(seq: int, text: str, outcome: Outcome = Outcome.ANSWERED) -> Message:
    cited = (SOURCE,) if outcome is Outcome.ANSWERED else ()
    return Message("c", seq, Author.BOT, text, status=Status.SENT, outcome=outcome, citations=cited)


def test_the_problem_what_was_tried_and_what_is_missing() -> None:
    messages = [
        customer(1, "How long can I return it?"),
        bot(2, "Within 30 days [1]."),
        customer(3, "unhelpful", Kind.FEEDBACK),
        customer(4, "and without the box"),
        bot(5, "Did you mean", Outcome.CLARIFY),
        customer(6, "The box is gone, can I still return it?"),
    ]
    assert summarized(messages, Opening(Reason.REPEATED)) == (
        "The box is gone, can I still return it?",
        "The assistant: answered, last from “Returns”; asked back; called not helpful.",
        "The assistant didn't help twice in a row.",
    )


def test_a_wish_for_a_person_is_not_the_problem() -> None:
    messages = [customer(1, "My bike is broken"), bot(2, "Hm."), customer(3, "Hello"), customer(4, "human please")]
    assert open_question(messages) == "My bike is broken"


def test_a_burst_is_one_question_with_its_edits() -> None:
    messages = [
        customer(1, "My bke", ref="a"),
        customer(2, "is broken", ref="b"),
        customer(3, "My bike", Kind.EDIT, "a"),
        customer(4, "forget it", ref="c"),
        customer(5, "", Kind.DELETE, "c"),
    ]
    assert open_question(messages) == "My bike\nis broken"


def test_who_said_hello_only_is_quoted_all_the_same() -> None:
    assert summarized([customer(1, "Hello")], Opening()) == ("Hello",)


def test_nothing_comes_of_nothing() -> None:
    assert open_question([]) == ""
    assert summarized([], Opening(Reason.FILE)) == ("The customer sent a file, which only a person can look at.",)


def test_no_line_is_long() -> None:
    assert max(map(len, summarized([customer(1, "long " * 1000)], Opening(Reason.UNSURE)))) <= LONGEST_LINE
