"""The dashboard, the alerts and their provisioning: they are whole, and Prometheus can read every query."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/answerdesk.json").read_text(encoding="utf-8"))
PANELS = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
RULES = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
VARIABLES = {each["name"] for each in DASHBOARD["templating"]["list"]}


def queries() -> Iterator[str]:
    yield from (target["expr"].replace("$__rate_interval", "1m") for panel in PANELS for target in panel["targets"])
    yield from (rule["expr"] for rule in RULES)


@pytest.mark.parametrize("query", [*queries()])
def test_every_query_is_one(query: str) -> None:
    assert promql_parser.parse(query)


def test_every_panel_has_an_id_of_its_own() -> None:
    ids = [each["id"] for each in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_no_panel_lies_on_another() -> None:
    taken = [
        (x, y)
        for each in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(each["x"], each["x"] + each["w"])
        for y in range(each["y"], each["y"] + each["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24  # Grafana's grid


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows_and_asks_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["description"]
    sources = {json.dumps(each["datasource"]) for each in [panel, *panel["targets"]]}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}


def test_every_variable_that_a_query_uses_is_declared() -> None:
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(PANELS, ensure_ascii=False)))
    assert used - VARIABLES == {"__rate_interval"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_grave_it_is_and_is_explained(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["alert"] in (DEPLOY.parent / "docs/monitoring.md").read_text(encoding="utf-8")


def test_what_is_mounted_is_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.monitoring.yaml").read_text(encoding="utf-8"))["services"]
    mounts = [each.split(":")[0] for service in services.values() for each in service.get("volumes", [])]
    assert [each for each in mounts if each.startswith("./") and not (DEPLOY / each).is_dir()] == []


def test_prometheus_looks_where_the_service_is_told_to_listen() -> None:
    services = yaml.safe_load((DEPLOY / "compose.monitoring.yaml").read_text(encoding="utf-8"))["services"]
    address = services["answerdesk"]["environment"]["ANSWERDESK_TELEMETRY_METRICS_ADDRESS"]
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = {each["job_name"]: each["static_configs"][0]["targets"] for each in scraped}
    assert targets["answerdesk"] == [f"answerdesk:{address.rpartition(':')[2]}"]
