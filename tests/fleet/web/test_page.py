"""The page in a real browser, over a real street: what it shows is what the office has."""

from __future__ import annotations

import json
import os
import struct
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.street import Plan, Street
from tests.fleet.pole import wait_for
from tests.fleet.web.browser import Browser

pytestmark = pytest.mark.xdist_group("page")  # one street for all of them
ENOUGH = 60  # readings of each node, before anybody looks
CHARTS = "[...document.querySelectorAll('.chart')]"
POINTS = f"return Object.fromEntries({CHARTS}.map(chart => [chart.dataset.series, +chart.dataset.points]))"
ROWS = "[...document.querySelectorAll('#nodes tbody tr')]"
TABLE = f"return {ROWS}.map(row => [row.dataset.node, row.cells[0].innerText, row.cells[2].innerText])"
MARKERS = "return [...document.querySelectorAll('#map path[data-node]')].map(p => [p.dataset.node, p.dataset.state])"
TOTAL = "return +document.querySelector('#total-{}').innerText.replaceAll(',', '')"


def ask(street: Street, path: str) -> Any:
    assert street.office.page
    with urllib.request.urlopen(street.office.page.rstrip("/") + path, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(Plan(nodes=5, seconds=None, speed=8.0), tmp_path_factory.mktemp("page") / "street")
    try:
        street.open()
        wait_for(lambda: all(node["readings"] > ENOUGH for node in ask(street, "/api/nodes")["nodes"]), "readings")
        yield street
    finally:
        street.close()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture
def browser(street: Street, window: Browser) -> Browser:
    """The page, opened anew."""
    assert street.office.page
    window.open("about:blank")
    window.open(street.office.page + "#pole-001")
    wait_for(lambda: window.run("return document.querySelector('#link').className") == "live", "the page to live")
    wait_for(lambda: len(window.run(POINTS)) >= 9, "the charts of the first node")
    return window


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_page_shows_every_node_on_the_map_and_charts_that_move(street: Street, browser: Browser) -> None:
    table = {row[0]: row[1:] for row in browser.run(TABLE)}
    assert table.keys() == set(street.names)
    known = {node["id"]: node for node in ask(street, "/api/nodes")["nodes"]}
    assert all(site == known[name]["site"] for name, (_, site) in table.items())
    assert {name for name, _ in browser.run(MARKERS)} == set(street.names), "not every node is on the map"
    assert browser.run(TOTAL.format("nodes")) == browser.run(TOTAL.format("online")) == 5
    assert browser.run(TOTAL.format("gaps")) == 0
    assert browser.run("return document.querySelector('#total-office').innerText") == "good"
    points = browser.run(POINTS)
    assert {"temperature", "humidity", "pressure", "co2", "pm2_5"} <= points.keys()
    assert points["temperature"] > 5, "each reading of the first minute has its point"

    picture = browser.picture()
    assert colours(picture) > 50, "the picture is blank"
    if where := os.environ.get("LANTAARN_PICTURE"):
        Path(where).write_bytes(picture)

    before = browser.run(TOTAL.format("readings"))
    wait_for(lambda: browser.run(TOTAL.format("readings")) > before, "the total to grow by itself")
    wait_for(lambda: browser.run(POINTS)["temperature"] > points["temperature"], "the chart to move by itself")


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_a_node_is_chosen_from_the_table_and_a_dead_one_is_seen(street: Street, browser: Browser) -> None:
    browser.run("document.querySelector('tr[data-node=pole-003]').click()")
    wait_for(lambda: "count.in" in browser.run(POINTS), "the charts of the gate")
    assert browser.run("return document.querySelector('#node-name').innerText").startswith("pole-003")
    street.residents["pole-002"].kill()
    reason = "return document.querySelector('tr[data-node=pole-002]').title"
    wait_for(lambda: "connection ended" in browser.run(reason), "the last will of the killed node")
    assert dict(browser.run(MARKERS))["pole-002"] == "bad"
    assert browser.run(TABLE)[0][:2] == ["pole-002", "bad"], "what needs attention stands first"


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_page_asks_nobody_else_for_anything(street: Street, browser: Browser) -> None:
    asked = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert len(asked) > 5
    assert all(address.startswith(street.office.page) for address in asked), asked


def test_a_page_elsewhere_cannot_look_in(street: Street) -> None:
    assert street.office.page
    request = urllib.request.Request(street.office.page + "api/nodes", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/readings",
        "/api/readings?series=x",
        "/api/series",
        "/api/readings?series=9e9",
        "/api/readings?series=--1",
        "/api/readings?series=1&from=-",
        "/api/readings?series=%C2%B2",
        "/api/readings?series=1%0A",
        "/api/readings?series=1&to=1234567890123456",
    ],
)
def test_a_wrong_question_is_answered_in_words(street: Street, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(street, path)
    assert refused.value.code == 400
    assert "error" in json.load(refused.value)


def colours(png: bytes) -> int:
    """How many different pixels a PNG of 8-bit colours has, as far as 64 rows tell: a blank page has a few."""
    width, height = struct.unpack(">II", png[16:24])
    channels = {2: 3, 6: 4}[png[25]]
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    rows, line = zlib.decompress(data), width * channels + 1
    seen = set()
    for row in range(0, height, max(1, height // 64)):
        stretch = rows[row * line + 1 : (row + 1) * line]
        seen |= {stretch[pixel : pixel + channels] for pixel in range(0, len(stretch), channels)}
    return len(seen)
