"""The poles of the harness reach the office and nothing else."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.enrolment.capture import Capture
from tests.enrolment.namespaces import Neighbourhood, Pole, neighbourhood

pytestmark = pytest.mark.once
CALL = """
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).recv(9).decode())
except OSError as error:
    print(type(error).__name__)
"""


def called(pole: Pole, host: str, port: int) -> str:
    command = pole.inside([sys.executable, "-c", CALL, host, str(port)])
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def welcome(door: socket.socket) -> None:
    guest, _ = door.accept()
    guest.sendall(b"welcome")
    guest.close()


def greeted(place: Neighbourhood, pole: Pole, door: socket.socket) -> str:
    command = pole.inside([sys.executable, "-c", CALL, place.office, str(door.getsockname()[1])])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as guest:
        welcome(door)
        return guest.communicate(timeout=20)[0].strip()


def test_each_pole_reaches_the_office_and_its_loopback_is_its_own() -> None:
    with neighbourhood(2) as place, socket.create_server((place.office, 0)) as door:
        door.settimeout(20)
        assert [greeted(place, pole, door) for pole in place.poles] == ["welcome", "welcome"]
        with socket.create_server(("127.0.0.1", 0)) as home:
            assert called(place.poles[0], "127.0.0.1", home.getsockname()[1]) == "ConnectionRefusedError"
        place.poles[0].cut()
        assert called(place.poles[0], place.office, door.getsockname()[1]) in ("OSError", "TimeoutError")
        place.poles[0].mend()
        assert greeted(place, place.poles[0], door) == "welcome"


def test_nothing_is_left_of_them() -> None:
    with neighbourhood(1) as place:
        space = place.poles[0].space
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert space not in left


def test_what_goes_over_the_wire_is_captured() -> None:
    with neighbourhood(1) as place, socket.create_server((place.office, 0)) as door, Capture(place.bridge) as heard:
        door.settimeout(20)
        assert greeted(place, place.poles[0], door) == "welcome"
    (said,) = heard.notes().values()
    ((_, _, _, guest),) = heard.streams
    assert said == b"welcome" == heard.to_port(guest)
