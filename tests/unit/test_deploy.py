"""The files in deploy/: they parse, pin what they run, and speak of settings and flags that there are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.naming import PREFIX
from bot.settings import setting_names
from llm.serving import Gpu, Machine, Wanted, command

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLES = {PREFIX + name.replace(".", "_").upper() for name in setting_names()}


class Loader(yaml.SafeLoader):
    """Knows compose's own tags."""


Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node, deep=True))


def services(file: str) -> dict[str, dict[str, Any]]:
    return yaml.load((DEPLOY / file).read_text(encoding="utf-8"), Loader)["services"]  # noqa: S506 - a SafeLoader


COMPOSED = [(file.name, name) for file in sorted(DEPLOY.glob("*.yaml")) for name in services(file.name)]


@pytest.mark.parametrize(("file", "name"), COMPOSED)
def test_every_image_is_pinned(file: str, name: str):
    service = services(file)[name]
    image = service.get("image", "pinned:elsewhere")
    assert re.search(r":v?\d|:elsewhere$", image)


@pytest.mark.parametrize(("file", "name"), COMPOSED)
def test_every_variable_of_ours_is_a_setting(file: str, name: str):
    given = services(file)[name].get("environment", {})
    assert {each for each in given if each.startswith(PREFIX)} <= VARIABLES


@pytest.mark.parametrize(("file", "name"), COMPOSED)
def test_nothing_is_open_to_the_network_but_what_a_proxy_stands_before(file: str, name: str):
    assert all(port.startswith("127.0.0.1:") for port in services(file)[name].get("ports", []))


def test_secrets_are_asked_for_not_given():
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:PASSWORD|KEY): (.*)", text)) == {
        "${POSTGRES_PASSWORD:?set it in .env}",
        "${MODEL_KEY:?set it in .env}",
    }


def test_the_example_holds_every_variable():
    texts = [file.read_text(encoding="utf-8") for file in DEPLOY.glob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"\$\{(\w+)", text)}
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert {line.partition("=")[0] for line in example.splitlines() if "=" in line} == used


def test_vllm_gets_the_flags_that_we_would_choose():
    wanted = Wanted("m", "it", "0.0.0.0", 8000, "python")  # noqa: S104
    chosen = {each for each in command(wanted, Machine([Gpu("H100", 80, 9.0)], 8, 64)).arguments if each[:2] == "--"}
    given = {each.partition("=")[0] for each in services("compose.yaml")["vllm"]["command"]}
    assert given == chosen


@pytest.mark.parametrize("file", ["Dockerfile", "router/Dockerfile"])
def test_images_do_not_run_as_root(file: str):
    text = (DEPLOY / file).read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)


def test_the_image_copies_what_there_is():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = [part for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for part in line.split()]
    kept = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8")
    for each in copied:
        assert (DEPLOY.parent / each).exists()
        assert f"!{each}" in kept
