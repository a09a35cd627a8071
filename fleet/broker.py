"""The broker as a child of `fleet serve`, NATS or Mosquitto: started, watched, restarted, never trusted with anything.

A broker that dies is started again, sooner at first and later if it keeps dying. It is tethered to the thread that
started it, so that it ends with an office that is killed by force. One that was left behind all the same is known by
its pid file and config, and stopped before ours begins. A port that somebody else holds is said before the child is
started: a broker itself would only write it to its log.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fleet import files
from fleet import tether as tethers
from fleet.clock import SystemClock, steady_ms
from fleet.registry import Credential
from fleet.servers import NATS, SERVERS, Server
from fleet.tls import Tls, in_words
from fleet.trouble import Exit, Trouble

LOG = logging.getLogger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
LONG_LIFE_MS = 30_000  # a broker that lived so long was a good one: the next pause is short again
READY_WITHIN_MS = 15_000
HEARS_WITHIN_MS = 5_000
STOP_WITHIN_S = 5.0
LOOK_S = 60.0
LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_PORT = 10_000
TRIES, STRIDE = 50, 397  # ports that one process looks at; how far apart two processes begin
_asked = itertools.count()
LARGEST_LOG = 8 << 20  # bytes; then it is put aside, in the place of the one before


def write_users(folder: Path, credentials: Iterable[Credential]) -> None:
    """Puts the user lists of every kind of broker in place: which one runs is a word in fleet.toml."""
    known = list(credentials)
    for server in SERVERS.values():
        server.write_lists(folder, known)


def reload(folder: Path) -> bool:
    """Asks a running broker to read its user list anew; False when none runs in this folder."""
    pids = [pid for server in SERVERS.values() if (pid := running(folder, server)) is not None]
    for pid in pids:
        _await_ears(pid)
        with suppress(ProcessLookupError):  # it died just now; the next one reads the lists when it starts
            os.kill(pid, signal.SIGHUP)
    return bool(pids)


def _await_ears(pid: int) -> None:
    """Mosquitto lets clients in a moment before it catches SIGHUP, and dies of one that comes too soon (measured)."""
    until, pause = steady_ms() + HEARS_WITHIN_MS, threading.Event()
    while Path(f"/proc/{pid}").exists() and not catches(pid, signal.SIGHUP) and steady_ms() < until:
        pause.wait(0.005)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether that process has something to do when the signal comes; False when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def reload_certificates(folder: Path, tls: Tls) -> bool:
    """Has a running broker take what lies in its files by now; live sessions stay. False when none runs here.

    Both brokers do so on SIGHUP (measured). Raises Trouble, and leaves the broker as it is, when the files do not
    belong together: NATS would keep the old ones, but Mosquitto would let nobody in.
    """
    check_pair(tls)
    return reload(folder)


def check_pair(tls: Tls) -> None:
    """Raises Trouble when certificate, key and roots cannot be used together."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cafile=tls.trust)
        context.load_cert_chain(tls.certificate, tls.key, password="")  # never asked for
    except OSError as error:
        raise Trouble(f"The broker's certificate cannot be used: {in_words(error)}.",
                      "The broker stays as it is; nodes keep their readings.",
                      f"ls -l {tls.certificate.parent}; fleet cert renew office", Exit.REFUSED) from error  # fmt: skip


def end(folder: Path, server: Server) -> bool:
    """Ends a broker that runs in this folder, with all its sessions; the office starts it again. Whether it ended."""
    pid = running(folder, server)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    until, pause = steady_ms() + int(STOP_WITHIN_S * 1000), threading.Event()
    while pid is not None and running(folder, server) == pid:
        if steady_ms() > until:
            return False
        pause.wait(0.02)
    return True


def running(folder: Path, server: Server = NATS) -> int | None:
    """The pid of a broker of this kind that works in this folder, whoever started it."""
    try:
        pid = int((folder / server.pid).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        alive = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, ValueError, IndexError):
        return None
    return pid if alive and str(folder / server.config).encode() in words else None


