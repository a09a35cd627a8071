"""Two nodes, each behind a wire of its own, one of them awake in 1970: both enrol, connect by mutual TLS, deliver.

And what is secret in it stands in its own file afterwards, and was nowhere else meanwhile.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge import identity
from tests.enrolment.canary import Canary, Onlooker, key, text, witnessed
from tests.enrolment.capture import Capture
from tests.enrolment.namespaces import neighbourhood
from tests.enrolment.real import RealNode, RealOffice, first_stored
from tests.enrolment.shift import shifted
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.once, pytest.mark.root, pytest.mark.timeout(300)]
CONNECT = bytes.fromhex("100e00044d5154540402003c0002") + b"hi"  # of MQTT 3.1.1, with a clean session
KEYS = ("root", "next-root", "issuing", "broker", "desk", "collector")
HANDSHAKE = b"\x16\x03"  # how each side of TLS begins


def test_both_deliver_and_no_token_is_left(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(neighbourhood(2))
        seen = stack.enter_context(witnessed(tmp_path / "witness"))
        office = RealOffice(tmp_path / "office", seen, host=place.office)
        stack.callback(office.stop)
        office.open()
        clocks = {"pole-now": seen, "pole-1970": in_1970(seen)}
        nodes = [RealNode(tmp_path / name, office, clock, pole.inside([]))
                 for (name, clock), pole in zip(clocks.items(), place.poles, strict=True)]  # fmt: skip
        secrets = [text(f"the token of {node.name}", node.token) for node in nodes]
        assert [len(node.token) for node in nodes] == [64, 64]
        eye, heard = stack.enter_context(Onlooker()), stack.enter_context(Capture(place.bridge))
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        for name, seconds in first_stored(nodes).items():
            print(f"{name}: {seconds:.1f} s from start to the first stored reading")
        for node in nodes:
            proven(node)
        strangers(place.office, office)
    assert {bytes(words[:2]) for (host, *_), words in heard.streams.items() if host != place.office} == {HANDSHAKE}
    homes = [*(f"{node.name}/identity/{identity.KEY}" for node in nodes),
             *(f"office/authority/{name}.key" for name in KEYS)]  # fmt: skip
    nose = Canary([*secrets, *(key(home, (tmp_path / home).read_bytes(), home) for home in homes)])
    assert nose.search_folder(tmp_path) > 30 and b"pole-1970" in (tmp_path / "witness").read_bytes()
    for notes in (eye.notes, heard.notes()):
        nose.search_notes(notes)
    assert nose.leaks == [] and nose.open_homes(tmp_path) == []


def in_1970(environment: dict[str, str]) -> dict[str, str]:
    """The same, for a process whose clock has just begun, and whom nobody tells the time."""
    preload = environment["LD_PRELOAD"]
    clock = shifted(-round(time.time()), synced=False, base=environment)
    return clock | {"LD_PRELOAD": f"{clock['LD_PRELOAD']} {preload}"}


def proven(node: RealNode) -> None:
    """It has a certificate that the broker took, a key for its own eyes only, and no token."""
    wait_for(lambda: node.token == "", f"the end of the token of {node.name}")
    assert node.certificate.count("BEGIN CERTIFICATE") == 2
    assert (node.identity / identity.KEY).stat().st_mode & 0o777 == 0o600
    assert not (node.identity / identity.NEXT).exists()
    assert node.newest_ms == pytest.approx(time.time() * 1000, abs=600_000), "whatever its clock says"
    assert "Traceback" not in node.said()


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
