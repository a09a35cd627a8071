"""An office that ran years ahead, and a node that had nobody else to tell it the time: a card with a token mends it.

The node holds a floor, a belief and a certificate of that future, and takes the certificates of the office that was
mended for ended ones. In told time with the real desk, authority, registry and agent; and as processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from edge.deskline import Unreachable
from edge.enrolling import Line
from edge.identity import OWN
from edge.validity import Moment, fault, of_pem
from edge.wire.clocks import ClockQuality
from edge.wire.enrolment import Claim, Granted, Refused
from edge.wire.messages import Ack, Hello, from_json
from fleet.tokens import new_token
from simulators.clock import VirtualClock
from simulators.disk import PowerCut
from tests.edge.loopback import Office
from tests.edge.member import NODE, Errand
from tests.edge.watches import floor_of, said
from tests.enrolment.real import RealNode, RealOffice
from tests.enrolment.shift import Shift, for_nats
from tests.enrolment.test_simulated_years import DAY_MS, House, Resident
from tests.fleet.pole import wait_for

START_MS = 1_800_000_000_000
AHEAD_MS = 3 * 365 * DAY_MS
HOUR_MS = 3_600_000
NEXT_BOOT = "2" * 32
UNKNOWN = ClockQuality.UNKNOWN


class Judged:
    """The desk behind TLS, as far as time goes."""

    def __init__(self, house: House, now: Callable[[], Moment]) -> None:
        self.house, self.now = house, now

    def _look(self) -> None:
        if why := fault(of_pem(self.house.text("desk.pem")), self.now()):
            raise Unreachable("trust", f"The certificate of the desk is not good now: {why}.")

    def time_ms(self) -> int | None:
        self._look()
        return self.house.time_ms()

    def claim(self, claim: Claim) -> Granted | Refused:
        self._look()
        return self.house.claim(claim)


class Judging(Errand):
    def line(self, trust: str, now: Callable[[], Moment]) -> Line:
        house: object = self.clerk
        assert isinstance(house, House)
        return Judged(house, now)


class Telling(Office):
    """It tells who says hello what time it is for the office."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house

    def greet(self, payload: bytes) -> Ack | None:
        hello = from_json(Hello, payload)
        return Ack(hello.epoch, -1, now_ms=self.house.now_ms, echo_ms=hello.sent_ms)


class Astray(Resident):
    """A node that wakes up in 1970, and an office that is three years ahead."""

    errands = Judging

    def __init__(self, folder: Path) -> None:
        self.right_ms = START_MS  # what time it is
        super().__init__(folder, VirtualClock(50_000_000, 0, believed=UNKNOWN), START_MS)

    def start(self, boot_id: str | None = None) -> None:
        if not isinstance(self.office, Telling):
            self.office = Telling(self.house)
            self.house.now_ms += AHEAD_MS
            self.house.open()
            self.card(self.house.now_ms)
        super().start(boot_id)

    def hours(self, hours: float, step_s: int = 60) -> None:
        for _ in range(round(hours * 3_600 / step_s)):
            self.clock.advance(step_s)
            self.house.now_ms += step_s * 1_000
            self.right_ms += step_s * 1_000
            self.sample("air")
            self.settle()

    def mend(self) -> None:
        """The office's clock is right from now on, and it begins anew."""
        self.house.now_ms = self.right_ms
        self.house.open()
        self.wires[-1].cut()
        self.settle()

    def card(self, written_ms: int | None) -> None:
        """What `fleet card token` does, by the clock of the office."""
        secret, token = new_token(NODE, self.house.now_ms)
        with self.house.registry.turn() as ledger:
            ledger.add_token(token)
        self.spot.card = replace(self.spot.card, token=secret, written_ms=written_ms)

    @property
    def off_ms(self) -> int:
        """How far its clock is from what time it is, as it told the office last."""
        return (said(self)[1] or 0) - self.right_ms


@pytest.fixture
def astray(tmp_path: Path) -> Astray:
    """It believed the office, and the office is mended."""
    node = Astray(tmp_path / "office")
    node.hours(0.1)
    assert node.connected() and node.off_ms == pytest.approx(AHEAD_MS, abs=10_000)
    node.mend()
    node.hours(0.3)
    assert not node.connected() and "not good now: it ended" in node.check("session").reason
    return node


