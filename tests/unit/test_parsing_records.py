"""JSON lines, JSON and notebooks."""

import json
from pathlib import Path

import pytest

from retrieval.errors import BrokenDocument
from retrieval.parsing.files import parse_file
from retrieval.passages import Entry, ParsedDocument, Prose


def parsed(folder: Path, name: str, text: str) -> list[ParsedDocument]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return parse_file(path)


def test_each_line_is_a_document_that_keeps_its_id_language_and_address(tmp_path: Path) -> None:
    line = {"id": "kb-7", "title": "Returns", "text": "Thirty days.", "lang": "en", "url": "https://shop.example/r"}
    [document] = parsed(tmp_path, "kb.jsonl", json.dumps(line))
    assert document == ParsedDocument("Returns", [Prose("Thirty days.")], "kb-7", "en", "https://shop.example/r")


def test_a_title_that_asks_makes_an_entry(tmp_path: Path) -> None:
    [document] = parsed(tmp_path, "kb.jsonl", '{"id": 3, "title": "Is it free?", "text": "Yes."}\n\n')
    assert (document.id, list(document.blocks)) == ("3", [Entry("Is it free?", "Yes.")])


def test_question_and_answer_make_an_entry(tmp_path: Path) -> None:
    [document] = parsed(tmp_path, "kb.jsonl", '{"question": "Price", "answer": "5 €"}')
    assert (document.title, list(document.blocks)) == ("Price", [Entry("Price", "5 €")])


def test_an_unknown_record_is_kept_as_text(tmp_path: Path) -> None:
    [document] = parsed(
        tmp_path, "kb.jsonl", '{"id": "p1", "name": "Kettle", "specs": {"volume": "1 l", "colours": ["red", "blue"]}}'
    )
    assert list(document.blocks) == [Prose("name: Kettle\nspecs.volume: 1 l\nspecs.colours: red\nspecs.colours: blue")]


@pytest.mark.parametrize("line", ["{oops}", '["a"]', "[" * 100_000], ids=["invalid", "array", "deep"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(BrokenDocument, match="Line 2 "):
        parsed(tmp_path, "kb.jsonl", f'{{"text": "fine"}}\n{line}\n')


def test_half_a_character_is_left_out(tmp_path: Path) -> None:
    [document] = parsed(tmp_path, "kb.jsonl", '{"text": "a\\ud800b\\u0000c"}')
    assert list(document.blocks) == [Prose("abc")]


def test_an_array_of_entries_is_one_document(tmp_path: Path) -> None:
    [document] = parsed(
        tmp_path, "faq.json", '[{"question": "Free?", "answer": "Yes"}, {"question": "Fast?", "answer": "Very"}]'
    )
    assert list(document.blocks) == [Entry("Free?", "Yes"), Entry("Fast?", "Very")]


def test_an_array_of_documents_with_ids_is_many(tmp_path: Path) -> None:
    documents = parsed(tmp_path, "kb.json", '{"articles": [{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}]}')
    assert [document.id for document in documents] == ["a", "b"]


def test_any_other_json_becomes_text(tmp_path: Path) -> None:
    [document] = parsed(tmp_path, "shop.json", '{"shop": {"name": "Example", "open": [9, 17]}, "none": null}')
    assert list(document.blocks) == [Prose("shop.name: Example\nshop.open: 9\nshop.open: 17")]


def test_json_lines_under_another_name_are_read(tmp_path: Path) -> None:
    assert [
        document.id for document in parsed(tmp_path, "kb.json", '{"id":"a","text":"1"}\n{"id":"b","text":"2"}\n')
    ] == ["a", "b"]


def test_invalid_json_is_reported_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match="line 2"):
        parsed(tmp_path, "a.json", '{"a": 1,\n oops}')


def test_a_notebook_gives_its_prose_and_its_code(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Guide\n", "\n", "Welcome."]},
        {"cell_type": "code", "source": "print('hi')", "outputs": [{"text": "hi"}]},
    ]
    [document] = parsed(tmp_path, "guide.ipynb", json.dumps({"cells": cells, "metadata": {}}))
    assert (document.title, list(document.blocks)) == ("Guide", [Prose("Welcome.\n\nprint('hi')")])


def test_what_is_no_notebook_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match="notebook"):
        parsed(tmp_path, "guide.ipynb", '{"cells": 3}')
