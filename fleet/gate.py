"""Who comes in is who it says it is: the office's certificates, its desk and the broker's lists, kept while it runs.

The certificates are there before the broker, which shows one, and before the collector, which is known to the broker
by its key. The desk is opened last, for whoever it admits should find a broker that knows him. While the office runs
everything is looked at once a minute by the office's clock: what is due is renewed, and the broker takes it up without
losing a session. What fails is said once, tried again, and shows among the office's checks.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from edge.wire.messages import CheckResult, State
from fleet import enrol, revoking
from fleet.authority.authority import Authority
from fleet.authority.own import OwnCertificates
from fleet.broker import reload_certificates
from fleet.clock import Clock
from fleet.desk import Desk
from fleet.enrolment import FRESH_MS, enrolment_checks
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
        self.own = OwnCertificates(home, authority, registry.revoked)
        self.members = Members(lambda: enrol.publish(home, registry))
        self.desk = Desk(registry, authority, ports.node_url, clock, self.members.changed)
        self._trouble = ""
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
            return [*self.own.checks(now_ms), *enrolment_checks(incidents, newest, now_ms)]
        except (Trouble, OSError) as error:
            reason = error.happened if isinstance(error, Trouble) else f"{error}."
            return [CheckResult("certificates", State.BAD, reason, "It is tried again; see the office's log.")]

    def look(self) -> list[str]:
        """Renews what is due, and has the broker take it up; the names of what is new. Raises Trouble, OSError."""
        renewed = self.own.renew(self.clock.wall_ms())
        if COLLECTOR in renewed and enrol.know_collector(self.home, self.registry, self.own.key_of(COLLECTOR)):
            self.members.changed()
        tls = of_broker(self.home.authority)
        if OF_BROKER & set(renewed) and tls is not None:
            reload_certificates(self.home.broker, tls)
        self._settle("crl" in renewed)
        self.desk.write_down()
        return renewed

    def _settle(self, renewed: bool) -> None:
        """Who was revoked since we looked last is out, even if whoever revoked him died before the broker knew."""
        gone = {serial for serial, _ in self.registry.revoked()}
        if renewed or not gone <= self._gone:
            revoking.settle(self.home, self.registry, self._gone)
        self._gone = gone

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                renewed, self._trouble = self.look(), ""
            except Exception as error:
                self._complain(str(error))
            else:
                if renewed:
                    LOG.info("Renewed: %s.", ", ".join(renewed))

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            LOG.error("The office's certificates cannot be renewed: %s. It is tried again.", trouble)
        self._trouble = trouble
