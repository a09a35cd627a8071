"""How a node does, as the office sees it: named questions with three answers, a reason and a remedy. Pure.

"Online" is not healthy: what counts is that every sensor's readings arrive. One cause gives one red check: when a
node is silent, what its sensors do is unknown, not bad. A node that was never heard is new, not broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.reading import Flag
from edge.wire.clocks import AHEAD_MS, ClockQuality
from edge.wire.messages import CheckResult, State

SILENT_AFTER_MS = 300_000  # at least; who publishes more seldom gets three of his cadences
SILENT_CADENCES = 3
QUIET_AFTER_MS = 120_000  # at least; a sensor with a slower rhythm gets three of its intervals
QUIET_INTERVALS = 3
MUCH_WAITING = 600  # records; an hour of them at ten seconds is 360
CLONED_MS = 86_400_000  # two that are at work are seen by the minute
AFTERMATH_MS = 3_600_000  # after a node lost its key: what was under way arrives, and who stayed comes back
OWN = "node: "


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """The newest reading of a sensor and its usual interval; None where there is none yet."""

    name: str
    last_ms: int | None
    interval_ms: int | None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the office knows of one node when it is asked."""

    node: str
    online: bool | None = None
    last_ms: int = 0
    sensors: Sequence[SensorFacts] = ()
    clock: int | None = None
    undated: int = 0
    waiting: int = 0
    lost_records: int = 0
    lost_readings: int = 0
    lost_why: str = ""
    copied: str = ""  # what shows that an older copy of its journal was put back
    raw: int = 0
    quarantined: int = 0
    refused: int = 0
    own: Sequence[CheckResult] = ()
    publish_ms: int = 0  # so long its readings wait for company
    since_ms: int | None = None  # since when it is connected, by its own clock
    revoked: bool = False
    cloned_ms: int = 0  # when it was seen last that two speak in its name
    ahead: int = 0  # readings that are dated later than now


def checks(facts: NodeFacts, now_ms: int) -> list[CheckResult]:
    """Every check of one node at `now_ms` (Unix ms)."""
    contact = _contact(facts, now_ms)
    answers = [contact, *_identity(facts, now_ms)]
    if contact.state is not State.UNKNOWN:
        here = contact.state is State.GOOD
        answers += [_sensor(sensor, facts, now_ms, here) for sensor in facts.sensors]
        answers += [_backlog(facts), _clock(facts, now_ms), _gaps(facts), _readable(facts)]
        answers += [_own(check, here) for check in facts.own]
    return answers


def verdict(answers: Iterable[CheckResult]) -> CheckResult:
    """The one check that speaks for all: the first bad one, else the first unknown, else the first."""
    order = [State.BAD, State.UNKNOWN, State.GOOD]
    return min(answers, key=lambda check: order.index(check.state))


def span(milliseconds: int) -> str:
    """A length of time for people."""
    seconds = max(0, milliseconds) // 1000
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


def _contact(facts: NodeFacts, now_ms: int) -> CheckResult:
    age = now_ms - facts.last_ms
    if facts.revoked:
        remedy = f"To let it in again with a new key: fleet node add {facts.node} --renew."
        return CheckResult("contact", State.UNKNOWN, "It was revoked: nothing is taken from it any more.", remedy)
    if not facts.last_ms:
        remedy = "Power it, and put its credentials beside its node.toml."
        return CheckResult("contact", State.UNKNOWN, "It has not been heard yet.", remedy)
    if facts.online is False:
        reason = f"Its connection ended; it was last heard {span(age)} ago. It keeps what it measures."
        return CheckResult("contact", State.BAD, reason, "Look at its power and network; then run `edge status` there.")
    if age < -AHEAD_MS:
        reason = "Connected, they say, but nothing has been heard since the office's clock, which was ahead, was set."
        return CheckResult("contact", State.BAD, reason, "Run `edge status` at the node.")
    if age > max(SILENT_AFTER_MS, SILENT_CADENCES * facts.publish_ms):
        reason = f"Connected, they say, but nothing has been heard for {span(age)}."
        return CheckResult("contact", State.BAD, reason, "Run `edge status` at the node.")
    return CheckResult("contact", State.GOOD, f"It was heard {span(age)} ago.")


def _identity(facts: NodeFacts, now_ms: int) -> list[CheckResult]:
    age = now_ms - facts.cloned_ms
    if facts.revoked or not facts.last_ms:
        return []
    if not facts.cloned_ms or abs(age) >= CLONED_MS:  # so far ahead: by a clock that was wrong
        return [CheckResult("identity", State.GOOD, "Nobody else speaks in its name.")]
    reason = f"Two speak in its name by turns, last {span(age)} ago: somebody has a copy of its card or folder."
    remedy = f"Look at the site. A new key, and the old one void: fleet node add {facts.node} --renew."
    return [CheckResult("identity", State.BAD, reason, remedy)]


