"""Questions that carry their own passages, documents in files, and choosing among documents."""

from pathlib import Path
from typing import Any

import pytest

from bot.evaluation import Evaluation, Selection, evaluate
from bot.settings import Settings
from llm.errors import UsageError
from tests.knowledge import record, write_records

RIGHT = [f"Parcels to Norway cost 9.90 euros, as {place} knows." for place in ("Oslo", "Bergen", "Tromso")]
NOISE = [f"Parcel number {number} was yellow." for number in range(6)]
CARRIES: dict[str, Any] = {
    "id": "norway",
    "question": "What do parcels to Norway cost?",
    "lang": "en",
    "gold_answer": [["9.90 euros", "9,90 euros"]],
    "positive": RIGHT,
    "negative": NOISE,
    "positive_wrong": [each.replace("9.90", "1.10") for each in RIGHT],
    "fake_answer": "1.10 euros",
}


def kinds(measured: Evaluation) -> dict[str, int]:
    return {group: max(each.count for each in measured.measures(group).values()) for group in measured.groups}


class TestQuestionsWithPassagesOfTheirOwn:
    async def test_are_asked_amid_noise_without_an_answer_and_with_a_false_one(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        write_records(tmp_path / "noise.jsonl", CARRIES)
        measured = await evaluate(settings, tmp_path, answers=True)
        counted = {"all": 4, "noise 0.0": 1, "noise 0.4": 1, "noise 0.8": 1, "rejection": 1, "counterfactual": 1}
        assert kinds(measured) == counted
        measure = {name: measured.measure(name) for name in ("passed", "false answers", "misled")}
        assert {name: each and each.count for name, each in measure.items()} == {
            "passed": 3,
            "false answers": 1,
            "misled": 1,
        }

    async def test_know_their_own_passages_only(self, settings: Settings, tmp_path: Path) -> None:
        file = write_records(tmp_path / "noise.jsonl", CARRIES, CARRIES | {"id": "other", "negative": []})
        results = {each.id: each for each in (await evaluate(settings, file)).results}
        assert len(results["norway noise 0.4"].ranking) == 5
        assert len(results["other noise 0.4"].ranking) == 3

    async def test_that_are_wrong_say_so(self, settings: Settings, tmp_path: Path) -> None:
        file = write_records(tmp_path / "noise.jsonl", CARRIES | {"negative": "noise"})
        with pytest.raises(UsageError, match="Question norway: `negative` must be a list"):
            await evaluate(settings, file)


class TestDocumentsInFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "documents/more").mkdir(parents=True)
        (tmp_path / "documents/faq.md").write_text("### Do you ship abroad?\n\nYes, to Norway.\n", encoding="utf-8")
        (tmp_path / "documents/more/hours.txt").write_text("We are open from 9:00 to 18:00.", encoding="utf-8")
        return tmp_path

    async def test_are_known_by_their_names(self, settings: Settings, folder: Path) -> None:
        questions = write_records(
            folder / "own.jsonl",
            {"id": "a", "question": "Do you ship abroad?", "documents": ["faq.md"], "answer_contains": [["Norway"]]},
            {"id": "b", "question": "When are you open?", "relevant": ["more/hours.txt"]},
            {"id": "c", "question": "Do you sell boats?", "unanswerable": True},
        )
        measured = await evaluate(settings, questions, corpus=folder / "documents", answers=True)
        first = {each.id: each.ranking[0] for each in measured.results}
        assert (first["a"], first["b"]) == ("faq.md", "more/hours.txt")
        assert (measured.documents, measured.results[0].citations) == (2, ["faq.md"])
        passed = measured.measure("passed")
        assert passed is not None
        assert (passed.value, passed.count) == (1.0, 1)


class TestChoosingDocuments:
    async def test_by_a_field_makes_the_rest_unanswerable(self, settings: Settings, tmp_path: Path) -> None:
        write_records(
            tmp_path / "corpus.jsonl",
            record("a", "Parcels cost 4.90.", kept=True),
            record("b", "Open from nine.", kept=False),
        )
        asked = [{"id": each, "question": f"About {each}?", "relevant": [each]} for each in ("a", "b")]
        write_records(tmp_path / "queries.jsonl", *asked)
        measured = await evaluate(settings, tmp_path, chosen=Selection(where={"kept": "true"}))
        assert (measured.documents, measured.retrieval["all"]["hit@1"].count) == (1, 1)

    async def test_companies_may_be_told_apart_by_any_field(self, settings: Settings, tmp_path: Path) -> None:
        write_records(tmp_path / "corpus.jsonl", record("a", "One.", product="p1"), record("b", "Two.", product="p2"))
        asked = [{"id": each, "question": "Which?", "relevant": [], "product": each} for each in ("p1", "p2")]
        write_records(tmp_path / "queries.jsonl", *asked)
        measured = await evaluate(settings, tmp_path, chosen=Selection(apart_by="product"))
        assert [each.ranking for each in measured.results] == [["a"], ["b"]]


@pytest.mark.parametrize("name", ["gold_answer", "answer_contains", "wrong_answer"])
@pytest.mark.parametrize("given", ["yes", 5, [5], [["a"], 5]])
async def test_answers_of_the_wrong_shape_are_refused(
    settings: Settings, tmp_path: Path, name: str, given: object
) -> None:
    write_records(tmp_path / "corpus.jsonl", record("a", "One."))
    write_records(tmp_path / "queries.jsonl", {"id": "q", "question": "?", "relevant": ["a"], name: given})
    with pytest.raises(UsageError, match=f"Question q: `{name}` must be"):
        await evaluate(settings, tmp_path)
