"""A whole agent on a told clock that is known by a certificate: its real rooms and its real way through enrolling, a
desk and a broker in the same process, which look at keys, times and roots as real ones do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography import x509

from edge.clock import Clock
from edge.enrolling import Enrolling, Line, Timing
from edge.events import Claimed, Connected, Lost
from edge.floor import begin, read
from edge.identity import Identity, Papers, Which
from edge.link import Link
from edge.mqtt import Put
from edge.office import Card, OfficeError
from edge.registrar import Registrar
from edge.validity import Moment, fault, of_pem
from edge.wire.messages import CheckResult
from edge.wiring import OfficePlan
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.clerk import Clerk, key_of
from tests.edge.loopback import Loopback
from tests.edge.loopback import Office as Store
from tests.edge.pole import WIRING, Pole, events
from tests.edge.signing import DAY_MS, SERVER, Office, new_key

NODE = WIRING.node
MEMBER = replace(WIRING, office=OfficePlan("mqtts://office:8883", "credentials.json", publish_ms=0))


@dataclass
class Broker:
    """Takes whose key is a member's, while the certificate is good by the broker's clock."""

    clerk: Clerk
    signer: Office
    members: set[bytes] = field(default_factory=set)
    up: bool = True
    days: int = 90  # how long its own certificate is good
    began_ms: int | None = None

    def certificate(self) -> str:
        """Its own, renewed as it should be."""
        began_ms = self.clerk.now_ms - 3_600_000 if self.began_ms is None else self.began_ms
        return self.signer.leaf("broker", KEY, began_ms, began_ms + self.days * DAY_MS, ["office"], SERVER)

    def refuses(self, papers: Papers, now: Moment) -> Lost | None:
        """As TLS would: first the node looks at the broker, then the broker at the node."""
        if self.signer.trust.strip() not in papers.trust:
            return Lost("the certificate of what answers is none of those that we trust", "trust")
        if why := fault(of_pem(self.certificate()), now):
            return Lost(f"the certificate of the broker is not good now: {why}", "trust")
        theirs = x509.load_pem_x509_certificates(papers.certificate.encode())
        theirs[0].verify_directly_issued_by(theirs[1])
        sure = Moment(self.clerk.now_ms, 0, 0)
        if fault(of_pem(papers.certificate), sure) or key_of(papers.certificate) not in self.members:
            return Lost("the broker refuses our certificate", "certificate")
        return None


KEY = new_key()


class Wire(Loopback):
    """The link of one certificate."""

    def __init__(self, broker: Broker, store: Store, papers: Papers, moment: Callable[[], Moment], put: Put) -> None:
        super().__init__(store, put)
        self.broker, self.papers, self.moment = broker, papers, moment

    def connect(self, broker: int = 0) -> None:
        refused = Lost("nobody listens", "refused") if not self.broker.up else None
        refused = refused or self.broker.refuses(self.papers, self.moment())
        self.joined = refused is None
        self.office.sessions += self.joined
        self._put(refused or Connected())


@dataclass
class Spot:
    """The card and the folder."""

    disk: MemoryDisk
    card: Card

    def identity(self) -> Identity:
        return Identity(self.disk, self.card.trust, bool(self.card.token), self.card.vouched_ms)

    def wipe(self) -> bool:
        self.card, had = replace(self.card, token=""), bool(self.card.token)
        return had


@dataclass
class Errand:
    """Who asks the desk: at once, or when told."""

    spot: Spot
    clerk: Clerk
    clock: Clock
    journal: MemoryDisk
    waits: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)
    asked: int = 0
    stopped: int = 0

    def start(self, again: bool, told: Callable[[Claimed], None]) -> None:
        self.asked += 1
        if self.waits:
            self.waiting.append(lambda: told(self._claimed(again)))
        else:
            told(self._claimed(again))

    def answer(self) -> None:
        for each in self.waiting:
            each()
        self.waiting.clear()

    def line(self, trust: str, now: Callable[[], Moment]) -> Line:
        return self.clerk

    def stop(self) -> None:
        self.stopped += 1

    def _claimed(self, again: bool) -> Claimed:
        timing = Timing(self.clock, begin(read(self.journal), self.clock.boot_id, self.clock.boot_ms()))

        try:
            return Enrolling(self.spot.card, self.spot.identity(), timing, self.line, "", lambda: "s" * 32).run(again)
        except (OSError, OfficeError) as error:
            return Claimed("failed", "disk", str(error))


class Member(Pole):
    """The agent, with its desk and its broker."""

    def __init__(
        self, clock: VirtualClock | None = None, seed: int = 1, waits: bool = False, away: bool = False
    ) -> None:
        clock = clock or VirtualClock(now_us=50_000_000)
        self.clerk = Clerk(clock.wall_ms(), away=away)
        self.broker = Broker(self.clerk, self.clerk.office)
        self.keys = MemoryDisk()
        self.spot = Spot(self.keys, Card(NODE, "u", "e", self.clerk.token, self.clerk.office.trust))
        self.errand = Errand(self.spot, self.clerk, clock, MemoryDisk(), waits)
        self.clerk.after = self._admit
        self.wires: list[Wire] = []
        super().__init__(clock=clock, seed=seed, wiring=MEMBER)

    def _admit(self) -> None:
        """The broker is told of the key that the desk knows."""
        self.broker.members = set() if self.clerk.revoked else {self.clerk.key}

    def start(self, boot_id: str | None = None) -> None:
        self.errand.journal = self.disk
        super().start(boot_id)

    def _link(self, put: Put) -> Link:  # type: ignore[override]
        def dial(which: Which, papers: Papers, moment: Callable[[], Moment]) -> Link:
            self.wires.append(Wire(self.broker, self.office, papers, moment, put))
            return self.wires[-1]

        return Registrar(self.spot, dial, self.errand, put, self.random, self.clock.boot_ms())

    def connected(self) -> bool:
        courier = self.agent.node.courier
        return courier is not None and courier.uplink.connected

    @property
    def identity(self) -> Identity:
        return self.spot.identity()

    def check(self, name: str = "certificate") -> CheckResult:
        return self.health()[name]

    def pass_days(self, days: float, step_s: int = 3_600) -> None:
        """Let time pass for the node and for the office, sampling a little."""
        for _ in range(max(1, int(days * 86_400 / step_s))):
            self.clock.advance(step_s)
            self.clerk.now_ms += step_s * 1_000
            self.sample("air")
            self.settle()

    def named(self) -> list[str]:
        """What happened, that is no start nor end of the agent."""
        usual = ("agent started", "agent stopped")
        return [event.what for event in events(self.office) if event.what not in usual]