def _sensor(sensor: SensorFacts, facts: NodeFacts, now_ms: int, here: bool) -> CheckResult:
    name = f"sensor {sensor.name}"
    remedy = f"Run `edge read {sensor.name}` at the node."
    if not here:
        return CheckResult(name, State.UNKNOWN, "The node itself is not heard.", "See the check named contact.")
    if facts.undated and (sensor.last_ms is None or sensor.last_ms < 0):
        return CheckResult(name, State.UNKNOWN, "Its readings wait for the node's clock.", "See the check named clock.")
    if sensor.last_ms is None and now_ms - QUIET_AFTER_MS - facts.publish_ms < (facts.since_ms or 0) <= now_ms:
        reason = "Its first readings are awaited."
        return CheckResult(name, State.UNKNOWN, reason, f"Wait: they come every {span(max(facts.publish_ms, 10_000))}.")
    if sensor.last_ms is None:
        return CheckResult(name, State.BAD, "It is on the board but nothing of it has arrived.", remedy)
    if _ahead(sensor, now_ms):
        return CheckResult(name, State.UNKNOWN, "Its readings are dated later than now.", "See the check named clock.")
    age, usual_ms = now_ms - sensor.last_ms, QUIET_INTERVALS * (sensor.interval_ms or 0)
    patience = max(QUIET_AFTER_MS, usual_ms) + facts.publish_ms
    if age > patience:
        return CheckResult(name, State.BAD, f"It is quiet: its last reading is {span(age)} old.", remedy)
    if sensor.flags & ~Flag.WARMING:
        words = ", ".join(flag.name.lower() for flag in Flag if flag & sensor.flags and flag.name)
        return CheckResult(name, State.BAD, f"Its last readings are doubtful: {words}.", remedy)
    if sensor.flags:
        return CheckResult(name, State.UNKNOWN, "It is warming up.", "Wait some minutes; its readings are kept.")
    return CheckResult(name, State.GOOD, f"Its last reading is {span(age)} old.")


def _ahead(sensor: SensorFacts, now_ms: int) -> bool:
    return sensor.last_ms is not None and sensor.last_ms > now_ms + AHEAD_MS


def _backlog(facts: NodeFacts) -> CheckResult:
    if facts.waiting > MUCH_WAITING:
        reason = f"When it last said hello, {facts.waiting} records were still to come."
        return CheckResult("backlog", State.BAD, reason, "Wait while it catches up; if it grows, look at its network.")
    return CheckResult("backlog", State.GOOD, f"{facts.waiting} records were still to come at its last hello.")


def _clock(facts: NodeFacts, now_ms: int) -> CheckResult:
    remedy = "Give the node a way to NTP; its readings are dated as soon as it knows the time."
    if facts.undated:
        return CheckResult("clock", State.BAD, f"{facts.undated} readings have no date yet.", remedy)
    if facts.clock is None:
        return CheckResult("clock", State.UNKNOWN, "Nothing of it is dated yet.", remedy)
    if any(_ahead(sensor, now_ms) for sensor in facts.sensors):
        reason = "What it measures is dated later than now: its clock is ahead, or this machine's is behind."
        return CheckResult("clock", State.BAD, reason, "Compare them: timedatectl here, edge status at the node.")
    quality = ClockQuality(facts.clock)
    if quality in (ClockQuality.SYNCED, ClockQuality.HOLDOVER):
        later = f" {facts.ahead} readings of another time are dated later than now." if facts.ahead else ""
        return CheckResult("clock", State.GOOD, f"Its clock is {quality.word}.{later}")
    if quality is ClockQuality.UNKNOWN and all((sensor.last_ms or 0) >= 0 for sensor in facts.sensors):
        reason = "Its dates look right, but nothing at the node vouches for its clock."
        return CheckResult("clock", State.UNKNOWN, reason, remedy)
    return CheckResult("clock", State.BAD, f"Its readings are dated by a guess ({quality.word}).", remedy)


def _gaps(facts: NodeFacts) -> CheckResult:
    if not facts.lost_records and facts.copied:
        reason = f"{facts.copied[0].upper()}{facts.copied[1:]}."
        remedy = f"See: fleet data gaps {facts.node}. If the newer copy is still there: fleet data rescue DIR."
        return CheckResult("gaps", State.BAD, reason, remedy)
    if not facts.lost_records:
        return CheckResult("gaps", State.GOOD, "Nothing is missing.")
    count = f"{facts.lost_readings} readings" if facts.lost_readings else f"{facts.lost_records} records"
    remedy = f"See: fleet data gaps {facts.node}. What an old card still holds: fleet data rescue CARD."
    return CheckResult("gaps", State.BAD, f"{count} are missing: {facts.lost_why}.", remedy)


def _readable(facts: NodeFacts) -> CheckResult:
    if facts.refused:
        reason = f"{facts.refused} messages are not ours to read; the newest are kept."
        return CheckResult("readable", State.BAD, reason, "Compare the versions of node and office; keep the store.")
    if facts.quarantined:
        reason = f"{facts.quarantined} records cannot be read; they are kept."
        return CheckResult("readable", State.BAD, reason, "Compare the versions of node and office; keep the store.")
    if facts.raw:
        reason = f"{facts.raw} records wait for their schema, which was asked for."
        return CheckResult("readable", State.UNKNOWN, reason, "Wait for the node's next hello.")
    return CheckResult("readable", State.GOOD, "Everything that arrived could be read.")


def _own(check: CheckResult, here: bool) -> CheckResult:
    if here:
        return CheckResult(OWN + check.name, check.state, check.reason, check.remedy)
    return CheckResult(
        OWN + check.name, State.UNKNOWN, f"Before it fell silent: {check.state.value}. {check.reason}", ""
    )
