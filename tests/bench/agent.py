"""The agent itself, as its own process against real device files and a real broker, beside the script of thirty lines.

Both read a PMS5003 on a terminal of its own and the host's /proc. CPU time and memory are the kernel's figures of the
process; a node's readings count when the office has them, the script's when the broker passed them on. Beside the
script the agent has a password, as the script has; what certificates and encryption cost is measured beside itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet.home import LOOPBACK
from fleet.registry import Credential
from tests.bench.figure import Figure, median
from tests.bench.office import Office, office, wait_for
from tests.bench.process import ROOT, cpu_s, rss_mb, started

AGENT, SCRIPT = "bench-agent", "bench-script"
RSS_GOAL_MB, RSS_TLS_GOAL_MB, START_GOAL_S = 30.0, 34.0, 0.3
PEER, PLAIN = "paho script of 30 lines", "the same with a password, in the clear"
EDGE = "import sys; from edge.cli import main; sys.exit(main())"  # what the console script does
BOARD = """[node]
id = "{node}"
[site]
name = "The bench"
[office]
url = "{url}"
credentials = "credentials.json"
publish_every = "0s"
back_within = "2s"
[journal]
folder = "journal"
commit_every = "{commit}"
[[sensor]]
name = "host"
driver = "vitals"
interval = "1s"
[[sensor]]
name = "dust"
driver = "pms5003"
port = "{device}"
interval = "1s"
"""


@dataclass(frozen=True, slots=True)
class Pole:
    """What both need: an office, device files, and a command each (no script where everybody needs a certificate)."""

    office: Office
    folder: Path
    agent: list[str]
    script: list[str]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process over a while."""

    readings: int
    cpu_s: float
    rss_mb: float
    seconds: float

    @property
    def each_ms(self) -> float:
        """CPU time per reading."""
        return self.cpu_s * 1_000 / self.readings


@contextmanager
def pole(folder: Path, commit: str = "10s", secure: bool = False) -> Iterator[Pole]:
    """Office and devices, for as long as the block lasts."""
    folder.mkdir()
    with ExitStack() as stack:
        desk = stack.enter_context(office(folder, secure))
        devices = [folder / "tty-agent", folder / "tty-script"]
        command = [sys.executable, "-m", "tests.bench.sensors", *map(str, devices)]
        playing = stack.enter_context(started(command, folder / "sensors.log"))
        assert playing.stdout is not None
        if playing.stdout.readline().strip() != "ready":
            raise RuntimeError((folder / "sensors.log").read_text())
        board = _board(desk, folder / "node", devices[0], commit)
        script = [] if secure else _script(desk, desk.enrol(SCRIPT, folder / "script.json"), devices[1])
        yield Pole(desk, folder, [sys.executable, "-c", EDGE, "run", str(board)], script)


def _board(desk: Office, folder: Path, device: Path, commit: str) -> Path:
    """The board file of our node, and beside it the compiled form that the agent starts from."""
    folder.mkdir()
    desk.enrol(AGENT, folder / "credentials.json")
    board = folder / "node.toml"
    board.write_text(BOARD.format(node=AGENT, url=desk.url, device=device, commit=commit))
    with started([sys.executable, "-m", "edge.compile", str(board)], folder / "compile.log") as compiling:
        compiling.wait()
    if compiling.returncode:
        raise RuntimeError((folder / "compile.log").read_text())
    return board


def _script(desk: Office, credential: Credential, device: Path) -> list[str]:
    secrets = [credential.user, credential.password, credential.client_id]
    file = ROOT / "tests" / "bench" / "naive.py"
    return [sys.executable, str(file), LOOPBACK, str(desk.port), *secrets, SCRIPT, str(device)]


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of a process until the broker passed its first words on: seconds of the wall and of its CPU."""

    wall_s: float
    cpu_s: float


def first_words(here: Pole, command: list[str], node: str, kind: str) -> Start:
    """Start the process, and end it as soon as it was heard."""
    ear = here.office.ear
    ear.forget()
    began = time.monotonic()
    with started(command, here.folder / f"{node}.log") as process:
        wait_for(lambda: (node, kind) in ear.at_s or process.poll() is not None, f"{kind} of {node}")
        spent = cpu_s(process.pid) if process.poll() is None else 0.0
        if (node, kind) not in ear.at_s:
            raise RuntimeError(f"{node} ended, saying: {(here.folder / f'{node}.log').read_text()}")
        return Start(ear.at_s[node, kind] - began, spent)


def measure_starts(scratch: Path, runs: int) -> Iterator[Figure]:
    """Start to hello, compiled board in place; the script's first publish beside it."""
    with pole(scratch / "start") as here:
        pairs = [_pair(here) for _ in range(runs + 1)][1:]  # the first one compiles
    ours, theirs = (median([pair[at].wall_s for pair in pairs]) for at in (0, 1))
    least, most = (pick(pair[0].wall_s for pair in pairs) for pick in (min, max))
    spent, they_spent = (median([pair[at].cpu_s for pair in pairs]) for at in (0, 1))
    note = f"median of {runs}, {least:.3f} to {most:.3f} s; {spent:.2f} s of CPU by then against {they_spent:.2f}"
    yield Figure("agent: start to hello", ours, "s", START_GOAL_S, peer=f"{PEER}, first publish",
                 peer_value=theirs, note=note)  # fmt: skip


