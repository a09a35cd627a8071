"""A thousand nodes lose their broker at one moment: how fast do they knock, and how soon are all of them back?

`python -m tests.network.storm [--broker nats|mosquitto|both] [--nodes 1000] [--cap 300] [--speed 10] [-o json]`

The brokers are real, the sockets too, each knock is a handshake of mutual TLS with a key and certificate of its own,
and when to knock is decided by the real uplink; only the MQTT that is spoken is the least that makes a session
(CONNECT, SUBSCRIBE, and PINGREQ is never due). Nodes run on a clock that is `speed`
times as fast, so figures per second are of the nodes' time. The fair share is nodes / cap: what would be if they came
back evenly within the cap. Every knock counts, those at a closed door too.
"""

from __future__ import annotations

import argparse
import errno
import heapq
import json
import resource
import selectors
import socket
import ssl
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from edge.effects import Committed, Connect, Disconnect, Effect, Tick
from edge.events import Connected, Lost
from edge.pace import Pace
from edge.uplink import Uplink
from edge.wire.topics import every_down
from fleet.authority import keys
from fleet.authority.authority import Authority
from fleet.broker import Broker, free_port, write_users
from fleet.clock import SystemClock
from fleet.home import Home, Ports, write_config
from fleet.registry import COLLECTOR, Credential, Registry
from fleet.servers import SERVERS
from fleet.tls import of_broker
from simulators.clock import PacedClock
from simulators.enrolled import open_desk
from tests.bench.process import cpu_s

HOST = "127.0.0.1"
Members = list[tuple[Credential, ssl.SSLContext]]
CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"
IN_A_BIN = 33  # knocks that a bin would have at the fair share: fewer, and chance alone makes peaks
PATIENCE_S = 120  # real
LOOK_S = 0.01
LEEWAY_S = 60


@dataclass(frozen=True)
class Plan:
    """How many nodes, who is back within `cap_s`, and how long the broker stays away; in the nodes' seconds."""

    broker: str
    nodes: int = 1_000
    cap_s: int = 300
    down_s: int = 10
    speed: float = 10.0
    seed: int = 7


def text(words: str) -> bytes:
    """A string as MQTT writes it."""
    return len(words).to_bytes(2, "big") + words.encode()


def packet(kind: int, body: bytes) -> bytes:
    """A control packet of less than 16 KiB."""
    size = len(body)
    return bytes((kind, size) if size < 128 else (kind, size % 128 | 128, size >> 7)) + body


def connect(credential: Credential) -> bytes:
    """CONNECT of MQTT 3.1.1 with a clean session; who it is, its certificate has said."""
    return packet(0x10, text("MQTT") + bytes((4, 0x02)) + (0).to_bytes(2, "big") + text(credential.client_id))


def subscribe(node: str) -> bytes:
    """SUBSCRIBE number 1, QoS 1."""
    return packet(0x82, b"\x00\x01" + text(every_down(node)) + b"\x01")