def mended(node: Astray) -> None:
    """All is well, and nothing of the wrong time is left."""
    node.hours(0.4)
    node.well()
    assert abs(node.off_ms) < 30_000 and node.spot.card.token == ""
    assert abs((floor_of(node.disk) or 0) - node.right_ms) < HOUR_MS
    assert of_pem(node.identity.read(OWN)).not_before_ms < node.right_ms < node.house.now_ms + HOUR_MS


@pytest.mark.parametrize("boot_id", ["runs on", "", NEXT_BOOT])
def test_a_card_leads_a_node_back_from_a_wrong_future(astray: Astray, boot_id: str) -> None:
    """The agent runs when the card comes, or is started after it, in the same boot or the next."""
    if boot_id != "runs on":
        astray.agent.finish()
    astray.card(astray.house.now_ms)
    if boot_id != "runs on":
        astray.start(boot_id)
    mended(astray)
    assert astray.named().count("floor lowered") == 1


def test_without_the_time_on_the_card_the_floor_stays(astray: Astray) -> None:
    """Such a card was written by an office of before; and a card of an office that is ahead again mends nothing."""
    for written_ms in (None, astray.house.now_ms + AHEAD_MS):
        astray.card(written_ms)
        astray.hours(0.3)
        assert not astray.connected() and (floor_of(astray.disk) or 0) > START_MS + AHEAD_MS - HOUR_MS
    astray.card(astray.house.now_ms)
    mended(astray)


def test_an_office_that_is_mended_after_the_card_was_put_in(astray: Astray) -> None:
    """With the token unspent, whoever is right by then is believed, and the agent need not be started again."""
    astray.house.now_ms += AHEAD_MS
    astray.card(astray.right_ms)
    astray.hours(0.3)
    astray.house.now_ms = astray.right_ms
    astray.card(astray.spot.card.written_ms)
    mended(astray)


def cut_and_cut(astray: Astray, seed: int) -> None:
    """The power goes three times, at some step of some disk, from the moment when the card is there."""
    dice = Random(seed)
    astray.card(astray.house.now_ms)
    for cut in range(3):
        disk = astray.disk if dice.random() < 0.5 else astray.keys
        disk.cut_after(dice.randrange(12))
        try:
            astray.hours(0.1)
        except PowerCut:
            for each in (astray.disk, astray.keys):
                each.crash("mixed", dice)
        disk.cut_after(10**9)
        astray.start(f"{cut + 2:032x}")
    mended(astray)


@pytest.mark.parametrize("seed", range(2))
def test_the_power_may_go_while_it_is_led_back(astray: Astray, seed: int) -> None:
    cut_and_cut(astray, seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100))
def test_the_power_may_go_at_any_step_of_it(astray: Astray, seed: int) -> None:
    cut_and_cut(astray, 1_000 + seed)


BROKERS = ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]


@pytest.mark.deep
@pytest.mark.once
@pytest.mark.timeout(300)
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("kind", BROKERS)
def test_a_card_leads_a_real_node_back(kind: str, running: bool, tmp_path: Path) -> None:
    """`fleet serve` three years ahead, `edge run` that wakes up in 1970, and `fleet card token` after the mending."""
    if kind == "nats":
        for_nats()
    theirs, ours = Shift(tmp_path / "theirs"), Shift(tmp_path / "ours", -1_700_000_000, synced=False)
    office = RealOffice(tmp_path / "office", theirs.environment, kind=kind)
    theirs.by_days(AHEAD_MS / DAY_MS)
    office.open()
    node = RealNode(tmp_path / "pole-001", office, ours.environment)
    try:
        future_then_card(office, node, theirs, running)
    finally:
        node.stop()
        office.stop()


def card(office: RealOffice, node: RealNode) -> None:
    done = office.fleet("card", "token", node.name, node.folder)
    assert done.returncode == 0, done.stderr


def future_then_card(office: RealOffice, node: RealNode, theirs: Shift, running: bool) -> None:
    card(office, node)  # its own is too old for an office in that year
    node.start()
    node.delivers()
    assert node.newest_ms > time.time() * 1_000 + AHEAD_MS / 2
    office.stop()
    theirs.to(0)
    office.open()
    if not running:
        node.stop()
    stuck = node.edge("enrol", "--renew", str(node.board))
    assert stuck.returncode == 5 and "fleet card token" in stuck.stderr, stuck
    card(office, node)
    if not running:
        node.start()
    node.delivers()
    wait_for(lambda: node.newest_ms < time.time() * 1_000 + HOUR_MS, "what was read in the future, dated anew")
    assert node.token == "" and "Traceback" not in node.said() + office.said()
