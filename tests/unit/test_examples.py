import csv
import importlib.util
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from pypdf import PdfReader

from bot.texts import LANGUAGES

EXAMPLES = Path(__file__).parents[2] / "examples"
PUBLIC = EXAMPLES / "halden-bikes"
SOURCES = EXAMPLES / "sources"
LARGEST = 100_000


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def markdown_faq(path: Path) -> list[tuple[str, str]]:
    found = re.findall(r"^### (.+?)\n+(.+?)(?=\n#|\Z)", read(path), re.MULTILINE | re.DOTALL)
    return [(question, answer.strip()) for question, answer in found]


def table_faq(path: Path, delimiter: str = ",") -> list[tuple[str, str]]:
    rows = list(csv.reader(StringIO(read(path)), delimiter=delimiter))
    return [(question, answer) for _, question, answer in rows[1:]]


TABLES = {
    "de": table_faq(PUBLIC / "faq-de.csv", ";"),
    "es": table_faq(PUBLIC / "faq-es.csv"),
    "fr": table_faq(SOURCES / "faq-fr.csv"),
    "ru": table_faq(SOURCES / "faq-ru.csv"),
}
QUESTIONS = [json.loads(line) for line in read(EXAMPLES / "questions.jsonl").splitlines()]
ANSWERABLE = [question for question in QUESTIONS if not question.get("unanswerable")]


def figures(text: str) -> Counter[str]:
    """Every number, times like 10:00 included, with the separators of thousands dropped and a decimal point."""
    bare = re.sub(r"(?<=\d)[,.](?=\d{3}\b)", "", text)
    return Counter(re.sub(r",", ".", number) for number in re.findall(r"\d+(?:[.,:]\d+)*", bare))


def english_texts() -> Iterable[str]:
    for path in (*PUBLIC.glob("*-en.md"), *PUBLIC.glob("*.txt"), *PUBLIC.glob("*.html"), *SOURCES.glob("*.md")):
        yield read(path)
    yield read(SOURCES / "price-list.csv")


def build_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_build", EXAMPLES / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def content(path: Path) -> object:
    """What a built file holds; compression and the order of bytes may differ between machines."""
    if path.suffix == ".pdf":
        return [page.extract_text() for page in PdfReader(path).pages]
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".xml")}


def test_the_chinese_faq_has_the_entries_of_the_english_one_with_the_same_figures() -> None:
    english, chinese = markdown_faq(PUBLIC / "faq-en.md"), markdown_faq(PUBLIC / "faq-zh.md")
    assert len(english) == len(chinese) == 43
    for (question, answer), (translated, translation) in zip(english, chinese, strict=True):
        assert figures(question + answer) == figures(translated + translation), question


@pytest.mark.parametrize("language", TABLES)
def test_the_shorter_faqs_state_no_figure_that_the_english_documents_lack(language: str) -> None:
    known = figures("\n".join(english_texts()))
    for question, answer in TABLES[language]:
        assert not figures(question + answer).keys() - known.keys(), question


@pytest.mark.parametrize("faq", [*TABLES.values(), markdown_faq(PUBLIC / "faq-zh.md")])
def test_no_question_stands_twice(faq: list[tuple[str, str]]) -> None:
    assert len({question for question, _ in faq}) == len(faq) >= 12


def test_the_company_has_enough_to_say() -> None:
    codes = read(PUBLIC / "error-codes.jsonl").splitlines()
    assert len(markdown_faq(PUBLIC / "faq-en.md")) + sum(map(len, TABLES.values())) + len(codes) > 90


def test_the_binary_files_are_what_their_sources_say(tmp_path: Path) -> None:
    for built in build_script().build(tmp_path):
        committed = EXAMPLES / built.relative_to(tmp_path)
        assert content(built) == content(committed), (
            f"run `python examples/build.py`: {committed.name} is not up to date"
        )


def test_every_file_is_small() -> None:
    for path in EXAMPLES.rglob("*"):
        assert path.is_dir() or path.stat().st_size < LARGEST, path


def test_there_are_forty_answerable_questions_and_twenty_others() -> None:
    assert (len(ANSWERABLE), len(QUESTIONS) - len(ANSWERABLE)) == (40, 20)
    assert len({question["id"] for question in QUESTIONS}) == 60


@pytest.mark.parametrize("questions", [ANSWERABLE, [each for each in QUESTIONS if each not in ANSWERABLE]])
def test_there_are_questions_in_every_language(questions: list[dict[str, str]]) -> None:
    assert {question["lang"] for question in questions} == set(LANGUAGES)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_the_answer_stands_in_each_document_named(question: dict[str, list[str]]) -> None:
    for name in question["documents"]:
        source = next(
            path
            for path in (PUBLIC / name, *SOURCES.glob(f"{Path(name).stem}.*"))
            if path.suffix in {".md", ".csv", ".html", ".txt", ".jsonl"}
        )
        text = read(source).replace("&euro;", "€").replace("&nbsp;", " ")
        for group in question["answer_contains"]:
            assert any(alternative in text for alternative in group), (name, group)


def test_no_question_is_copied_from_a_faq() -> None:
    faq = {question for entries in TABLES.values() for question, _ in entries}
    faq |= {question for name in ("faq-en.md", "faq-zh.md") for question, _ in markdown_faq(PUBLIC / name)}
    assert not {question["question"] for question in QUESTIONS} & faq


def test_what_staff_may_do_stands_in_no_public_file() -> None:
    public = "\n".join([*english_texts(), read(PUBLIC / "error-codes.jsonl")])
    for secret in ("KINGFISHER", "goodwill", "€250", "45 days", "managing director"):
        assert secret not in public
