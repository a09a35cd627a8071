"""Who comes in is who it says it is: the office's certificates, its desk and the broker's lists, kept while it runs.

The certificates are there before the broker, which shows one, and before the collector, which is known to the broker
by its key. The desk is opened last, for whoever it admits should find a broker that knows him. While the office runs
everything is looked at once a minute by the office's clock: what is due is renewed, and the broker takes it up without
losing a session. What fails is said once, tried again, and shows among the office's checks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from edge.wire.clocks import credible
from edge.wire.messages import CheckResult, State
from fleet import enrol, revoking, show
from fleet.authority.authority import Authority
from fleet.authority.own import OwnCertificates
from fleet.broker import reload_certificates
from fleet.claims import Kind
from fleet.clock import Clock
from fleet.desk import Desk
from fleet.enrolment import FRESH_MS, enrolment_checks
from fleet.health import AFTERMATH_MS
from fleet.home import Home, Ports
from fleet.members import Members
from fleet.registry import COLLECTOR, Registry
from fleet.tls import of_broker
from fleet.trouble import Trouble
from fleet.web.desk import OpenDesk

LOG = logging.getLogger(__name__)
LOOK_S = 60.0
CHECK_MS = 2_000
OF_BROKER = {"broker", "trust", "crl"}  # what it must read anew


class Gate:
    """The gate of one home; `prepare` before the broker starts, `open` when it runs, `close` at the end."""

    def __init__(self, home: Home, ports: Ports, registry: Registry, authority: Authority, clock: Clock) -> None:
        self.home, self.ports, self.registry, self.clock = home, ports, registry, clock
        self.authority = authority
        self.clones: Callable[[], dict[str, int]] = dict  # nodes in whose name two speak, and when that was seen last
        self._cloned: dict[str, int] | None = None  # as we saw it last
        self.own = OwnCertificates(home, authority, registry.revoked)
        self.members = Members(lambda: enrol.publish(home, registry))
        self.desk = Desk(registry, authority, ports.node_url, clock, self.members.changed)
        self._trouble: Exception | None = None
        self._gone = set[int]()  # serial numbers of those of whom the broker knows that they are revoked
        self._checked_ms, self._checks = -CHECK_MS, list[CheckResult]()
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="gate", daemon=True)

    def prepare(self) -> None:
        """Certificates and the list of the revoked in place, the collector's key known. Raises Trouble, OSError."""
        self._gone = {serial for serial, _ in self.registry.revoked()}
        self.own.renew(self.clock.wall_ms())
        revoking.put_crl(self.home, self.registry, self.authority, self.clock.wall_ms())
        enrol.know_collector(self.home, self.registry, self.own.key_of(COLLECTOR))

    def open(self) -> int:
        """Lets claims in; the port where. Raises Trouble, OSError."""
        self.members.start()
        try:
            place = self.ports.enrol_host, self.ports.enrol_port
            self._door = OpenDesk(self.desk, self.home.authority, *place, self.clock)
        except BaseException:
            self.members.stop()
            raise
        self._keeper.start()
        return self._door.port

    def close(self) -> None:
        """No more claims; who was admitted is told to the broker."""
        self._ending.set()
        self._keeper.join()
        self._door.close()
        self.members.stop()
        with suppress(Trouble):
            self.desk.write_down()

    def checks(self) -> list[CheckResult]:
        """The health of certificates and authority, and of who asks for one; looked at anew every few seconds."""
        now_ms = self.clock.wall_ms()
        if not 0 <= now_ms - self._checked_ms < CHECK_MS:
            self._checks, self._checked_ms = self._look_over(now_ms), now_ms
        return self._checks

    def _look_over(self, now_ms: int) -> list[CheckResult]:
        try:
            incidents, newest = self.registry.incidents(now_ms - FRESH_MS), self.registry.newest_certificates()
            return [*self._upkeep(now_ms), *self.own.checks(now_ms), *enrolment_checks(incidents, newest, now_ms)]
        except (Trouble, OSError) as error:
            reason = error.happened if isinstance(error, Trouble) else f"{error}."
            return [CheckResult("certificates", State.BAD, reason, "It is tried again; see the office's log.")]

    def _upkeep(self, now_ms: int) -> list[CheckResult]:
        """What hinders all of it."""
        if not credible(now_ms):
            reason = f"It cannot be {show.day(now_ms)}, as this machine's clock says: nobody is given a certificate."
            return [CheckResult("clock", State.BAD, reason, "Set it right: timedatectl set-ntp true. That is all.")]
        found = (("The upkeep of the office's certificates fails.", self._trouble),
                 ("The broker could not be told who may come in.", self.members.trouble))  # fmt: skip
        return [_hindered(what, trouble) for what, trouble in found if trouble is not None]

    def look(self) -> list[str]:
        """Renews what is due, and has the broker take it up; the names of what is new. Raises Trouble, OSError.

        Whatever cannot be renewed, who was revoked is out all the same.
        """
        renewed: list[str] = []
        try:
            renewed = self._renew()
        finally:
            self._catch_up("crl" in renewed)
        return renewed

    def _renew(self) -> list[str]:
        renewed = self.own.renew(self.clock.wall_ms())
        tls = of_broker(self.home.authority)
        if OF_BROKER & set(renewed) and tls is not None:
            reload_certificates(self.home.broker, tls)
        return renewed

    def _catch_up(self, listed: bool) -> None:
        """What others began, and may have died before they had done it all: `fleet cert` is a process of its own."""
        key = self.own.key_of(COLLECTOR)
        if key and enrol.know_collector(self.home, self.registry, key):
            self.members.changed()
        self._settle(listed)
        self.desk.write_down()
        self._note_clones()
        if credible(now_ms := self.clock.wall_ms()):
            with self.registry.turn() as ledger:
                ledger.redate(now_ms, now_ms + FRESH_MS)

    def _note_clones(self) -> None:
        """What the store sees of two who speak in one name stands beside what the desk sees."""
        before, self._cloned = self._cloned, self.clones()
        now_ms, disowned = self.clock.wall_ms(), self.registry.disowned() if self._cloned else {}
        for node, last_ms in self._cloned.items():
            aftermath = node in disowned and abs(now_ms - disowned[node]) < AFTERMATH_MS
            if before is not None and last_ms != before.get(node) and not aftermath:
                what = "Two speak in its name by turns: somebody has a copy of its key."
                self.registry.note_incident(Kind.CLONE, node, what, now_ms)
                LOG.warning("%s: %s See: fleet health %s", node, what, node)

    def _settle(self, renewed: bool) -> None:
        """Who was revoked since we looked last is out, even if whoever revoked him died before the broker knew."""
        gone = {serial for serial, _ in self.registry.revoked()}
        if renewed or not gone <= self._gone:
            revoking.settle(self.home, self.registry, self._gone)
        self._gone = gone

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                renewed, self._trouble = self.look(), None
            except Exception as error:
                self._complain(error)
            else:
                if renewed:
                    LOG.info("Renewed: %s.", ", ".join(renewed))

    def _complain(self, trouble: Exception) -> None:
        if str(trouble) != str(self._trouble):
            LOG.error("The upkeep of the office's certificates fails: %s. It is tried again.", trouble)
        self._trouble = trouble


def _hindered(what: str, trouble: Exception) -> CheckResult:
    why, remedy = f"{trouble}.", "See the office's log."
    if isinstance(trouble, Trouble):
        why, remedy = trouble.happened, f"{trouble.next_step}."
    return CheckResult("upkeep", State.BAD, f"{what} {why}", f"It is tried again by itself. {remedy}")