class Lamp:
    """One node: its uplink, its certificate, and at most one socket, which is under TLS as soon as it is open."""

    def __init__(self, storm: Storm, credential: Credential, context: ssl.SSLContext, number: int) -> None:
        self.storm, self.credential, self.context = storm, credential, context
        random = Random(storm.plan.seed * 1_000_003 + number).random
        self.uplink = Uplink(Committed(1, 1, 1), random, Pace(retry_cap_ms=storm.plan.cap_s * 1000))
        self.socket: socket.socket | None = None
        self.shaken = False
        self.heard = b""

    def perform(self, effects: Iterable[Effect]) -> None:
        """Does what the uplink wants of the link."""
        for effect in effects:
            if isinstance(effect, Connect):
                self._knock()
            elif isinstance(effect, Disconnect):
                self._close()

    def _knock(self) -> None:
        self._close()
        self.storm.knocked()
        self.heard = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((HOST, self.storm.port))
        self.storm.look.register(self.socket, selectors.EVENT_WRITE, self)

    def _close(self) -> None:
        if self.socket is not None:
            self.storm.look.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def ready(self, now_ms: int) -> None:
        """The socket can be written to, or there is something to read."""
        assert self.socket is not None
        try:
            fault = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if fault:
                raise OSError(fault, errno.errorcode[fault])
            if not isinstance(self.socket, ssl.SSLSocket):
                self._wrap(self.socket)
            elif not self.shaken:
                self._shake(self.socket)
            else:
                self._listen(self.socket, now_ms)
        except ssl.SSLWantReadError:
            self.storm.look.modify(self.socket, selectors.EVENT_READ, self)
        except ssl.SSLWantWriteError:
            self.storm.look.modify(self.socket, selectors.EVENT_WRITE, self)
        except OSError as error:
            self._close()
            self.perform(self.uplink.handle(Lost(str(error)), now_ms))

    def _wrap(self, open_: socket.socket) -> None:
        self.storm.look.unregister(open_)
        self.socket = peer = self.context.wrap_socket(open_, server_hostname=HOST, do_handshake_on_connect=False)
        self.storm.look.register(peer, selectors.EVENT_WRITE, self)
        self.shaken = False
        self._shake(peer)

    def _shake(self, peer: ssl.SSLSocket) -> None:
        peer.do_handshake()
        self.shaken = True
        peer.sendall(connect(self.credential))
        self.storm.look.modify(peer, selectors.EVENT_READ, self)

    def _listen(self, peer: socket.socket, now_ms: int) -> None:
        words = peer.recv(4096)
        if not words:
            raise ConnectionResetError("the broker ended it")
        self.heard += words
        if self.heard == CONNACK:
            peer.sendall(subscribe(self.credential.user))
        elif self.heard.startswith(CONNACK + SUBACK):
            self.perform(self.uplink.handle(Connected(), now_ms))
        elif not CONNACK.startswith(self.heard) and not (CONNACK + SUBACK).startswith(self.heard):
            raise ConnectionRefusedError(f"the broker says {self.heard.hex()}")


class Storm:
    """All the nodes at one broker's door."""

    def __init__(self, plan: Plan, port: int, members: Members) -> None:
        self.plan, self.port = plan, port
        self.clock = PacedClock(plan.speed)
        self.look = selectors.DefaultSelector()
        self.knocks: list[int] = []
        self.lamps = [Lamp(self, *member, number) for number, member in enumerate(members)]
        self._due = [(0, number) for number in range(plan.nodes)]

    def knocked(self) -> None:
        """Somebody tries to come in."""
        self.knocks.append(self.clock.boot_ms())

    @property
    def connected(self) -> int:
        """How many have a session."""
        return sum(lamp.uplink.connected for lamp in self.lamps)

    def until(self, connected: int) -> int:
        """Goes on until so many have a session; when that was, in ms. Raises TimeoutError."""
        limit_ms = self.clock.boot_ms() + int(PATIENCE_S * 1000 * self.plan.speed)
        while (now := self.connected) != connected:
            if self.clock.boot_ms() > limit_ms:
                raise TimeoutError(f"{now} of {self.plan.nodes} nodes have a session, {connected} should")
            self._turn()
        return self.clock.boot_ms()

    def _turn(self) -> None:
        for key, _ in self.look.select(LOOK_S):
            if key.data.socket is key.fileobj:
                key.data.ready(self.clock.boot_ms())
                self._wants(self.lamps.index(key.data) if key.data.uplink.phase == "waiting" else None)
        while self._due and self._due[0][0] <= self.clock.boot_ms():
            number = heapq.heappop(self._due)[1]
            lamp, now_ms = self.lamps[number], self.clock.boot_ms()
            if lamp.uplink.due_ms is not None and lamp.uplink.due_ms <= now_ms:
                lamp.perform(lamp.uplink.handle(Tick(), now_ms))
            self._wants(number)

    def _wants(self, number: int | None) -> None:
        """Remembers when this node is due next."""
        if number is not None and (due := self.lamps[number].uplink.due_ms) is not None:
            heapq.heappush(self._due, (due, number))

    def close(self) -> None:
        """Everybody leaves."""
        for lamp in self.lamps:
            lamp.perform([Disconnect()])
        self.look.close()


