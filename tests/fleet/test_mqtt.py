"""The inlet against a broker that refuses, says nothing, or drops the line at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fleet import mqtt, rights
from fleet.clock import SystemClock
from fleet.home import Home, Ports
from fleet.inlet import Letter
from fleet.live import Live
from fleet.mqtt import MqttInlet
from fleet.registry import Credential
from fleet.serve import Office, open_office
from fleet.trouble import Exit, Trouble
from tests.fleet.doorman import REFUSED, SILENT, Doorman
from tests.fleet.pole import wait_for

Visit = Callable[..., tuple[Doorman, MqttInlet]]


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Makes a broker and an inlet that would go there; both end with the test."""
    monkeypatch.setattr(mqtt, "ASK_AGAIN_S", 0.05)
    made: list[tuple[Doorman, MqttInlet]] = []

    def make(*grants: int, welcome: int = 0) -> tuple[Doorman, MqttInlet]:
        doorman = Doorman(grants or (1,), welcome)
        inlet = MqttInlet(Live(), SystemClock(), "127.0.0.1", doorman.port, Credential("collector", "x", "y"))
        made.append((doorman, inlet))
        return doorman, inlet

    yield make
    for doorman, inlet in made:
        inlet.stop()
        doorman.close()


def next_letter(inlet: MqttInlet) -> Letter:
    letter = inlet.receive(60)
    assert letter is not None
    return letter


@pytest.mark.parametrize("answer", [REFUSED, SILENT])
def test_a_subscription_is_asked_for_until_it_is_granted(visit: Visit, answer: int) -> None:
    doorman, inlet = visit(answer, answer, answer, 1)
    inlet.start()
    assert (doorman.subscribes, doorman.connects) == (4, 1)
    assert inlet.live.subscribed and inlet.live.refusal == ""


def test_a_later_refusal_is_seen_and_tried_again(visit: Visit) -> None:
    doorman, inlet = visit(1, REFUSED, REFUSED, 1)
    inlet.start()
    doorman.show_out()
    wait_for(lambda: doorman.connects == 2 and inlet.live.subscribed, "the second subscription")
    assert doorman.subscribes == 4 and inlet.live.refusal == ""


def test_while_it_is_refused_it_is_not_subscribed(visit: Visit) -> None:
    doorman, inlet = visit(1, REFUSED)
    inlet.start()
    doorman.show_out()
    wait_for(lambda: doorman.subscribes >= 3, "the refusals")
    assert inlet.live.connected and not inlet.live.subscribed and not inlet.subscribed.is_set()
    wait_for(lambda: inlet.live.refusal == "it refused the subscription", "the refusal to be told")


@pytest.mark.parametrize(("grant", "welcome", "why"), [
    (REFUSED, 0, "refused the subscription"), (SILENT, 0, "does not answer"), (1, 5, "refused the connection"),
])  # fmt: skip
def test_a_start_in_vain_is_told_in_three_sentences(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, grant: int, welcome: int, why: str
) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_WITHIN_S", 0.5)
    _, inlet = visit(grant, welcome=welcome)
    with pytest.raises(Trouble, match=why) as raised:
        inlet.start()
    assert raised.value.code is Exit.UNREACHABLE
    assert "nothing was lost" in raised.value.stands and "fleet serve" in raised.value.next_step


def test_an_office_that_may_not_hear_does_not_open(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rights.rights
    monkeypatch.setattr(rights, "rights", lambda user: (real(user)[0], [rights.INTERNAL]))
    monkeypatch.setattr(mqtt, "ANSWER_WITHIN_S", 3.0)
    ports = Ports(broker_port=0, web_port=0)
    home = Home(tmp_path / "home")  # type: ignore[operator]
    with pytest.raises(Trouble, match="refused the subscription"):
        open_office(home.folder, ports, web=False)
    monkeypatch.undo()
    again = Office(home, home.ports(), web=False)
    again.start()
    again.stop()


def test_what_was_committed_is_acknowledged_and_nothing_else(visit: Visit) -> None:
    doorman, inlet = visit()
    inlet.start()
    for number in (7, 8):
        doorman.deliver("lantaarn/v1/pole-a/up/record", b"?", number)
    first, second = next_letter(inlet), next_letter(inlet)
    assert doorman.acked == []
    inlet.accept([second])
    wait_for(lambda: doorman.acked == [(1, 8)], "the PUBACK of the second")
    inlet.accept([first])
    wait_for(lambda: doorman.acked == [(1, 8), (1, 7)], "the PUBACK of the first")


def test_numbers_of_an_earlier_connection_are_not_acknowledged(visit: Visit) -> None:
    doorman, inlet = visit()
    inlet.start()
    doorman.deliver("lantaarn/v1/pole-a/up/record", b"old", 7)
    old = next_letter(inlet)
    doorman.show_out()
    wait_for(lambda: doorman.connects == 2 and inlet.live.subscribed, "the next connection")
    doorman.deliver("lantaarn/v1/pole-a/up/record", b"another", 7)
    doorman.deliver("lantaarn/v1/pole-a/up/record", b"new", 8)
    another, new = next_letter(inlet), next_letter(inlet)
    assert [each.message.payload for each in (old, another, new)] == [b"old", b"another", b"new"]
    inlet.accept([old])
    inlet.accept([new])
    wait_for(lambda: doorman.acked, "the PUBACK of the new one")
    assert doorman.acked == [(2, 8)]


def test_once_shut_it_lets_nothing_in(visit: Visit) -> None:
    doorman, inlet = visit()
    inlet.start()
    doorman.deliver("lantaarn/v1/pole-a/up/record", b"in time", 7)
    wait_for(lambda: inlet.letters.qsize() == 1, "the letter")
    inlet.shut()
    doorman.deliver("lantaarn/v1/pole-a/up/record", b"too late", 8)
    doorman.show_out()
    wait_for(lambda: not inlet.live.connected, "the end of the connection, behind the second letter")
    assert next_letter(inlet).message.payload == b"in time"
    assert [inlet.receive(0), inlet.receive(0)] == [None, None]
