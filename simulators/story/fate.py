"""The hand that carries out the troubles of a story, and at its end makes all of them good again."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from random import Random

from edge.wire.clocks import ClockQuality
from edge.wire.record import Record, RecordKind, pack
from edge.wire.topics import up
from simulators.story.broker import Broker, Weather
from simulators.story.office import Office
from simulators.story.plan import DAY, HOUR, MINUTE, START_MS
from simulators.story.pole import Pole
from simulators.story.timeline import Timeline
from simulators.story.troubles import EVERYBODY, Trouble

WALLS = {"+10y": 3_652 * DAY, "-10y": -3_652 * DAY, "+1h": HOUR}
REJOIN_MS = 5_000
NUMBERS = (errno.EIO, errno.EROFS, errno.ENOSPC)


class Fate:
    """Does what the script says."""

    def __init__(self, timeline: Timeline, broker: Broker, office: Office, poles: Sequence[Pole]) -> None:
        self.timeline, self.broker, self.office, self.poles = timeline, broker, office, poles
        self.dark: set[str] = set()  # poles without power
        self._lied: dict[str, int] = {}  # since which place of its page the card of a pole lies
        self._over = False
        for pole in poles:
            pole.on_cut = self._went_dark

    def plan(self, troubles: Sequence[Trouble]) -> None:
        """Put them on the timeline."""
        for trouble in troubles:
            self.timeline.at(trouble.at_ms, lambda trouble=trouble: self._befall(trouble))  # type: ignore[misc]

    def _befall(self, trouble: Trouble) -> None:
        self.timeline.tell("trouble", trouble.kind, trouble.node, trouble.lasts_ms, trouble.how)
        dice = Random(trouble.dice)
        if trouble.kind in ("broker", "collector", "slow", "refuse", "weather"):
            self._of_all(trouble, dice)
            return
        for pole in self.poles if trouble.node == EVERYBODY else [self.poles[trouble.node]]:
            getattr(self, "_" + trouble.kind.replace("-", "_"))(pole, trouble, dice)

    def _later(self, lasts_ms: int, do: Callable[[], None]) -> None:
        self.timeline.after(lasts_ms, lambda: None if self._over else do())

    # Power and process.

    def _power(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        if pole.name not in self.dark:
            self._blackout(pole, trouble.how, trouble.lasts_ms, dice)

    def _blackout(self, pole: Pole, keep: str, lasts_ms: int, dice: Random) -> None:
        pole.power_off()
        pole.card.crash(keep, dice)
        self.dark.add(pole.name)
        self._later(lasts_ms, lambda: self._light(pole, dice))

    def _light(self, pole: Pole, dice: Random) -> None:
        """Power again: some know the time at once, some later, some believe that it is 1970."""
        self.dark.discard(pole.name)
        error_ms = dice.choice((0, 0, -dice.randint(1, DAY), -(START_MS + self.timeline.now_ms), WALLS["+10y"]))
        quality = ClockQuality.UNKNOWN if error_ms else ClockQuality.SYNCED
        pole.boot(error_ms, quality)
        boots = pole.boots
        wait_ms = dice.randint(MINUTE, 30 * MINUTE)
        self._later(wait_ms, lambda: pole.set_wall(0, ClockQuality.SYNCED) if pole.boots == boots else None)

    def _power_in_call(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        if pole.agent is not None:
            pole.keep = trouble.how
            pole.card.cut_after(dice.randint(0, 12))

    def _went_dark(self, pole: Pole) -> None:
        self._blackout(pole, pole.keep, 2 * MINUTE, Random(f"{pole.name}/{pole.life}"))

    def _brownout(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        pole.card.fail("datasync", errno.EIO, dice.randint(0, 1), dice.randint(1, 3))
        self._later(trouble.lasts_ms, lambda: self._power(pole, trouble, dice))

    def _liar(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        pole.card.lies = True
        self._lied.setdefault(pole.name, len(pole.page.order))

        def found_out() -> None:
            self._honest(pole)
            self._power(pole, trouble, dice)

        self._later(trouble.lasts_ms, found_out)

    def _honest(self, pole: Pole) -> None:
        pole.card.lies = False
        if (since := self._lied.pop(pole.name, None)) is not None:
            pole.page.forgets(since)

    def _copy(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        files, since = pole.card.copied(), len(pole.page.order)
        self._later(trouble.lasts_ms, lambda: self._put_back(pole, files, since, trouble.how))

    def _put_back(self, pole: Pole, files: dict[str, bytes], since: int, how: str) -> None:
        """In a node that is off, or between two runs of its agent, which is ended for it if it runs."""
        runs = pole.agent is not None
        if runs:
            pole.power_off() if how == "other boot" else pole.kill()
        pole.page.forgets(since)
        pole.put_back(files)
        self.timeline.tell("an older copy is put back", pole.name, how)
        if runs:
            pole.boot() if how == "other boot" else pole.start()

    def _kill(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        self._end(pole, trouble, pole.kill)

    def _stop(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        self._end(pole, trouble, pole.stop)

    def _end(self, pole: Pole, trouble: Trouble, end: Callable[[], None]) -> None:
        if pole.agent is None:
            return
        end()
        life = pole.life
        self._later(trouble.lasts_ms, lambda: pole.start() if pole.life == life and pole.agent is None else None)

    # Card, clock, sensors.

    def _full(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        pole.card.capacity = 0

        def room() -> None:
            pole.card.capacity = None

        self._later(trouble.lasts_ms, room)

    def _sick(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        pole.card.fail(trouble.how, dice.choice(NUMBERS), dice.randint(0, 5), dice.choice((1, 1, 2, 5, 20)))
        self._later(trouble.lasts_ms, pole.card.heal)

    def _clock(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        error_ms = WALLS.get(trouble.how, -(START_MS + self.timeline.now_ms))
        pole.set_wall(error_ms, ClockQuality.UNKNOWN)
        boots = pole.boots
        self._later(trouble.lasts_ms, lambda: pole.set_wall(0, ClockQuality.SYNCED) if pole.boots == boots else None)

    def _sensor(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        name = dice.choice(pole.wiring.sensors).name
        pole.faulty[name] = trouble.how
        self._later(trouble.lasts_ms, lambda: pole.faulty.update({name: ""}))

    # Wires.

    def _cut(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        self.broker.cut_wire(pole.name)
        self._later(trouble.lasts_ms, lambda: self.broker.mend_wire(pole.name))

    def _drop(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        self.broker.lose(pole.name, "connection reset")

    def _denied(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        self.broker.denied.add(pole.name)
        self._later(trouble.lasts_ms, lambda: self.broker.denied.discard(pole.name))

    def _poison(self, pole: Pole, trouble: Trouble, dice: Random) -> None:
        epoch, seq = dice.getrandbits(32), dice.randint(1, 1_000)
        kinds = {"chunk": RecordKind.CHUNK, "clock": RecordKind.CLOCK, "kind": 13}
        if trouble.how in kinds:
            self.broker.plant(up(pole.name, "record"), pack(Record(epoch, seq, kinds[trouble.how], 3, b"{poison")))
        else:
            kind = "record" if trouble.how == "bytes" else "hello"
            self.broker.plant(up(pole.name, kind), dice.randbytes(40))

    # The broker and the office.

    def _of_all(self, trouble: Trouble, dice: Random) -> None:
        match trouble.kind:
            case "weather":
                slow = Weather(200, 4_000) if trouble.how == "slow" else Weather()
                slow.doubled = 0.3 if trouble.how == "doubled" else 0.0
                slow.shuffled = 0.3 if trouble.how == "shuffled" else 0.0
                self.broker.weather = slow
                self._later(trouble.lasts_ms, self._fair)
            case "broker" if self.broker.up:
                self.broker.kill(trouble.how == "forgets")
                self._later(trouble.lasts_ms, self._revive)
            case "collector" if self.office.up:
                self.office.die(trouble.how, lambda: self._later(trouble.lasts_ms, self._reopen))
            case "slow":
                self.office.slow_ms = dice.randint(1_000, 20_000)
                self._later(trouble.lasts_ms, lambda: setattr(self.office, "slow_ms", 0))
            case "refuse":
                self.office.refuses = True
                self._later(trouble.lasts_ms, lambda: setattr(self.office, "refuses", False))

    def _fair(self) -> None:
        self.broker.weather = Weather()

    def _revive(self) -> None:
        if not self.broker.up:
            self.timeline.tell("the broker is back")
            self.broker.revive()
            self.timeline.after(REJOIN_MS, self.office.rejoin)

    def _reopen(self) -> None:
        if not self.office.up:
            self.timeline.tell("the collector is back")
            self.office.begin()

    # The end of all troubles.

    def heal(self) -> None:
        """Everything works from now on, and whoever is down gets up."""
        self._over = True
        self.timeline.tell("healed")
        self._fair()
        self._revive()
        self.office.slow_ms, self.office.refuses, self.office.dies = 0, False, ""
        self._reopen()
        self.broker.denied.clear()
        for pole in self.poles:
            self._mend(pole)

    def _mend(self, pole: Pole) -> None:
        self.broker.mend_wire(pole.name)
        pole.card.heal()
        pole.card.no_cut()
        pole.card.capacity = None
        self._honest(pole)
        pole.faulty.clear()
        if pole.name in self.dark:
            self.dark.discard(pole.name)
            pole.boot()
        else:
            pole.set_wall(0, ClockQuality.SYNCED)
            if pole.agent is None:
                pole.start()
