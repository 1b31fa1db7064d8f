"""`answerdesk model`: an endpoint tried from the command line, over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import answerdesk
from tests.fakes.vllm import FakeVLLM, Reply, refusing_url, says


@pytest.fixture(autouse=True)
def _wide_and_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def endpoint() -> Iterator[FakeVLLM]:
    with FakeVLLM(says("Hello, how are you?")) as fake:
        yield fake


def abilities(*arguments: str) -> dict[str, bool | None]:
    (found,) = answerdesk("model", "check", *arguments, "--json").json["endpoints"].values()
    return {each["name"]: each["works"] for each in found}


@pytest.mark.parametrize("name", ["serve", "check"])
def test_help_shows_an_example_and_what_comes_next(name: str) -> None:
    shown = answerdesk("model", name, "--help")
    assert shown.code == 0
    assert f"  answerdesk model {name}" in shown.out
    assert "Next:" in shown.out


def test_a_check_says_what_works(endpoint: FakeVLLM) -> None:
    shown = answerdesk("model", "check", endpoint.url)
    assert shown.code == 0
    assert f"✓ model             {endpoint.url} serves test-model." in shown.out
    assert "tokens/s alone" in shown.out


def test_a_check_finds_what_an_endpoint_lacks(endpoint: FakeVLLM) -> None:
    found = abilities(endpoint.url)
    assert found["streaming"] is True
    assert found["prefix cache"] is False  # it serves one company what it knows of another
    assert found["cancellation"] is None
    assert found["structured output"] is False


def test_a_check_needs_no_name_of_a_model(endpoint: FakeVLLM) -> None:
    endpoint.models = ["some-model"]
    assert abilities(endpoint.url)["model"] is True


def test_a_model_that_is_not_served_fails_the_check(endpoint: FakeVLLM) -> None:
    shown = answerdesk("model", "check", endpoint.url, "--model", "another")
    assert shown.code == 1
    assert "doesn't serve the model 'another', but test-model" in shown.out


def test_an_endpoint_that_is_not_there_fails_the_check() -> None:
    shown = answerdesk("model", "check", refusing_url())
    assert shown.code == 1
    assert "can't be reached" in shown.out


def test_an_endpoint_that_fails_in_everything_is_told_so_line_by_line(endpoint: FakeVLLM) -> None:
    endpoint.replies[0] = Reply(status=500, message="engine died")
    shown = answerdesk("model", "check", endpoint.url)
    assert "✗ streaming" in shown.out
    assert "engine died" in shown.out


def test_all_configured_endpoints_are_checked(endpoint: FakeVLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    other = endpoint.url.replace("/v1", "/other/v1")
    monkeypatch.setenv("ANSWERDESK_LLM_BASE_URL", f"{endpoint.url},{other}")
    monkeypatch.setenv("ANSWERDESK_LLM_MODEL", "test-model")
    assert list(answerdesk("model", "check", "--json").json["endpoints"]) == [endpoint.url, other]


@pytest.mark.parametrize(("arguments", "words"), [([], "Which endpoint?"), (["nonsense"], "nonsense is no address")])
def test_a_check_of_nothing_is_wrong_usage(arguments: list[str], words: str) -> None:
    shown = answerdesk("model", "check", *arguments)
    assert (shown.code, words in shown.err) == (2, True)


def test_serve_prints_its_command() -> None:
    shown = answerdesk("model", "serve", "Qwen/Qwen3-8B", "--print", "--port", "9000", "--", "--max-num-seqs", "64")
    assert "vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --served-model-name Qwen3-8B" in shown.out
    assert shown.out.rstrip().endswith("--max-num-seqs 64")


def test_serve_without_a_model_is_wrong_usage() -> None:
    shown = answerdesk("model", "serve")
    assert (shown.code, "Which model?" in shown.err) == (2, True)


def test_serve_says_where_vllm_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    shown = answerdesk("model", "serve", "Qwen/Qwen3-8B")
    assert shown.code == 1
    assert "pip install vllm" in shown.err
