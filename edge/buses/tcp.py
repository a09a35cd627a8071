"""A serial port at the other end of a network: `port = "tcp://192.0.2.7:502"`, for Modbus TCP and for RS485 servers.

It has the face of any other serial port, so that drivers and runners need not know. A connection that breaks is an
adapter that is gone: the runner closes it and knocks again later. So is one whose other end does not even acknowledge
what was written (a router that lost its mind, a cable): the kernel would go on trying for a quarter of an hour and
longer. Reading waits in slices, so that no clock is needed; a slice in which something arrives costs nothing.
"""

from __future__ import annotations

import select
import socket
from urllib.parse import urlsplit

from drivers.errors import BusFault

SCHEME = "tcp://"
MODBUS_PORT = 502
CONNECT_S = 5.0
WRITE_S = 2.0
UNHEARD_MS = 5_000  # what was written is acknowledged by then, or the connection is gone
SLICE_S = 0.02
GULP = 4_096


def place(path: str) -> tuple[str, int]:
    """Host and port of `tcp://host:port`; without a port that of Modbus. Raises BusFault."""
    try:
        parts = urlsplit(path)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not path.startswith(SCHEME) or not host or port == 0:
        raise BusFault(f"{path} is no place on the network: write tcp://host:{MODBUS_PORT}")
    return host, MODBUS_PORT if port is None else port


class TcpSerial:
    """A SerialPort over a TCP connection."""

    def __init__(self, path: str) -> None:
        self.path = path
        host, port = place(path)
        try:
            self._socket = socket.create_connection((host, port), CONNECT_S)
        except OSError as error:
            raise BusFault(why_not(error, host, port)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)

    @property
    def fd(self) -> int | None:
        number = self._socket.fileno()
        return number if number >= 0 else None

    def write(self, data: bytes) -> None:
        """Raises BusFault when the connection is gone, or takes nothing any more."""
        try:
            self._socket.settimeout(WRITE_S)
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone(error) from error

    def read(self, count: int, timeout_s: float) -> bytes:
        """Up to `count` bytes; fewer when the timeout passes first. Raises BusFault when the connection is gone."""
        got, left_s = bytearray(), timeout_s
        while len(got) < count:
            if self._arrived(min(left_s, SLICE_S)):
                got += self._taken(count - len(got))
            elif left_s <= 0:
                break
            else:
                left_s -= SLICE_S
        return bytes(got)

    def drain(self) -> None:
        """Throw away what has arrived. Raises BusFault when the connection is gone."""
        while self._arrived(0):
            self._taken(GULP)

    def close(self) -> None:
        self._socket.close()

    def _arrived(self, wait_s: float) -> bool:
        try:
            return bool(select.select([self._socket], [], [], max(0.0, wait_s))[0])
        except (OSError, ValueError) as error:
            raise self._gone(error) from error

    def _taken(self, count: int) -> bytes:
        try:
            data = self._socket.recv(count)
        except OSError as error:
            raise self._gone(error) from error
        if not data:
            raise BusFault(f"{self.path} is gone: the other end closed the connection")
        return data

    def _gone(self, error: Exception) -> BusFault:
        return BusFault(f"{self.path} is gone: {getattr(error, 'strerror', None) or error}")


def why_not(error: OSError, host: str, port: int) -> str:
    """Why nobody could be reached, in words for the technician."""
    if isinstance(error, socket.gaierror):
        return f"there is no {host} on this network: `getent hosts {host}` must know it"
    if isinstance(error, TimeoutError):
        return f"{host} does not answer on port {port}: is it powered, and on this network?"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} is there but refuses port {port}: is its Modbus TCP server switched on?"
    return f"{host} port {port} can not be reached: {error.strerror or error}"
