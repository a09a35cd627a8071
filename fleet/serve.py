"""The running office: broker, store, collector and page, started in that order and stopped in the reverse.

`fleet serve` runs one; the street opens one in its own process and at its own time. Everything that is to be started
can be started in vain, so whatever came up is taken down again before the reason is told.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType

from edge.wire.messages import CheckResult
from fleet import enrol
from fleet.authority import passphrase
from fleet.authority.authority import Authority
from fleet.broker import Broker, check_free, free_port, see_port
from fleet.clock import Clock, SystemClock
from fleet.collect import back_within_ms
from fleet.collector import Collector
from fleet.elsewhere import Elsewhere
from fleet.gate import Gate
from fleet.heartbeat import Heartbeat
from fleet.home import EVERYWHERE, LOOPBACK, Home, Ports, existing, in_url, write_config
from fleet.live import Live
from fleet.mqtt import MqttInlet
from fleet.pulse import Pulse, office_checks
from fleet.registry import COLLECTOR, Credential, Node, Registry
from fleet.servers import NOBODY, SERVERS
from fleet.spool import SpoolInlet
from fleet.store.damage import open_store
from fleet.store.read import StoreReader
from fleet.tls import of_broker, of_collector
from fleet.trouble import Exit, Trouble
from fleet.window import OfficeWindow

WEB_STOP_S = 5.0
Signer = Callable[[Path], Authority]
LOOK_UP_S = 1.0  # a signal that another thread was given does not wake the one that must act on it


def unlocked(folder: Path) -> Authority:
    """The authority in a folder; its passphrase is asked for if it has one. Raises Trouble."""
    return Authority.open(folder, passphrase.given(folder))


class Office:
    """Broker child, collector, desk and page of one home. `web_port` 0 takes a free port, None shows no page.

    A home with an authority has a gate, and everybody comes in by certificate; one without has passwords.
    """

    def __init__(
        self, home: Home, ports: Ports, clock: Clock | None = None, streets: Path | None = None, web: bool = True,
        signer: Signer = unlocked,
    ) -> None:  # fmt: skip
        self.home, self.ports, self.web = home, replace(ports, secure=home.secure), web
        self.clock: Clock = clock or SystemClock()
        self.streets = streets if streets is not None else home.folder / "streets.geojson"
        self.live = Live()
        self.registry = Registry(home.registry)
        self.broker = self._broker()
        self.gate: Gate | None = None
        self._signer = signer
        self.reader = StoreReader(home.readings)
        self._stack = ExitStack()

    def _broker(self) -> Broker | Elsewhere:
        host, port = self.ports.broker_host, self.ports.broker_port
        if self.ports.broker_kind == NOBODY:
            return Elsewhere(host, port, lambda: self.live.connected)
        return Broker(self.home.broker, host, port, SERVERS[self.ports.broker_kind], of_broker(self.home.authority))

    def start(self) -> None:
        """Everything up, or a Trouble raised and nothing left running."""
        with ExitStack() as stack:
            stack.enter_context(self.home.locked())
            self.home.pulse.unlink(missing_ok=True)
            enrol.check_signed(self.home, self.registry)
            self.gate = self._gate()
            enrol.make_home(self.home, self.registry)
            self.store = open_store(self.home.readings, self.home.keep_ms())
            stack.callback(self.store.close)
            stack.callback(self.reader.close)
            self.window = OfficeWindow(self.reader, self.registry, self.live, self.clock, self.streets, self.checks)
            if self.web:
                stack.callback(self._serve_page(self.window))
            stack.callback(self.broker.stop)
            self.broker.start()
            self.inlet = self._open_inlet()
            self.collector = Collector(SpoolInlet(self.inlet, self.home.spool), self.store, self.live)
            self.collector.back_ms = lambda: back_within_ms(len(self.registry.nodes()))
            self.collector.chores = self.tidy
            stack.callback(self.inlet.stop)
            self.inlet.start()
            stack.callback(self.collector.stop)
            self.collector.start()
            if self.gate is not None:
                self.ports = replace(self.ports, enrol_port=self.gate.open())
                stack.callback(self.gate.close)
            heartbeat = Heartbeat(self.home.pulse, self.pulse)
            stack.callback(heartbeat.stop)
            heartbeat.start()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Commits what arrived, then ends page, collector and broker."""
        self._stack.close()

    def tidy(self) -> bool:
        """One turn of the store's housekeeping, by a clock that is sure or by what the readings attest."""
        return self.store.tidy(self.clock.wall_ms(), self.collector.sure_ms() is not None)

    def pulse(self) -> Pulse:
        """How the office does, now."""
        live, broker = self.live, self.broker
        return Pulse(live.now_ms(), os.getpid(), live.connected, live.subscribed, live.refusal, live.sessions_lost,
                     live.session_lost_ms, broker.up, broker.restarts, broker.ended_ms, broker.fault,
                     live.turned_ms, live.committed_ms, live.fault, live.fault_ms, live.unkept,
                     shutil.disk_usage(self.home.folder).free, broker.look,
                     self.gate.checks() if self.gate else [])  # fmt: skip

    def checks(self) -> list[CheckResult]:
        """The office's own checks, as its page shows them."""
        pulse = self.pulse()
        return office_checks(pulse, pulse.at_ms, str(self.home.folder))

    @property
    def broker_pid(self) -> int | None:
        """The broker's pid while it lives."""
        return self.broker.pid

    def kill_broker(self, down_for_s: float | None = None) -> int | None:
        """SIGKILLs the broker; it is started again after `down_for_s` real seconds."""
        return self.broker.kill(down_for_s)

    def add_node(self, node: Node, credentials: Path) -> None:
        """What `fleet node add` does, from within."""
        enrol.add(self.home, self.registry, node, credentials)

    @property
    def page(self) -> str | None:
        """The page's address."""
        return f"http://{in_url(self.ports.web_host)}:{self.ports.web_port}/" if self.web else None

    def _gate(self) -> Gate | None:
        """By the machine's own clock, even where the office lives by another: brokers and OpenSSL know no other."""
        if not self.home.secure:
            return None
        gate = Gate(self.home, self.ports, self.registry, self._signer(self.home.authority), SystemClock())
        gate.clones = self.reader.clones
        gate.prepare()
        return gate

    def _open_inlet(self) -> MqttInlet:
        credential: Credential | None = self.registry.credential(COLLECTOR)
        assert credential is not None
        host = LOOPBACK if self.ports.broker_host in EVERYWHERE else self.ports.broker_host
        tls = of_collector(self.home.authority)
        return MqttInlet(self.live, self.clock, host, self.ports.broker_port, credential, self.broker.look, tls)

    def _serve_page(self, window: OfficeWindow) -> Callable[[], None]:
        import uvicorn

        from fleet.web.app import app

        door = _door(self.home, self.ports)
        self.ports = replace(self.ports, web_port=door.getsockname()[1])
        page = app(window, hosts=[in_url(self.ports.web_host)])
        config = uvicorn.Config(page, log_level="warning", access_log=False, log_config=None, lifespan="off",
                                timeout_graceful_shutdown=1)  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, name="page", daemon=True)
        thread.start()

        def close() -> None:
            server.should_exit = True
            thread.join(WEB_STOP_S)
            door.close()

        return close


