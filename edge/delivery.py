"""Whether the node's readings reach the office: two checks, each with its reason and what to do about it.

`session` is the way to the broker, `delivery` is what becomes of what goes there. They are two, because a broker takes,
and acknowledges, what it then drops: only the office's own ack says that something arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.events import Cause
from edge.patient import duration
from edge.wire.messages import CheckResult, State

SESSION_PATIENCE_MS = 60_000
ACK_PATIENCE_MS = 300_000
RENEW = "In the office: fleet node add NODE --renew --credentials FILE, and put the file here."
REMEDIES: dict[Cause, str] = {
    "new": "Check network and broker; the node tries again by itself.",
    "dns": "Check the name under [office] url, and the node's name server: resolvectl status",
    "refused": "See whether the broker runs (in the office: fleet health) and whether the port is right.",
    "unreachable": "Check the node's network: ip route",
    "timeout": "See whether a firewall lets the node through, and whether the office's machine runs.",
    "portal": "Sign in to the network's portal or choose another network; check host and port under [office] url.",
    "identity": RENEW,
    "certificate": "See the check named certificate, and in the office: fleet cert list",
    "trust": "If it is your broker: fleet broker check in the office; if this node once learnt a wrong time: fleet "
    "card token NODE DIR. If not: see what else answers at that address.",
    "rights": "In the office: fleet health, for a broker whose disk is full refuses too; then its rights: fleet broker "
    "check. The secrets of this node are good.",
    "busy": "See how the broker does: fleet health",
    "protocol": "Use a broker that speaks MQTT 3.1.1.",
    "broken": "Check network and broker; the node tries again by itself.",
    "mute": "See whether the broker is well (in the office: fleet health), and what else answers at that address.",
    "stuck": "Check the node's network; the node tries again by itself.",
}


@dataclass(frozen=True, slots=True)
class SessionView:
    """The way to the office. `refusal`: why it cannot be gone at all."""

    office: bool = True
    refusal: str = ""
    remedy: str = ""
    connected: bool = False
    since_ms: int = 0  # since when it is so
    reason: str = ""
    cause: Cause = "broken"
    silent_ms: int | None = None  # connected, with something sent that is not acked: for so long
    broker: int = 0  # the number of the broker, 0 is the first
    answered: bool = True  # the office acked something in this session
    spent: bool = False  # today's bytes are used up


def session(view: SessionView, now_ms: int, began_ms: int) -> CheckResult:
    """Whether there is a way to a broker."""
    if not view.office:
        return CheckResult("session", State.UNKNOWN, "No office is set: readings stay on the node.", "Add [office].")
    if view.refusal:
        return CheckResult("session", State.BAD, view.refusal, view.remedy)
    if view.connected:
        where = f" to broker {view.broker + 1} of [office], the first is away" if view.broker else ""
        return CheckResult("session", State.GOOD, f"Connected{where} for {duration(now_ms - view.since_ms)}.")
    late = now_ms - began_ms > SESSION_PATIENCE_MS
    reason = f"Not connected: {view.reason}. Nothing is lost; readings wait in the journal."
    return CheckResult("session", State.BAD if late else State.UNKNOWN, reason, REMEDIES[view.cause])


def delivery(view: SessionView) -> CheckResult:
    """Whether the office acks what the broker takes."""
    if not view.connected:
        return CheckResult("delivery", State.UNKNOWN, "Nothing is delivered without a session; readings wait in the "
                           "journal.", "See the check named session.")  # fmt: skip
    if view.silent_ms is not None and view.silent_ms > ACK_PATIENCE_MS:
        return _silent(view, duration(view.silent_ms))
    if view.spent:
        return CheckResult("delivery", State.BAD, "The bytes of this day are used up; readings wait in the journal.",
                           "Raise bytes_per_day or publish_every under [office].")  # fmt: skip
    return CheckResult("delivery", State.GOOD, "The office acks what it is sent.")


def _silent(view: SessionView, lasted: str) -> CheckResult:
    if view.answered:
        reason = f"The broker takes our messages, but the office has acked nothing for {lasted}: its collector is away."
        return CheckResult("delivery", State.BAD, reason, "Look in the office: fleet health")
    reason = (f"The broker takes our messages, but the office has acked none of this session in {lasted}: the broker "
              "drops them (it says nothing when a right is missing), or the collector is away.")  # fmt: skip
    return CheckResult("delivery", State.BAD, reason, "In the office: fleet health, then fleet broker check")
