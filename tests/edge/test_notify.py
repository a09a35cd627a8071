"""Words to systemd, heard on a real datagram socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.notify import Notify


@pytest.mark.parametrize("abstract", [True, False])
def test_words_arrive(tmp_path: Path, abstract: bool) -> None:
    name = f"@lantaarn-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1) if abstract else name)
        systemd.settimeout(20)
        notify = Notify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"})
        assert notify("READY=1")
        assert systemd.recv(100) == b"READY=1"
        assert notify.watchdog_s == 60


def test_without_systemd_nothing_happens() -> None:
    assert not Notify({})("READY=1")
    assert not Notify({"NOTIFY_SOCKET": "/nowhere/at/all"})("READY=1")