def open_office(
    folder: Path, ports: Ports, clock: Clock | None = None, streets: Path | None = None, web: bool = True,
    signer: Signer | None = None,
) -> Office:  # fmt: skip
    """An office that runs: its home is made where there is none. Ports that are 0 become free ones. Raises Trouble.

    `signer` opens or makes the authority in a folder; None: a new home has none, and works with passwords.
    """
    home = Home(folder.absolute())
    ports = replace(ports, broker_port=ports.broker_port or free_port(ports.broker_host),
                    enrol_port=ports.enrol_port or free_port(ports.enrol_host))  # fmt: skip
    write_config(home, ports)
    if signer is not None:
        signer(home.authority)
    office = Office(home, ports, clock, streets, web, signer or unlocked)
    office.start()
    return office


def serve(home: Home, told: Callable[[Office], None]) -> None:
    """Runs the office of this home until SIGTERM, SIGINT or SIGHUP; `told` hears when it is up. Raises Trouble."""
    office = Office(existing(home), home.ports())
    ending = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, end)
    office.start()
    try:
        told(office)
        while not ending.wait(LOOK_UP_S):
            pass
    finally:
        office.stop()


def _door(home: Home, ports: Ports) -> socket.socket:
    if ports.web_host in EVERYWHERE:
        raise Trouble("The page is for this machine, or for a reverse proxy that asks for a password; [web] host = "
                      f'"{ports.web_host}" would show it to everybody.',
                      "The office did not start; nothing was changed or lost.",
                      f'set [web] host = "{LOOPBACK}" in {home.config}', Exit.USAGE)  # fmt: skip
    if ports.web_port:
        check_free(ports.web_host, ports.web_port, "The page", see_port(ports.web_port, "web"))
    family = socket.AF_INET6 if ":" in ports.web_host else socket.AF_INET
    return socket.create_server((ports.web_host, ports.web_port), family=family)