def _pair(here: Pole) -> tuple[Start, Start]:
    return first_words(here, here.agent, AGENT, "hello"), first_words(here, here.script, SCRIPT, "record")


def measure_steady(scratch: Path, seconds: float, commit: str = "10s") -> Iterator[Figure]:
    """Both at work, side by side, not for the first time: that one compiles."""
    with ExitStack() as stack:
        here = stack.enter_context(pole(scratch / "steady", commit))
        _pair(here)
        agent = stack.enter_context(started(here.agent, here.folder / f"{AGENT}.log")).pid
        script = stack.enter_context(started(here.script, here.folder / f"{SCRIPT}.log")).pid
        time.sleep(min(12.0, seconds / 2))  # the first commit, the schema, the settling of the device
        ours, theirs = _both(here, agent, script, seconds)
    rates = f"{ours.readings / ours.seconds:.1f} readings/s against {theirs.readings / theirs.seconds:.1f}"
    note = f"{ours.seconds:.0f} s, {rates}; {ours.cpu_s:.2f} s of CPU against {theirs.cpu_s:.2f}"
    yield Figure("agent: CPU per reading", ours.each_ms, "ms", peer=PEER, peer_value=theirs.each_ms, note=note)
    yield Figure("agent: resident memory", ours.rss_mb, "MB", RSS_GOAL_MB, peer=PEER, peer_value=theirs.rss_mb,
                 note="edge run, with a password, after the run")  # fmt: skip


def _both(here: Pole, agent: int, script: int, seconds: float) -> tuple[Cost, Cost]:
    """Ours from commit to commit, so that the CPU time and the readings are those of the same while."""

    def rows() -> int:
        return here.office.rows(AGENT)

    def told() -> int:
        return here.office.ear.heard[SCRIPT, "record"]

    began, first, spent = _at_next(rows, lambda: cpu_s(agent))
    their_began, their_first, their_spent = time.monotonic(), told(), cpu_s(script)
    time.sleep(seconds)
    their_ended, their_last, their_total = time.monotonic(), told(), cpu_s(script)
    ended, last, total = _at_next(rows, lambda: cpu_s(agent))
    ours = Cost(last - first, total - spent, rss_mb(agent), ended - began)
    theirs = Cost(their_last - their_first, their_total - their_spent, rss_mb(script), their_ended - their_began)
    return ours, theirs


def measure_tls(scratch: Path, seconds: float, runs: int, commit: str = "10s") -> Iterator[Figure]:
    """The agent under mutual TLS, and the same one beside it without."""
    with ExitStack() as stack:
        both = [stack.enter_context(pole(scratch / name, commit, name == "tls")) for name in ("tls", "plain")]
        starts = [[first_words(here, here.agent, AGENT, "hello") for here in both] for _ in range(runs + 2)][2:]
        ours, theirs = (median([pair[at].wall_s for pair in starts]) for at in (0, 1))
        spent, they_spent = (median([pair[at].cpu_s for pair in starts]) for at in (0, 1))
        note = f"median of {runs}; {spent:.3f} s of CPU by then against {they_spent:.3f}"
        yield Figure("under TLS: start to hello", ours, "s", peer=PLAIN, peer_value=theirs, note=note)
        pids = [stack.enter_context(started(here.agent, here.folder / f"{AGENT}.log")).pid for here in both]
        time.sleep(min(12.0, seconds / 2))
        began = [_now(here, pid) for here, pid in zip(both, pids, strict=True)]
        time.sleep(seconds)
        tls, plain = (_since(here, pid, then) for here, pid, then in zip(both, pids, began, strict=True))
    note = f"{tls.seconds:.0f} s; {tls.cpu_s:.2f} s of CPU for {tls.readings} readings against {plain.cpu_s:.2f}"
    yield Figure("under TLS: CPU per reading", tls.each_ms, "ms", peer=PLAIN, peer_value=plain.each_ms, note=note)
    yield Figure("under TLS: resident memory", tls.rss_mb, "MB", RSS_TLS_GOAL_MB, peer=PLAIN, peer_value=plain.rss_mb,
                 note="edge run with a certificate of its own, after the run")  # fmt: skip


def _now(here: Pole, pid: int) -> tuple[float, int, float]:
    return _at_next(lambda: here.office.rows(AGENT), lambda: cpu_s(pid))


def _since(here: Pole, pid: int, then: tuple[float, int, float]) -> Cost:
    ended, last, total = _now(here, pid)
    return Cost(last - then[1], total - then[2], rss_mb(pid), ended - then[0])


def _at_next(count: Callable[[], int], cost: Callable[[], float]) -> tuple[float, int, float]:
    """When, how many and at what cost, just after the count has grown."""
    before = count()
    wait_for(lambda: count() > before, "the next commit in the store")
    return time.monotonic(), count(), cost()
