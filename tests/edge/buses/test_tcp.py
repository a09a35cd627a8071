"""A serial port over TCP, against a real server on the loopback: whole talks, silence, ways to be gone."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from drivers.driver import SerialLine
from drivers.errors import BusFault, NoAnswer
from drivers.modbus import Modbus
from drivers.reading import Quantity
from drivers.talk import Pause, Read, Step, Write
from edge.buses.port import SerialPort
from edge.buses.system import system_ports
from edge.buses.tcp import TcpSerial, place, why_not
from simulators.chips.modbus import Modbus as Device
from simulators.chips.serial_chip import SerialChip
from simulators.i2c import converse

PATIENCE_S = 20.0


@contextmanager
def served(chip: SerialChip) -> Iterator[str]:
    """The chip behind a listening socket, for one client after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, chip), daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_S)


def _serve(listener: socket.socket, chip: SerialChip) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            while data := client.recv(4096):
                chip.hear(data)
                if chip.faults.unplug:
                    break
                client.sendall(chip.say())


def steps(port: SerialPort, step: Step) -> bytes:
    match step:
        case Write(data):
            port.write(data)
        case Read(count, timeout_s):
            if len(answer := port.read(count, timeout_s)) == count:
                return answer
            raise NoAnswer("too little came")
        case _:
            assert isinstance(step, Pause)
    return b""


@pytest.mark.parametrize("framing", ["tcp", "rtu over tcp"])
def test_a_device_on_the_network_is_read(framing: str) -> None:
    chip = Device(lambda: 0)
    chip.framing = "tcp" if framing == "tcp" else "rtu"
    driver = Modbus(framing=framing)
    with served(chip) as path:
        port = system_ports().serial(path, SerialLine())
        for felt in (-3.5, 0.0, 21.4):
            chip.feels[Quantity.TEMPERATURE] = felt
            port.drain()
            readings = converse(driver.read(), lambda step: steps(port, step))
            assert {r.name: r.value for r in readings} == {"temperature": pytest.approx(felt), "humidity": 60.0}
        port.close()


@pytest.fixture
def pair() -> Iterator[tuple[TcpSerial, socket.socket]]:
    """Our port, and the other end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = TcpSerial(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        other, _ = listener.accept()
        other.settimeout(PATIENCE_S)
        yield port, other
        port.close()
        other.close()


def test_silence_ends_with_what_there_is(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, other = pair
    assert port.read(5, 0.0) == b""
    assert port.read(5, 0.05) == b""
    other.sendall(b"abc")
    assert port.read(5, 0.1) == b"abc"
    other.sendall(b"0123456789")
    assert port.read(4, PATIENCE_S) == b"0123"
    assert port.read(6, PATIENCE_S) == b"456789"


def test_what_comes_in_pieces_is_waited_for(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, other = pair
    pieces = [b"he", b"ll", b"o"]

    def dribble() -> None:
        for piece in pieces:
            other.sendall(piece)

    thread = threading.Thread(target=dribble)
    thread.start()
    assert port.read(5, PATIENCE_S) == b"hello"
    thread.join()


def test_draining_throws_away_what_arrived(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, other = pair
    other.sendall(b"old" * 5000)
    assert port.read(3, PATIENCE_S) == b"old"
    port.write(b"x")
    assert other.recv(1) == b"x"
    port.drain()
    other.sendall(b"new")
    left = port.read(30_000, 0.2)
    assert left.endswith(b"new")
    assert len(left) < 15_000


def test_a_closed_connection_is_an_adapter_that_is_gone(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, other = pair
    other.close()
    with pytest.raises(BusFault, match="closed"):
        port.read(1, PATIENCE_S)
    with pytest.raises(BusFault, match="gone"):
        port.drain()


def test_a_reset_connection_is_told_on_writing(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, other = pair
    other.close()
    with pytest.raises(BusFault, match="is gone"):
        for _ in range(1000):
            port.write(b"?" * 4096)


def test_a_port_of_our_own_that_was_closed(pair: tuple[TcpSerial, socket.socket]) -> None:
    port, _ = pair
    fds = [port.fd]
    port.close()
    fds.append(port.fd)
    assert [fd is None for fd in fds] == [False, True]
    for use in (lambda: port.read(1, 0.0), port.drain, lambda: port.write(b"x")):
        with pytest.raises(BusFault):
            use()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(BusFault, match=f"refuses port {number}"):
        TcpSerial(f"tcp://127.0.0.1:{number}")


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (socket.gaierror(-2, "Name or service not known"), "getent hosts meter"),
        (TimeoutError("timed out"), "does not answer on port 502"),
        (ConnectionRefusedError(111, "Connection refused"), "refuses port 502"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_why_nobody_could_be_reached(error: OSError, word: str) -> None:
    assert word in why_not(error, "meter", 502)


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("tcp://192.0.2.7", ("192.0.2.7", 502)),
        ("tcp://meter.local:1502", ("meter.local", 1502)),
        ("tcp://[2001:db8::7]:502", ("2001:db8::7", 502)),
    ],
)
def test_places(path: str, there: tuple[str, int]) -> None:
    assert place(path) == there


@pytest.mark.parametrize("path", ["tcp://", "tcp://:502", "tcp://meter:0", "tcp://meter:99999", "tcp://me:ter:5", "udp://m:1"])
def test_no_places(path: str) -> None:
    with pytest.raises(BusFault, match="no place on the network"):
        place(path)


def test_what_nobody_acknowledges_is_given_up_within_seconds() -> None:
    """The kernel's own patience is a quarter of an hour; no cable can be pulled here, so the option is looked at."""
    with served(Device(lambda: 0)) as path:
        port = TcpSerial(path)
        with socket.socket(fileno=os.dup(port.fd or -1)) as same:
            assert 1_000 <= same.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 8_000
        port.close()
