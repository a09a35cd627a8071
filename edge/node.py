"""The rooms of one node, wired together: sensors, sampler, journal, courier, health. The agent's loop walks through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from edge import boots, room, views
from edge.buses.port import PortOpener
from edge.clock import Clock
from edge.commits import Commits
from edge.courier import Courier
from edge.effects import Hurry, Tick
from edge.events import Asked, Claimed, ClockTold, Event, Failed, FromLink, Happened, Lost, Opened, Sampled
from edge.health import NodeView, SessionView, checks
from edge.hindsight import Hindsight
from edge.inbox import Inbox
from edge.inheritance import inheritance
from edge.journal.disk import Disk, FolderDisk
from edge.journal.errors import JournalError, from_disk
from edge.journal.journal import LEAP, Journal
from edge.lamp import Lamp, Shows
from edge.link import LinkMaker, Timed
from edge.meter import Meter
from edge.office import OfficeError
from edge.opened import told
from edge.pace import pace_of
from edge.ration import Ration
from edge.registrar import Registrar
from edge.runners.keeper import UNFIT
from edge.sampler import Sampler
from edge.sensors import Sensors, sensor_facts, sensor_line
from edge.timekeeper import Timekeeper
from edge.uplink import Uplink
from edge.wear import Wear, Written
from edge.wire.messages import CheckResult, Health, Hello, State, Status, to_json
from edge.wire.record import RecordKind
from edge.wire.version import VERSION
from edge.wiring import Wiring

LARGEST_EPOCH = 2**32 - 1
LANE_MS = 3_600_000
LEAP_SPREAD = 2**32  # two lives may begin from one copy of the journal: they must not leap to the same place
COPIED = "another copy of this journal"
HELLO_AGAIN_MS = 600_000
WEIGH_MS = 30_000
LAST_ATTEMPTS = 3


class Node:
    """One node. `random` gives numbers from 0 up to but without 1; times in ms since boot."""

    def __init__(
        self,
        wiring: Wiring,
        clock: Clock,
        disk: Disk,
        ports: PortOpener,
        link: LinkMaker | None,
        random: Callable[[], float],
        inbox: Inbox,
        host_root: Path = Path("/"),
        sensors: Sensors | None = None,
        journals: type[Journal] = Journal,
    ) -> None:
        self.wiring, self.clock, self.disk, self.inbox = wiring, clock, disk, inbox
        self.refused_board = ""
        self._random, self._make_link = random, link
        self._began_ms = clock.boot_ms()
        self._journals = journals
        self.commits = Commits(self._open_journal, disk)
        self.commits.open(self._began_ms)
        journal, self._refused = self.commits.journal, self.commits.trouble is not None
        self.boot = boots.begin(disk, clock.boot_id, random, boots.newest(journal) if journal else 0)
        facts = [sensor_facts(plan) for plan in wiring.sensors]
        self.sampler = Sampler(self.boot.ordinal, clock.boot_id, facts, wiring.journal.commit_ms, self._began_ms)
        commit_ms = wiring.journal.commit_ms
        self.sensors = sensors or Sensors(wiring.sensors, ports, clock, inbox.put, host_root, commit_ms)
        self.wear, self._weighed_ms = Wear(wiring.card), -WEIGH_MS
        indoors = wiring.simulated  # where the disk is everybody's
        self._meter = Meter(disk.path) if isinstance(disk, FolderDisk) and not indoors else None
        self.courier: Courier | None = None
        self.registrar: Registrar | None = None  # of a node that is known by a certificate
        self._ration: Ration | None = None
        self._hindsight: Hindsight | None = None
        self.lamp: Lamp | None = None
        self._office_trouble: OfficeError | None = None
        self._lane_ms = self._began_ms + LANE_MS
        self._greeted: int | None = None  # the epoch of the last hello
        self._met, self._hello_ms = False, 0  # another copy of the journal, and when to say hello again because of it
        self.timekeeper = Timekeeper(clock, disk)

    def _open_journal(self) -> Journal:
        schemas = self.commits.schemas.body
        try:
            cap_bytes = room.cap_bytes(self.wiring, self.disk)
        except OSError as error:
            raise from_disk("the journal was opened", error, "Nothing was changed.") from error
        journal = self._journals.open(self.disk, self._new_epoch, cap_bytes, schemas=schemas)
        journal.leap(LEAP + int(self._random() * LEAP_SPREAD))
        return journal

    def _new_epoch(self) -> int:
        return 1 + int(self._random() * (LARGEST_EPOCH - 1))

    # The day's work.

    def begin(self, now_ms: int) -> None:
        """Open the journal, the way to the office and the sensors. Raises JournalBusy."""
        self.commits.open(now_ms)
        self._open_office(now_ms)
        self.sampler.note("agent started", now_ms, version=VERSION, unclean=self.boot.unclean)
        self._take_up(now_ms)
        self.sensors.begin()

    def _open_office(self, now_ms: int) -> None:
        if self._make_link is None:
            return
        try:
            link = self._make_link(self.inbox.put)
        except OfficeError as error:
            self._office_trouble = error
            return
        if isinstance(link, Timed):
            link.moment = self.timekeeper.moment
        acked = self.commits.journal.acked if self.commits.journal else -1
        uplink = Uplink(self.commits.standing(), self._random, pace_of(self.wiring.office), acked, now_ms)
        self._hindsight = Hindsight(self.commits, uplink.outbox, now_ms)
        self._ration = Ration(self.disk, self.clock.boot_id, uplink.outbox.allowance, now_ms)
        self.courier = courier = Courier(uplink, link, self.commits, self._greet, self._redeclare)
        if isinstance(link, Registrar):
            self.registrar = link.attached(self.sampler.note, courier.tell, self.timekeeper.vouched)
        self.tick(now_ms)

    def sampled(self, event: Sampled, now_ms: int) -> None:
        """A sensor gave readings."""
        patient = self.sensors.patients[event.sensor]
        self._note(patient.took(self.sampler.take(event, now_ms), now_ms), now_ms)
        self.sensors.questions.heard(event.sensor, now_ms)

    def opened(self, event: Opened) -> None:
        """A counting sensor tells what its open window holds."""
        self.sampler.take_opened(event)

    def _take_up(self, now_ms: int) -> None:
        """Let the counting sensors go on where an earlier life was; once, as soon as the journal can be read."""
        if self.sampler.opened.ready or self.commits.journal is None or not self.sampler.opened.counts:
            return
        with suppress(JournalError):
            found = inheritance(self.commits.journal, self.commits.schemas)
            left, refused = self.sampler.opened.take_up(found.body, found.later, found.whole)
            for details in told(refused):
                self.sampler.note(UNFIT, now_ms, **details)
            self.sensors.leave(left)

    def failed(self, event: Failed, now_ms: int) -> None:
        """A sensor could not be read."""
        self._note(self.sensors.patients[event.sensor].failed(event, now_ms), now_ms)
        self.sensors.questions.heard(event.sensor, now_ms)

    def clock_told(self, event: ClockTold, now_ms: int) -> None:
        """A sensor told the time."""
        if self.timekeeper.told(event):
            self.timekeeper.tell(self.sampler)

    def happened(self, event: Happened) -> None:
        """Something on a bus is worth an event."""
        self.sampler.note(event.what, event.at_ms, **event.details)

    def pressed(self, now_ms: int) -> None:
        """The identify button: show which node this is."""
        self.sampler.note("button pressed", now_ms)
        if self.lamp is not None:
            self.lamp.identify(now_ms)
            self.sensors.wake(self.lamp)

    def refuse_board(self, why: str) -> None:
        """A newer board than the one in use was refused."""
        self.refused_board = why.splitlines()[0]
        self.sampler.note("board refused", self.clock.boot_ms(), why=why[:2_000])

    def add_lamp(self, lamp: Lamp) -> None:
        """Show how we do; before `begin`."""
        self.lamp = lamp
        self.sensors.add(lamp)

    def _show(self, results: Sequence[CheckResult]) -> None:
        if self.lamp is not None:
            offline = self.courier is not None and not self.courier.uplink.connected
            bad = any(result.state is State.BAD and result.name != "session" for result in results)
            self.lamp.show(Shows.FAULT if bad else Shows.OFFLINE if offline else Shows.HEALTHY)
            self.sensors.wake(self.lamp)

    def _note(self, news: tuple[str, dict[str, str | int | float | bool | None]] | None, now_ms: int) -> None:
        if news is not None:
            self.sampler.note(news[0], now_ms, **news[1])

    def told(self, event: FromLink | Claimed, now_ms: int) -> None:
        """Something came from the link, or from the office's desk."""
        if self.timekeeper.hears(event, now_ms):
            self.timekeeper.tell(self.sampler)
        if self.registrar is not None:
            self.registrar.told(event, now_ms)
        if self.courier is not None and not isinstance(event, Claimed):
            self.courier.tell(event, now_ms)
            self._meet(self.courier, now_ms)
        if isinstance(event, Lost):
            self._show(self.health(now_ms).checks)

    def _meet(self, courier: Courier, now_ms: int) -> None:
        """There is, or was, another copy of this journal: tell it once, and tell the office again what we hold."""
        outbox = courier.uplink.outbox
        if outbox.stranger is None:
            return
        if not self._met:
            self._met = True
            self.sampler.note(COPIED, now_ms, epoch=outbox.held.epoch, next=outbox.held.next, stored=outbox.stranger)
        if outbox.misled and now_ms >= self._hello_ms:
            self._hello_ms = now_ms + HELLO_AGAIN_MS
            self._say_hello(courier)

    def dues(self) -> Iterable[int | None]:
        """When something of ours is due."""
        yield self.sampler.due_ms
        yield self.sensors.questions.due_ms
        yield self.courier.uplink.due_ms if self.courier else None
        yield self._hindsight.due_ms if self._hindsight else None
        yield self.registrar.due_ms if self.registrar else None

    def tick(self, now_ms: int) -> None:
        """Do what is due, but for commits."""
        self.sensors.questions.check(now_ms)
        if self.registrar is not None:
            self.registrar.tick(now_ms)
        due = self.courier.uplink.due_ms if self.courier else None
        found = self._hindsight is not None and self._hindsight.look(now_ms)
        if self.courier is not None and (found or (due is not None and now_ms >= due)):
            self.courier.tell(Tick(), now_ms)

    def commit_if_due(self, now_ms: int, everything: bool = False) -> None:
        """Put what is due into the journal, and let the uplink know."""
        if not everything and now_ms < self.sampler.due_ms:
            return
        self.timekeeper.tell(self.sampler)
        self.timekeeper.keep(now_ms)
        self._keep_ration(now_ms)
        self.sampler.segment = self.commits.journal.segment if self.commits.journal else 0
        self._look_back(now_ms)
        held = self.commits.commit(self.sampler.commit(now_ms, everything), now_ms)
        self._take_up(now_ms)
        refused, self._refused = self._refused, self.commits.trouble is not None
        if refused and not self._refused:
            self._recovered(now_ms)
        if refused != self._refused:
            self.publish_health(now_ms)
        if held is not None and self.courier is not None:
            if held.epoch != self._greeted and self.courier.uplink.connected:
                self._say_hello(self.courier)  # the journal opened after the session began
            self.courier.tell(held, now_ms)

    def _keep_ration(self, now_ms: int, last: bool = False) -> None:
        if self._ration is not None:
            self._ration.keep(self.timekeeper.belief, now_ms, last)

    def _recovered(self, now_ms: int) -> None:
        """The disk refused, perhaps since before we began, and takes again: it is told now what it was not then."""
        boots.keep(self.disk, self.boot)
        self.timekeeper.recall(now_ms)

    def _look_back(self, now_ms: int) -> None:
        """Once an hour how we do goes into the journal too, so that the office can look back over an outage."""
        if now_ms >= self._lane_ms:
            self._lane_ms = now_ms + LANE_MS
            self.sampler.put((RecordKind.HEALTH, 0, to_json(self.health(now_ms))))

    # The way to the office.

    def _greet(self) -> None:
        assert self.courier is not None
        status = Status(self.wiring.node, True, self.clock.boot_id, self.timekeeper.wall_ms())
        self.courier.publish("status", to_json(status), retain=True)
        self._say_hello(self.courier)
        self.publish_health(self.clock.boot_ms())

    def _say_hello(self, courier: Courier) -> None:
        if (journal := self.commits.journal) is not None:
            hello = Hello(self.wiring.node, self.clock.boot_id, journal.epoch, journal.lowest, journal.next, VERSION,
                          journal.total_readings, [sensor_line(plan) for plan in self.wiring.sensors],
                          journal.acked, self.timekeeper.asking(self.clock.boot_ms()),
                          courier.uplink.pace.publish_ms, courier.uplink.pace.ack_ms)  # fmt: skip
            courier.publish("hello", to_json(hello))
            self._greeted = journal.epoch

    def _redeclare(self, keys: Iterable[str]) -> None:
        """Put these schemas into the journal again, whichever run declared them."""
        for key in keys:
            if (body := self.commits.schemas.body(key)) is not None:
                self.sampler.put((RecordKind.SCHEMA, 0, body))

    def publish_health(self, now_ms: int) -> None:
        """Say how we do: with the lamp, and to the office when there is a session to say it in."""
        health = self.health(now_ms)
        self._show(health.checks)
        if self.courier is not None:
            if self.courier.uplink.connected and self.timekeeper.would_ask(now_ms):
                self._say_hello(self.courier)
            self.courier.say_health(health, now_ms)

    def _weigh(self, now_ms: int) -> None:
        """See how much the card has taken."""
        if now_ms - self._weighed_ms >= WEIGH_MS:
            self._weighed_ms, journal = now_ms, self.commits.journal
            counted = self._meter.read() if self._meter else None
            self.wear.look(now_ms, counted or Written(journal.bytes_written if journal else 0))

    def health(self, now_ms: int) -> Health:
        """All checks, and counters that only grow within a run."""
        self._weigh(now_ms)
        journal = self.commits.journal
        days_left = self._days_left(journal) if journal else None
        kept = views.journal_view(self.commits, now_ms, days_left)
        view = NodeView(now_ms, self._began_ms, kept, self._session_view(now_ms), self.timekeeper.view(),
                        views.free_bytes(self.disk), self.boot.unclean, self.refused_board,
                        self.wear.check(), self.registrar.check() if self.registrar else None)  # fmt: skip
        return Health(now_ms, checks(view, [*self.sensors.patients.values()]), self.counters(), self.clock.boot_id[-8:])

    def counters(self) -> dict[str, int]:
        """Readings sampled, refused, lost and journalled, events lost, and what each sensor counted."""
        journal = self.commits.journal
        counts = {"sampled": self.sampler.sampled, "refused": self.sampler.refused, "lost": self.commits.lost}
        counts["events_lost"] = self.sampler.events_lost + self.commits.events_lost
        counts["journalled"] = journal.total_readings if journal else 0
        if journal is not None:
            counts["journal.days_left"] = self._days_left(journal)
            counts["journal.bytes_written"], counts["journal.syncs"] = journal.bytes_written, journal.syncs
        return counts | self.wear.counters() | self.sensors.counters()

    def _days_left(self, journal: Journal) -> int:
        return room.days_left(journal, self.wiring, self.clock.boot_ms() - self._began_ms)

    def _session_view(self, now_ms: int) -> SessionView:
        if self.courier is None:
            return views.no_session(self._make_link is not None, self._office_trouble)
        return views.session_view(self.courier, now_ms)

    # Questions from the pole.

    def asked(self, event: Asked, now_ms: int) -> None:
        """Somebody asked over the socket."""
        if event.question.get("ask") == "status":
            event.answer(self.status(now_ms))
        else:
            self.sensors.asked(event, now_ms)

    def status(self, now_ms: int) -> dict[str, object]:
        """Everything that `edge status` shows."""
        health = self.health(now_ms)
        rows = [{"name": c.name, "state": c.state.value, "reason": c.reason, "remedy": c.remedy} for c in health.checks]
        return {"node": self.wiring.node, "version": VERSION, "boot": self.boot.ordinal, "checks": rows,
                "card": self.wear.line(), "sensors": self.sensors.told(now_ms), "clock": self.timekeeper.line(now_ms),
                "clocks": self.timekeeper.rows(now_ms), "counters": health.counters}  # fmt: skip

    # The end.

    def stop_sensors(self, hear: Callable[[Event, int], None]) -> None:
        """End the bus threads, and hear what they still said."""

        def drain() -> None:
            while (event := self.inbox.take(0)) is not None:
                hear(event, self.clock.boot_ms())

        self.sensors.stop(drain)

    def last_commit(self, now_ms: int) -> None:
        """Everything that is open goes into the journal, at the second or third attempt if it must."""
        self.sampler.note("agent stopped", now_ms)
        for _ in range(LAST_ATTEMPTS):
            self.commit_if_due(now_ms, everything=True)
            if self.commits.trouble is None:
                break
        if self.courier is not None:
            self.courier.tell(Hurry(), now_ms)

    def has_words(self) -> bool:
        """Whether something was committed that is not out yet."""
        uplink = self.courier.uplink if self.courier else None
        return uplink is not None and uplink.connected and (uplink.in_window > 0 or uplink.outbox.has_live)

    def end(self) -> None:
        """Say goodbye and let go of everything but the disk."""
        if self.courier is not None:
            gone = Status(self.wiring.node, False, self.clock.boot_id, self.timekeeper.wall_ms())
            self.courier.goodbye(to_json(gone))
        if self.registrar is not None:
            self.registrar.stop()
        self.timekeeper.end(self.clock.boot_ms())
        self._keep_ration(self.clock.boot_ms(), last=True)
        self.commits.close()
        boots.end(self.disk, self.boot)
