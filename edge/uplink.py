"""The conversation of one node with its office: decisions only, the agent carries them out.

A broker's PUBACK proves nothing but that a window slot is free; both Mosquitto and NATS acknowledge messages they drop.
So a record is forgotten only when the office says that its store has committed it, and is sent again until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from edge.effects import (
    Committed,
    Connect,
    Deliver,
    Disconnect,
    Effect,
    Forget,
    Greet,
    Hurry,
    Outcome,
    Ready,
    Redeclare,
    Sent,
    Unreadable,
)
from edge.events import Arrived, Cause, Connected, Lost, Puback
from edge.outbox import Outbox
from edge.pace import Pace
from edge.retry import Retry, Turns
from edge.wire.messages import Ack, MessageError, from_json

Input = Connected | Lost | Arrived | Puback | Outcome
Phase = Literal["waiting", "connecting", "connected"]
ONCE_IN_MS = 30_000  # the same schema is declared again no more often
PAUSE_MS = 1_000  # after a message that could not go out


class Uplink:
    """Session, window and acks. `random` gives numbers from 0 up to but without 1; times in ms since boot."""

    def __init__(
        self, held: Committed, random: Callable[[], float], pace: Pace | None = None, acked: int = -1, now_ms: int = 0
    ) -> None:
        self.pace = pace or Pace()
        self.outbox = Outbox(self.pace, held, acked, now_ms)
        self.phase: Phase = "waiting"
        self.phase_since_ms = now_ms
        self.reason = "not connected yet"
        self.cause: Cause = "new"
        self.last_ack_ms: int | None = None
        self.ignored = 0  # messages from below that were not for us, or no messages
        self._retry = Retry(self.pace, random)
        self._turns = Turns(self.pace)
        self._try_ms = now_ms
        self._trying = False  # something new, in the midst of a session
        self._declared: dict[str, int] = {}
        self._begin_session()

    def _begin_session(self) -> None:
        self.outbox.begin_session()
        self._window: set[int] = set()
        self._took_ms = 0  # when the broker last took a message, or the oldest that it did not take was sent
        self._sending = False
        self._pause_ms: int | None = None

    @property
    def connected(self) -> bool:
        """Whether a session stands."""
        return self.phase == "connected"

    @property
    def broker(self) -> int:
        """The broker that we speak to, or try: 0 is the first."""
        return self._turns.broker

    @property
    def answered(self) -> bool:
        """Whether the office has acked anything in this session."""
        return self.connected and self.last_ack_ms is not None and self.last_ack_ms >= self.phase_since_ms

    @property
    def in_window(self) -> int:
        """Messages without a PUBACK."""
        return len(self._window)

    @property
    def due_ms(self) -> int | None:
        """When a Tick is wanted; None: only when something happens."""
        if self.phase == "waiting":
            return self._try_ms
        if self.phase == "connecting":
            return self.phase_since_ms + self.pace.answer_ms
        dues = [self._stuck_ms, self._turns.home_ms(self.phase_since_ms)]
        dues.append(self._pause_ms or (None if self._shut else self.outbox.due_ms))
        return min((due for due in dues if due is not None), default=None)

    @property
    def _stuck_ms(self) -> int | None:
        """When to believe that nobody is there any more."""
        return self._took_ms + self.pace.stuck_ms if self._window else None

    @property
    def _shut(self) -> bool:
        return len(self._window) >= self.pace.window

    def handle(self, event: Input, now_ms: int) -> list[Effect]:
        """Take one event; `now_ms` never falls. A Send must be answered by Sent or Unreadable."""
        match event:
            case Connected():
                return self._connected(now_ms)
            case Lost(reason, cause):
                self._lost(reason, cause, now_ms)
            case Arrived(kind, payload):
                return self._arrived(kind, payload, now_ms)
            case Puback(mid):
                self._window.discard(mid)
                self._took_ms = now_ms
            case Committed():
                self.outbox.commit(event, now_ms)
            case Sent():
                self._sent(event, now_ms)
            case Unreadable(first, last, leap):
                self._sending = False
                self.outbox.gone(first, last, leap)
            case Hurry():
                self.outbox.hurry(now_ms)
            case Ready():
                return self._begin_anew(now_ms)
            case _:
                return self._tick(now_ms)
        return self._pump(now_ms)

    def _enter(self, phase: Phase, now_ms: int) -> None:
        self.phase, self.phase_since_ms = phase, now_ms
        self._begin_session()

    def _connected(self, now_ms: int) -> list[Effect]:
        if self.phase != "connecting":
            return []
        self._enter("connected", now_ms)
        self._trying = False
        return [Greet(), *self._pump(now_ms)]

    def _lost(self, reason: str, cause: Cause, now_ms: int) -> None:
        if self.phase == "waiting":
            return
        lasted_ms = now_ms - self.phase_since_ms if self.connected else None
        back, self._trying = self._turns.lost(lasted_ms) or self._trying, False
        self._try_ms = now_ms + (self._retry.soon_ms() if back else self._retry.delay_ms(self.connected))
        self.reason, self.cause = reason, cause
        self._enter("waiting", now_ms)

    def _begin_anew(self, now_ms: int) -> list[Effect]:
        """With something new to connect with; if that fails, soon with what there was before."""
        if self.phase == "connecting":
            return []
        self._trying = self.connected
        return self._connect(now_ms)

    def _connect(self, now_ms: int) -> list[Effect]:
        self._enter("connecting", now_ms)
        return [Connect(self._turns.broker)]

    def _tick(self, now_ms: int) -> list[Effect]:
        if self.phase == "waiting" and now_ms >= self._try_ms:
            return self._connect(now_ms)
        if self.phase == "connecting" and now_ms >= self.phase_since_ms + self.pace.answer_ms:
            self._lost(f"the broker did not answer within {self.pace.answer_ms // 1000} s", "mute", now_ms)
            return [Disconnect()]
        if self.connected and self._stuck_ms is not None and now_ms >= self._stuck_ms:
            stuck_s = self.pace.stuck_ms // 1000
            self._lost(f"the connection stood, but the broker took nothing for {stuck_s} s", "stuck", now_ms)
            return [Disconnect()]
        home_ms = self._turns.home_ms(self.phase_since_ms) if self.connected else None
        if home_ms is not None and now_ms >= home_ms:
            self._turns.go_home()
            return self._connect(now_ms)
        return self._pump(now_ms)

    def _sent(self, sent: Sent, now_ms: int) -> None:
        self._sending = False
        if sent.mid is None:
            self._pause_ms = now_ms + PAUSE_MS
        elif self.connected:
            self._took_ms = self._took_ms if self._window else now_ms
            self._window.add(sent.mid)
            self.outbox.sent(sent, now_ms)

    def _arrived(self, kind: str, payload: bytes, now_ms: int) -> list[Effect]:
        if kind != "ack":
            return [Deliver(kind, payload)]
        try:
            ack = from_json(Ack, payload)
        except MessageError:
            self.ignored += 1
            return []
        if ack.epoch != self.outbox.held.epoch:
            self.ignored += 1
            return []
        self.last_ack_ms = now_ms
        self._retry.told(ack.back_within_ms)
        forget: list[Effect] = [Forget(self.outbox.acked)] if self.outbox.land(ack.upto, ack.ranges, now_ms) else []
        return [*forget, *self._redeclare(ack, now_ms), *self._pump(now_ms)]

    def _redeclare(self, ack: Ack, now_ms: int) -> Iterator[Effect]:
        self._declared = {key: at for key, at in self._declared.items() if now_ms - at < ONCE_IN_MS}
        asked = dict.fromkeys(ack.resend_schema[: self.pace.holes])
        fresh = tuple(key for key in asked if key not in self._declared)
        if fresh and len(self._declared) < self.pace.holes:
            self._declared.update((key, now_ms) for key in fresh)
            yield Redeclare(fresh)

    def _pump(self, now_ms: int) -> list[Effect]:
        if self._pause_ms is not None and now_ms >= self._pause_ms:
            self._pause_ms = None
        if not self.connected or self._sending or self._shut or self._pause_ms is not None:
            return []
        send = self.outbox.next(now_ms, len(self._window) >= self.outbox.window.size)
        self._sending = send is not None
        return [send] if send else []