def peak(knocks: Iterable[int], bin_ms: int) -> float:
    """The most knocks a second in any bin."""
    return max(Counter(at // bin_ms for at in knocks).values(), default=0) * 1000 / bin_ms


def enrolled(plan: Plan, authority: Authority, folder: Path) -> Members:
    """So many nodes with a key and a certificate each."""
    random, now_ms = Random(plan.seed), SystemClock().wall_ms()
    members = []
    for number in range(plan.nodes):
        key, name = keys.new_key(), f"pole-{number:05d}"
        issued = authority.node_certificate(name, key.public_key(), now_ms)
        (folder / name).write_text(keys.dump(key) + issued.chain)
        context = ssl.create_default_context(cadata=authority.trust())
        context.load_cert_chain(folder / name)
        credential = Credential(name, client_id=f"{name}-{random.randbytes(16).hex()}", key=issued.key)
        members.append((credential, context))
    return members


@contextmanager
def broker(plan: Plan, home: Home, members: Members) -> Iterator[Broker]:
    """A real one that knows them all."""
    collector = Credential(COLLECTOR, client_id="c", key="0" * 32)
    write_users(home.broker, [*(credential for credential, _ in members), collector])
    tls = of_broker(home.authority)
    found = Broker(home.broker, HOST, home.ports().broker_port, SERVERS[plan.broker], tls)
    found.start()
    try:
        yield found
    finally:
        found.stop()


def storm(plan: Plan, folder: Path) -> dict[str, Any]:
    """The broker is killed under all of them and comes back; what was measured."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home = Home(folder / "home")
    write_config(home, Ports(broker_port=free_port(HOST), enrol_port=free_port(HOST)))
    desk = open_desk(home, Registry(home.registry))
    assert isinstance(desk.authority, Authority)
    members = enrolled(plan, desk.authority, folder)
    with broker(plan, home, members) as door:
        town = Storm(plan, door.port, members)
        try:
            first_ms = town.until(plan.nodes)
            town.knocks.clear()
            killed_ms = town.clock.boot_ms()
            door.kill(down_for_s=town.clock.real_s(plan.down_s * 1000))
            town.until(0)
            back_ms = town.until(plan.nodes)
            spent_ms = cpu_s(door.pid or 0) * 1000 / plan.nodes
            knocks = [at - killed_ms for at in town.knocks]
            return verdict(plan, first_ms, back_ms - killed_ms, knocks) | {"broker_cpu_ms_each": round(spent_ms, 2)}
        finally:
            town.close()


def verdict(plan: Plan, first_ms: int, back_ms: int, knocks: list[int]) -> dict[str, Any]:
    """Ready for JSON; `even` when the peak is within twice the fair share, and all were back in time."""
    fair = plan.nodes / plan.cap_s
    most = peak(knocks, max(10_000, round(IN_A_BIN / fair * 1000)))
    back_s = back_ms / 1000 - plan.down_s
    return {"broker": plan.broker, "nodes": plan.nodes, "cap_s": plan.cap_s, "down_s": plan.down_s, "speed": plan.speed,
            "first_all_s": round(first_ms / 1000, 1), "knocks": len(knocks), "fair_per_s": round(fair, 2),
            "peak_per_s": round(most, 2), "peak_real_per_s": round(peak(knocks, 1000 * round(plan.speed)), 1),
            "all_back_s": round(back_s, 1), "even": most <= 2 * fair,
            "in_time": back_s <= plan.cap_s + LEEWAY_S}  # fmt: skip


def main() -> int:
    """Runs what is asked for: one JSON object a line for each broker; 0 when all were even and in time."""
    wanted = argparse.ArgumentParser(prog="python -m tests.network.storm")
    wanted.add_argument("--broker", choices=[*SERVERS, "both"], default="both")
    wanted.add_argument("--nodes", type=int, default=1_000)
    wanted.add_argument("--cap", type=int, default=300)
    wanted.add_argument("--down", type=int, default=10)
    wanted.add_argument("--speed", type=float, default=10.0)
    wanted.add_argument("--seed", type=int, default=7)
    wanted.add_argument("-o", "--output", choices=["json"], default="json")
    told = wanted.parse_args()
    good = True
    for kind in SERVERS if told.broker == "both" else [told.broker]:
        with tempfile.TemporaryDirectory(prefix="lantaarn-") as folder:
            said = storm(Plan(kind, told.nodes, told.cap, told.down, told.speed, told.seed), Path(folder))
        print(json.dumps(said), flush=True)
        good = good and said["even"] and said["in_time"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
