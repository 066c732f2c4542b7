"""The dashboard and the alert rules ask for what the program shows, and for all of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import petrosa_cio.app  # noqa: F401 (with it come all metrics)

ROOT = Path(__file__).parents[2]
PARTS = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


def exposed() -> dict[str, str]:
    """Return the series that the program shows, each with its metric."""
    return {
        family.name + part: family.name
        for family in REGISTRY.collect()
        if family.name.startswith("cio_")
        for part in PARTS[family.type]
    }


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((ROOT / "deploy/grafana/petrosa-cio.json").read_text())
    return [one for one in dashboard["panels"] if one["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


def asked(query: str) -> set[str]:
    return set(re.findall(r"\bcio_\w+", query))


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_every_query_is_about_something_that_is_shown(where: str, query: str) -> None:
    assert asked(query), where
    assert asked(query) <= exposed().keys()


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_every_selected_value_exists(where: str, query: str) -> None:
    shown = {
        (sample.name, label, value)
        for family in REGISTRY.collect()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    selected = {
        (name, label, value)
        for name, label, values in re.findall(r'(\bcio_\w+)\{(\w+)=~?"([^"]+)"\}', query)
        for value in values.split("|")
    }
    assert selected <= shown, where


def test_every_metric_is_on_the_dashboard() -> None:
    series = exposed()
    on_it = {
        series[name]
        for panel in panels()
        for one in panel["targets"]
        for name in asked(one["expr"])
    }
    assert on_it == set(series.values())


def test_panels_do_not_lie_on_one_another() -> None:
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_is_wrong_and_what_follows(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description"}
    assert rule["expr"].count("(") == rule["expr"].count(")")
