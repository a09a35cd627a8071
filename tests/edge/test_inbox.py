"""The one queue: in order, bounded for producers, and never shut for what the loop itself waits for."""

from __future__ import annotations

import threading

from edge.events import Connected, Event, Failed, Lost, Puback, Stop
from edge.inbox import Inbox


def noise(number: int) -> Failed:
    return Failed("air", number, "nack", "")


def test_in_order_and_nothing_when_empty() -> None:
    inbox = Inbox()
    events: list[Event] = [noise(1), Connected(), Puback(3), noise(2)]
    for event in events:
        inbox.put(event)
    assert [inbox.take(0) for _ in events] == events
    assert inbox.take(0) is None and inbox.take(0.001) is None


def test_a_full_inbox_blocks_its_producers_and_drops_nothing() -> None:
    inbox = Inbox(room=10)

    def produce() -> None:
        for number in range(100):
            inbox.put(noise(number))

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    heard = [inbox.take(20) for _ in range(5)]
    assert producer.is_alive()  # 100 do not fit into 10
    heard += [inbox.take(20) for _ in range(95)]
    producer.join(20)
    assert heard == [noise(n) for n in range(100)] and not producer.is_alive()


def test_what_the_loop_waits_for_gets_past_a_full_inbox() -> None:
    inbox = Inbox(room=1)
    inbox.put(noise(1))
    late: list[Event] = [Puback(1), Lost("x"), Connected(), Stop()]
    for event in late:
        inbox.put(event)  # would block for ever
    assert [inbox.take(0) for _ in range(5)] == [noise(1), *late]
