"""Measuring on a folder of questions."""

import asyncio
import json
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from bot.evaluation import Evaluation, QuestionResult, Selection, evaluate, write_report
from bot.settings import Settings
from llm.errors import AnswerdeskError, UsageError
from tests.knowledge import record, write_records

DOCUMENTS = [
    record("delivery", "Parcels cost 4.90 euros.", title="How much does delivery cost?", lang="en"),
    record("returns", "Yes, within 30 days of delivery.", title="May I return an item?", lang="en"),
    record("battery", "About five and a half hours.", title="How long does a battery take to charge?", lang="en"),
    record("hours", "Von 9 bis 19 Uhr.", title="Wann haben Sie geöffnet?", lang="de"),
]
QUESTIONS: list[dict[str, Any]] = [
    {"id": "q1", "question": "how much is delivery", "lang": "en", "relevant": {"delivery": 1}},
    {"id": "q2", "question": "can I send it back", "lang": "en", "relevant": ["returns"]},
    {"id": "q3", "question": "Wie lange haben Sie offen?", "lang": "de", "relevant": {"hours": 2}},
    {"id": "q4", "question": "Who won the chess championship?", "lang": "en", "relevant": {}},
    {"id": "q5", "question": "Do you ship to the moon?", "lang": "en", "relevant": {"not-loaded": 1}},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four documents and five questions, two of which have no answer."""
    write_records(tmp_path / "corpus.jsonl", *DOCUMENTS)
    write_records(tmp_path / "queries.jsonl", *QUESTIONS)
    return tmp_path


def by_id(evaluation: Evaluation) -> dict[str, QuestionResult]:
    return {result.id: result for result in evaluation.results}


class TestRetrieval:
    async def test_ranks_the_documents_of_each_question(self, settings: Settings, folder: Path) -> None:
        results = by_id(await evaluate(settings, folder))
        assert [results[name].ranking[0] for name in ("q1", "q2", "q3")] == ["delivery", "returns", "hours"]
        assert sorted(results["q1"].ranking) == sorted(each["id"] for each in DOCUMENTS)

    async def test_has_falling_scores(self, settings: Settings, folder: Path) -> None:
        for result in (await evaluate(settings, folder)).results:
            assert list(result.scores) == sorted(result.scores, reverse=True)
            assert len(result.scores) == len(result.ranking)

    async def test_is_measured_on_questions_with_an_answer(self, settings: Settings, folder: Path) -> None:
        evaluation = await evaluate(settings, folder)
        assert evaluation.retrieval["all"]["hit@1"].count == 3
        assert evaluation.retrieval["all"]["hit@1"].value == 1.0
        assert (evaluation.questions, evaluation.documents, evaluation.answers) == (5, 4, None)

    async def test_is_measured_for_each_language(self, settings: Settings, folder: Path) -> None:
        evaluation = await evaluate(settings, folder)
        assert {group: measures["MAP"].count for group, measures in evaluation.retrieval.items()} == {
            "all": 3,
            "de": 1,
            "en": 2,
        }

    async def test_may_be_limited(self, settings: Settings, folder: Path) -> None:
        assert list(by_id(await evaluate(settings, folder, chosen=Selection(limit=2)))) == ["q1", "q2"]

    async def test_counts_a_document_once_however_many_of_its_passages_are_found(
        self, settings: Settings, folder: Path
    ) -> None:
        long = " ".join(f"Delivery number {number} goes by bicycle." for number in range(200))
        write_records(folder / "corpus.jsonl", *DOCUMENTS, record("long", long))
        ranking = by_id(await evaluate(settings, folder))["q1"].ranking
        assert len(ranking) == len(set(ranking)) == 5

    async def test_leaves_the_own_documents_alone(self, settings: Settings, folder: Path) -> None:
        await evaluate(settings, folder)
        assert not (settings.data_dir / "answerdesk.db").exists()


class TestAnswers:
    async def test_are_measured(self, settings: Settings, folder: Path) -> None:
        measured = (await evaluate(settings, folder, answers=True)).answers
        assert measured is not None
        assert {name: measure.count for name, measure in measured.items() if "citation" not in name} == {
            "coverage": 3,
            "false answers": 2,
            "answer or hand over": 5,
            "passed": 0,
            "misled": 0,
        }
        assert measured["false answers"].value == 0

    async def test_are_told_with_their_sources(self, settings: Settings, folder: Path) -> None:
        results = by_id(await evaluate(settings, folder, answers=True))
        assert results["q4"].outcome == "handoff"
        for result in results.values():
            assert result.text
            assert bool(result.citations) == (result.outcome == "answered")

    async def test_are_not_made_unless_asked_for(self, settings: Settings, folder: Path) -> None:
        assert {result.outcome for result in (await evaluate(settings, folder)).results} == {None}

    async def test_pass_when_they_hold_a_gold_answer_and_cite_its_document(
        self, settings: Settings, folder: Path
    ) -> None:
        right, elsewhere = QUESTIONS[0] | {"gold_answer": ["4.90 euros"]}, QUESTIONS[1] | {"gold_answer": ["60 days"]}
        write_records(folder / "queries.jsonl", right, elsewhere)
        measured = (await evaluate(settings, folder, answers=True)).answers
        assert measured is not None
        assert (measured["passed"].value, measured["passed"].count) == (0.5, 2)

    async def test_are_measured_for_each_language(self, settings: Settings, folder: Path) -> None:
        by_language = (await evaluate(settings, folder, answers=True)).answers_by_language
        assert by_language is not None
        assert {language: named["coverage"].count for language, named in by_language.items()} == {"de": 1, "en": 2}

    async def test_are_not_expected_where_the_file_says_that_the_documents_do_not_answer(
        self, settings: Settings, folder: Path
    ) -> None:
        write_records(folder / "queries.jsonl", QUESTIONS[0] | {"answerable": False}, QUESTIONS[1])
        evaluation = await evaluate(settings, folder, answers=True)
        assert evaluation.answers is not None
        assert (evaluation.answers["false answers"].count, evaluation.retrieval["all"]["hit@1"].count) == (1, 2)


class TestConfidence:
    async def test_tells_what_is_answered_from_what_is_not(self, settings: Settings, folder: Path) -> None:
        measured = (await evaluate(settings, folder)).confidence["all"]["refusal AUROC"]
        assert (measured.count, measured.value) == (5, 1.0)


class TestComparing:
    async def test_with_the_same_run_shows_no_difference(self, settings: Settings, folder: Path) -> None:
        await evaluate(settings, folder, answers=True, out=folder / "earlier.jsonl")
        compared = (await evaluate(settings, folder, answers=True, earlier=folder / "earlier.jsonl")).comparison
        assert compared is not None
        found = {each.difference for each in compared["all"].values() if each.count}
        assert (found, compared["all"]["hit@1"].p, compared["all"]["coverage"].count) == ({0.0}, 1.0, 3)

    async def test_is_on_the_questions_that_both_runs_asked(self, settings: Settings, folder: Path) -> None:
        await evaluate(settings, folder, chosen=Selection(limit=2), out=folder / "earlier.jsonl")
        compared = (await evaluate(settings, folder, earlier=folder / "earlier.jsonl")).comparison
        assert compared is not None
        assert compared["all"]["MAP"].count == 2
        assert "coverage" not in compared["all"]

    async def test_needs_questions_in_common(self, settings: Settings, folder: Path) -> None:
        await evaluate(settings, folder, chosen=Selection(limit=1), out=folder / "earlier.jsonl")
        write_records(folder / "queries.jsonl", QUESTIONS[1])
        with pytest.raises(UsageError, match="none of these questions"):
            await evaluate(settings, folder, earlier=folder / "earlier.jsonl")

    async def test_needs_the_file_of_a_run(self, settings: Settings, folder: Path) -> None:
        with pytest.raises(UsageError, match="missing"):
            await evaluate(settings, folder, earlier=folder / "corpus.jsonl")


async def test_the_report_shows_measures_and_what_went_wrong(settings: Settings, folder: Path) -> None:
    wrong = QUESTIONS[1] | {"gold_answer": ["60 days"]}
    write_records(folder / "queries.jsonl", QUESTIONS[0], wrong)
    await evaluate(settings, folder, answers=True, out=folder / "earlier.jsonl")
    measured = await evaluate(settings, folder, answers=True, earlier=folder / "earlier.jsonl")
    write_report(folder / "report.html", measured, "My <questions>")
    page = lxml.html.fromstring((folder / "report.html").read_text(encoding="utf-8"))
    assert page.findtext(".//h1") == "My <questions>"
    assert page.xpath("//td[1]/text()") == ["can I send it back"]
    assert page.xpath("//td[2]/text()") == ["the reply lacks the answer or its source"]
    assert len(page.xpath("//svg")) == 3
    assert not page.xpath("//script | //link | //img | //@src")


class TestSubs:
    """Documents that carry a `sub` are those of a company of its own."""

    @pytest.mark.parametrize(
        "names", [("a", "b"), ("Web Apps!", "Ask Ubuntu 你好"), ("Same", "same"), ("x" * 60 + "1", "x" * 60 + "2")]
    )
    async def test_are_searched_apart(self, settings: Settings, tmp_path: Path, names: tuple[str, str]) -> None:
        documents = [{**each, "sub": sub} for sub in names for each in DOCUMENTS]
        documents[0] = {**documents[0], "id": "only here"}
        write_records(tmp_path / "corpus.jsonl", *documents)
        questions = ({**QUESTIONS[0], "id": sub, "sub": sub, "relevant": ["only here"]} for sub in names)
        write_records(tmp_path / "queries.jsonl", *questions)
        results = by_id(await evaluate(settings, tmp_path))
        assert [results[sub].ranking[0] for sub in names] == ["only here", "delivery"]

    async def test_make_what_stands_elsewhere_unanswerable(self, settings: Settings, tmp_path: Path) -> None:
        write_records(tmp_path / "corpus.jsonl", DOCUMENTS[0] | {"sub": "a"}, DOCUMENTS[1] | {"sub": "b"})
        write_records(tmp_path / "queries.jsonl", QUESTIONS[0] | {"sub": "a"}, QUESTIONS[0] | {"sub": "b", "id": "q0"})
        assert (await evaluate(settings, tmp_path)).retrieval["all"]["hit@1"].count == 1

    async def test_without_documents_find_nothing(self, settings: Settings, folder: Path) -> None:
        write_records(folder / "queries.jsonl", QUESTIONS[0] | {"sub": "unknown"})
        evaluation = await evaluate(settings, folder, answers=True)
        assert [(result.ranking, result.outcome) for result in evaluation.results] == [([], "handoff")]


class TestTheOutcomeFile:
    async def test_holds_a_line_for_each_question(self, settings: Settings, folder: Path) -> None:
        await evaluate(settings, folder, answers=True, out=folder / "out.jsonl")
        rows = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [row["id"] for row in rows] == [each["id"] for each in QUESTIONS]
        assert {tuple(row) for row in rows} == {
            ("id", "ranking", "scores", "confidence", "outcome", "text", "citations")
        }

    @pytest.mark.parametrize("place", ["missing/out.jsonl", "."])
    async def test_that_can_not_be_written_is_told_at_once(self, settings: Settings, folder: Path, place: str) -> None:
        told: list[str] = []
        with pytest.raises(UsageError, match="can't be written"):
            await evaluate(settings, folder, out=folder / place, progress=lambda step, *_: told.append(step))
        assert told == []


class TestAFolderOfTheWrongShape:
    @pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
    async def test_lacks_a_file(self, settings: Settings, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(UsageError, match=rf"(There is no .*|nothing to measure on.*){name}"):
            await evaluate(settings, folder)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"{", "line 2: not a JSON object"),
            (b"[1]", "line 2: not a JSON object"),
            (b'"id question text"', "line 2: not a JSON object"),
            (b"17", "line 2: not a JSON object"),
            (b'{"id": "\xff"}', "line 2: not a JSON object"),
            (b'{"id": "x"}', "line 2: .* missing"),
            (b"{}", "line 2: id and .* missing"),
        ],
    )
    @pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
    async def test_has_a_line_that_is_none(
        self, settings: Settings, folder: Path, name: str, line: bytes, said: str
    ) -> None:
        first = (folder / name).read_bytes().splitlines()[0]
        (folder / name).write_bytes(first + b"\n" + line + b"\n")
        with pytest.raises(UsageError, match=said):
            await evaluate(settings, folder)

    @pytest.mark.parametrize("relevant", [17, {"delivery": "high"}, [["delivery"]]])
    async def test_judges_in_an_odd_way(self, settings: Settings, folder: Path, relevant: object) -> None:
        write_records(folder / "queries.jsonl", QUESTIONS[0] | {"relevant": relevant})
        with pytest.raises(UsageError, match="Question q1: `relevant` must be"):
            await evaluate(settings, folder)

    async def test_holds_an_id_twice(self, settings: Settings, folder: Path) -> None:
        write_records(folder / "corpus.jsonl", DOCUMENTS[0], DOCUMENTS[0])
        with pytest.raises(AnswerdeskError, match=r"Document delivery could not be loaded: .* stands twice"):
            await evaluate(settings, folder)

    async def test_may_have_blank_lines_and_a_mark_at_its_start(self, settings: Settings, folder: Path) -> None:
        corpus = (folder / "corpus.jsonl").read_bytes()
        (folder / "corpus.jsonl").write_bytes(b"\xef\xbb\xbf" + corpus.replace(b"\n", b"\r\n\r\n"))
        assert (await evaluate(settings, folder)).documents == 4


async def test_other_files_may_be_named(settings: Settings, folder: Path, tmp_path: Path) -> None:
    corpus = write_records(tmp_path / "other.jsonl", DOCUMENTS[1])
    queries = write_records(tmp_path / "asked.jsonl", QUESTIONS[1])
    evaluation = await evaluate(settings, folder, corpus=corpus, queries=queries)
    assert [(result.id, result.ranking) for result in evaluation.results] == [("q2", ["returns"])]


async def test_progress_is_told(settings: Settings, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    await evaluate(settings, folder, progress=lambda *step: told.append(step))
    await asyncio.sleep(0)
    assert told[0] == ("Loading documents", 1, 1)
    assert told[-1] == ("Asking questions", 5, 5)
