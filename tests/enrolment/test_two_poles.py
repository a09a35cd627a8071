"""Two nodes, each behind a wire of its own, one of them awake in 1970: both enrol, connect by mutual TLS, deliver."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge import identity
from tests.enrolment.canary import Canary, key, text
from tests.enrolment.capture import Capture
from tests.enrolment.namespaces import neighbourhood
from tests.enrolment.real import RealNode, RealOffice, first_stored
from tests.enrolment.shift import shifted
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.once, pytest.mark.root]
CONNECT = bytes.fromhex("100e00044d5154540402003c0002") + b"hi"  # of MQTT 3.1.1, with a clean session
HANDSHAKE = b"\x16\x03"  # how each side of TLS begins


def test_both_deliver_and_no_token_is_left(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(neighbourhood(2))
        office = RealOffice(tmp_path / "office", host=place.office)
        stack.callback(office.stop)
        office.open()
        clocks = {"pole-now": shifted(0), "pole-1970": shifted(-round(time.time()), synced=False)}
        nodes = [RealNode(tmp_path / name, office, clock, pole.inside([]))
                 for (name, clock), pole in zip(clocks.items(), place.poles, strict=True)]  # fmt: skip
        secrets = [text(f"the token of {node.name}", node.token) for node in nodes]
        assert [len(node.token) for node in nodes] == [64, 64]
        heard = stack.enter_context(Capture(place.bridge))
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        for name, seconds in first_stored(nodes).items():
            print(f"{name}: {seconds:.1f} s from start to the first stored reading")
        for node in nodes:
            proven(node)
        nose = Canary([*secrets, *(key(f"the key of {node.name}", private(node)) for node in nodes)])
        nose.search_notes(heard.notes())
        assert nose.leaks == []
        assert {bytes(words[:2]) for words in heard.streams.values()} == {HANDSHAKE}
        strangers(place.office, office)


def proven(node: RealNode) -> None:
    """It has a certificate that the broker took, a key for its own eyes only, and no token."""
    wait_for(lambda: node.token == "", f"the end of the token of {node.name}")
    assert node.certificate.count("BEGIN CERTIFICATE") == 2
    assert (node.identity / identity.KEY).stat().st_mode & 0o777 == 0o600
    assert not (node.identity / identity.NEXT).exists()
    assert node.newest_ms == pytest.approx(time.time() * 1000, abs=600_000), "whatever its clock says"
    assert "Traceback" not in node.said()


def private(node: RealNode) -> bytes:
    return (node.identity / identity.KEY).read_bytes()


def strangers(host: str, office: RealOffice) -> None:
    """Who speaks no TLS is not heard, and who has no certificate is not let in."""
    port = office.home.ports().broker_port
    with socket.create_connection((host, port), 10) as plain:
        plain.sendall(CONNECT)
        assert not plain.recv(64).startswith(b"\x20")
    context = ssl.create_default_context(cafile=str(office.home.authority / "root.pem"))
    with pytest.raises(OSError), context.wrap_socket(socket.create_connection((host, port), 10),
                                                     server_hostname=host) as bare:  # fmt: skip
        bare.sendall(CONNECT)
        if not bare.recv(64):
            raise ConnectionError("it hung up")
