"""Settings: where they come from, and what a wrong one is told."""

from pathlib import Path

import pytest

from bot.settings import load_settings
from llm.errors import SettingsError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("ANSWERDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str) -> None:
    Path("answerdesk.toml").write_text(text, encoding="utf-8")


def test_defaults_need_nothing() -> None:
    assert load_settings().web.port == 8080


def test_the_data_folder_is_below_the_home_folder() -> None:
    assert load_settings().data_dir == Path.home() / ".local/share/answerdesk"


def test_a_file_sets_values() -> None:
    write("[web]\nport = 9000\n")
    assert load_settings().web.port == 9000


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[web]\nport = 9000\nhost = '0.0.0.0'\n")
    monkeypatch.setenv("ANSWERDESK_WEB_PORT", "9001")
    settings = load_settings()
    assert (settings.web.port, settings.web.host) == (9001, "0.0.0.0")  # noqa: S104


def test_the_command_line_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", "/elsewhere")
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path


def test_a_setting_with_underscores_comes_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_BASE_URL", "http://127.0.0.1:8000/v1")
    assert str(load_settings().llm.base_url) == "http://127.0.0.1:8000/v1"


def test_a_secret_comes_from_the_file_its_variable_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    monkeypatch.setenv("ANSWERDESK_LLM_API_KEY_FILE", str(tmp_path / "key"))
    key = load_settings().llm.api_key
    assert key is not None
    assert key.get_secret_value() == "from-a-file"


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_API_KEY", "not-for-logs")
    assert "not-for-logs" not in repr(load_settings())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[web]\nport = 99999\n", "web.port"),
        ("[web]\nport = 99999\n", "65535"),
        ("[web]\nprot = 1\n", "Did you mean web.port?"),
        ("[llm]\napi_key = 'x'\n", "ANSWERDESK_LLM_API_KEY_FILE"),
        ("[web\n", "not valid TOML"),
        ("[company]\nid = 'Not A Slug'\n", "Lower-case letters"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(content: str, said: str) -> None:
    write(content)
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        load_settings()


def test_a_misspelt_variable_is_named_with_what_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_BASEURL", "http://127.0.0.1")
    with pytest.raises(SettingsError, match="Did you mean ANSWERDESK_LLM_BASE_URL"):
        load_settings()


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_API_KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings()


def test_a_settings_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no settings file"):
        load_settings(tmp_path / "nowhere.toml")


ACME = "[companies.acme]\nname = 'Acme'\n"


def test_a_company_has_its_own_name_and_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(ACME + "voice = 'dry'\n[companies.halden-bikes]\nname = 'Halden'\n")
    (tmp_path / "token").write_text("2:two\n")
    monkeypatch.setenv("ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN", "1:one")
    monkeypatch.setenv("ANSWERDESK_COMPANIES_HALDEN_BIKES_TELEGRAM_TOKEN_FILE", str(tmp_path / "token"))
    own, acme, halden = load_settings().served
    assert (own.id, own.telegram.token, acme.name, acme.voice) == ("default", None, "Acme", "dry")
    assert acme.telegram.token
    assert halden.telegram.token
    assert (acme.telegram.token.get_secret_value(), halden.telegram.token.get_secret_value()) == ("1:one", "2:two")


def test_one_company_can_be_chosen() -> None:
    write(ACME)
    settings = load_settings(company={"id": "acme"})
    assert [(each.id, each.name) for each in settings.served] == [("acme", "Acme")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ACME + "telegram.token = '1:one'\n", "ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN_FILE"),
        ("[company]\nid = 'acme'\n" + ACME, "taken"),
        ("[companies.chat]\nname = 'Chat'\n", "taken"),
        ("[companies.acme]\n", "companies.acme.name"),
    ],
)
def test_a_wrong_company_is_named(content: str, said: str) -> None:
    write(content)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_two_companies_do_not_share_a_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    write(ACME)
    monkeypatch.setenv("ANSWERDESK_TELEGRAM_TOKEN", "1:one")
    monkeypatch.setenv("ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN", "1:one")
    with pytest.raises(SettingsError, match="its own bot"):
        load_settings()


def test_a_variable_of_a_company_that_is_not_in_the_file_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_COMPANIES_ACME_NAME", "Acme")
    with pytest.raises(SettingsError, match="no setting"):
        load_settings()
