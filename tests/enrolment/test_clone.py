"""Somebody copies a pole's folder, key and certificate and all, and runs it elsewhere: the office sees two.

The brokers do not help: one lets both be, when the copy draws a client id of its own, the others throw the two off each
other. Both machines are this one, so the copy is shown another boot id, as another machine has.
"""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.identity import CLIENT
from fleet.clock import steady_ms
from fleet.store.read import StoreReader
from tests.enrolment.real import RealNode, RealOffice
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.root, pytest.mark.deep]
LONGEST_MS = 600_000  # each says every minute how it does
BOOT = "/proc/sys/kernel/random/boot_id"
ELSEWHERE = f'mount --bind "$1" {BOOT} && shift && exec "$@"'


def copied(node: RealNode, folder: Path, own_client: bool, journal: bool) -> RealNode:
    """The same pole on another machine."""
    shutil.copytree(node.folder, folder, ignore=shutil.ignore_patterns("*.socket"))
    if not journal:
        shutil.rmtree(folder / "journal")
    if own_client:
        (folder / "identity" / CLIENT).unlink()
    boot = folder / "boot_id"
    boot.write_text("0badcafe-0000-4000-8000-000000000000\n")
    other = object.__new__(RealNode)
    other.__dict__.update(node.__dict__)
    other.folder, other.log, other.process = folder, folder / "edge.log", None
    words = [word.replace(str(node.folder), str(folder)) for word in node.command]
    other.command = [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", ELSEWHERE, "sh", str(boot), *words]
    return other


@pytest.mark.parametrize(("kind", "own_client", "journal"), [
    ("nats", False, False), ("nats", True, False), ("nats", True, True), ("mosquitto", False, False),
])  # fmt: skip
def test_a_copy_at_work_is_seen(tmp_path: Path, kind: str, own_client: bool, journal: bool) -> None:
    with ExitStack() as stack:
        office = RealOffice(tmp_path / "office", kind=kind)
        stack.callback(office.stop)
        office.open()
        node = RealNode(tmp_path / "pole-001", office)
        stack.callback(node.stop)
        node.start()
        node.delivers()
        wait_for(lambda: not node.token, "the end of its token")
        assert identity(office) == "good"
        copy = copied(node, tmp_path / "elsewhere", own_client, journal)
        stack.callback(copy.stop)
        copy.start()
        seen = seen_after_s(office, node, copy)
        assert identity(office) == "bad"
    print(f"{kind}: seen after {seen:.0f} s")


def seen_after_s(office: RealOffice, *both: RealNode) -> float:
    """Until the office says that there are two; how long that took since the last one began."""
    reader, waiting, began_ms = StoreReader(office.home.readings), threading.Event(), both[-1].began_ms
    while not reader.clones():
        waiting.wait(0.5)
        assert all(node.alive for node in both), both[-1].said()[-2_000:]
        assert steady_ms() - began_ms < LONGEST_MS, "nobody sees it"
    reader.close()
    return (steady_ms() - began_ms) / 1000


def identity(office: RealOffice) -> str:
    """What `fleet health` says of it."""
    rows = json.loads(office.fleet("health", "pole-001", "-o", "json").stdout)
    return next((row["state"] for row in rows if row["check"] == "identity"), "")