def knock(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError:
        return False
    return True


def check_free(host: str, port: int, what: str, remedy: str) -> None:
    """Raises Trouble when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            happened = f"{what} cannot listen on {host}:{port}: {error.strerror}."
            stands = "The office did not start; nothing was changed or lost."
            raise Trouble(happened, stands, remedy, Exit.REFUSED) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago; that the kernel lends to nobody who calls out meanwhile, and that this process
    was not given before, nor another at this moment. Raises OSError when `host` is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    room = _first_lent() - LOWEST_PORT
    for _ in range(TRIES if room > 0 else 0):
        port = LOWEST_PORT + (os.getpid() * STRIDE + next(_asked)) % room
        try:
            with socket.create_server((host, port), family=family):
                return port
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    with socket.create_server((host, 0), family=family) as probe:
        return int(probe.getsockname()[1])


def _first_lent() -> int:
    try:
        return int(LENT.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def see_port(port: int, section: str) -> str:
    """What to do about a port that is taken."""
    return f"ss -ltnp 'sport = :{port}' shows who has it; or set another [{section}] port in fleet.toml"


class Broker:
    """The child and the thread that starts it and watches it: the same one, for the child ends with that thread."""

    def __init__(self, folder: Path, host: str, port: int, server: Server = NATS, tls: Tls | None = None) -> None:
        self.folder, self.host, self.port, self.server, self.tls = folder, host, port, server, tls
        self.restarts = 0
        self.ended_ms = 0
        self.fault = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._birth = threading.Lock()
        self._pause_s: float | None = None
        self._watcher = threading.Thread(target=self._watch, name="broker", daemon=True)

    @property
    def config(self) -> Path:
        """The file it is started with."""
        return self.folder / self.server.config

    @property
    def pid(self) -> int | None:
        """The child's pid while it lives."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def up(self) -> bool:
        """Whether it lives."""
        return self.pid is not None

    @property
    def look(self) -> str:
        """Where to look when it does not do well."""
        return f"Look into broker/{self.server.log} and broker/{self.server.out} in the office's home."

    def start(self) -> None:
        """Starts the child and waits until it answers. Raises Trouble."""
        self.server.find()
        if self.tls:
            check_pair(self.tls)
        for server in SERVERS.values():
            self._stop_leftover(server)
        check_free(self.host, self.port, "The broker", see_port(self.port, "broker"))
        (self.folder / "jetstream").mkdir(mode=0o700, exist_ok=True)
        files.replace(self.config, self.server.config_text(self.folder, self.host, self.port, True, self.tls))
        self._watcher.start()
        self._await_ready()

    def stop(self) -> None:
        """Ends the child in good order; by force when it does not end."""
        with self._birth:
            self._ending.set()
            child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._watcher.is_alive():
            self._watcher.join(STOP_WITHIN_S)

    def kill(self, down_for_s: float | None = None) -> int | None:
        """SIGKILLs the child, for drills; it comes back after `down_for_s` real seconds. The pid that was killed."""
        pid = self.pid
        self._pause_s = down_for_s
        if self._child is not None and pid is not None:
            self._child.kill()
        return pid

    def _await_ready(self) -> None:
        until = steady_ms() + READY_WITHIN_MS
        while not knock(self.host, self.port):
            if self.ended_ms or steady_ms() > until:
                self.stop()
                raise Trouble(
                    "The broker did not start.", "Nothing was changed or lost.",
                    f"tail {self.folder}/{self.server.log} {self.folder}/{self.server.out}",
                )
            self._ending.wait(0.02)

    def _watch(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            born = steady_ms()
            how = self._live()
            if self._ending.is_set():
                return
            self.ended_ms = SystemClock().wall_ms()
            pause_s = FIRST_PAUSE_S if steady_ms() - born > LONG_LIFE_MS else min(pause_s * 2, LONGEST_PAUSE_S)
            wait_s, self._pause_s = self._pause_s if self._pause_s is not None else pause_s, None
            LOG.warning("The broker ended (%s). Nodes keep their readings; it is started again in %.1f s.", how, wait_s)
            if self._ending.wait(wait_s):
                return
            self.restarts += 1

    def _live(self) -> str:
        """One life of the child: how it ended, or why it could not begin, in words."""
        try:
            child = self._spawn()
            self.fault = ""
            return f"code {self._attend(child)}" if child is not None else "not wanted"
        except (OSError, Trouble) as error:
            self.fault = f"It cannot be started, {type(error).__name__}: {error}."
            return self.fault

    def _attend(self, child: subprocess.Popen[bytes]) -> int:
        """Waits for its end; a log that has grown too long is put aside, as Mosquitto does not by itself."""
        while True:
            try:
                return child.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                self.turn_log()

    def turn_log(self) -> None:
        """Puts a log that is full aside, and has the broker begin a new one."""
        log = self.folder / self.server.log
        if self.server is not NATS and log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
            reload(self.folder)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        tether = [sys.executable, "-I", "-S", tethers.__file__, str(os.getpid())]
        command = [*tether, *self.server.command(self.config)]
        with self._birth, (self.folder / self.server.out).open("wb") as out:
            if self._ending.is_set():
                return None
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, umask=0o077,
                                           start_new_session=True, cwd=self.folder)  # fmt: skip
            return self._child

    def _stop_leftover(self, server: Server) -> None:
        pid = running(self.folder, server)
        if pid is None:
            return
        LOG.warning("A broker of an earlier office (process %d) was still running; it is replaced.", pid)
        os.kill(pid, signal.SIGTERM)
        until = steady_ms() + int(STOP_WITHIN_S * 1000)
        while running(self.folder, server) == pid:
            if steady_ms() > until:
                os.kill(pid, signal.SIGKILL)
            self._ending.wait(0.02)
