"""The years of a node and its office, as processes whose clock is moved: renewal, drawer, leave, the next authority.

Office, broker and node live at the same wrong time, which jumps while they are off, as it does for a node in a drawer,
or while they run. The broker judges certificates by that time too, NATS as well as Mosquitto.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.enrolment.real import RealNode, RealOffice
from tests.enrolment.shift import DAY_S, Shift, for_nats
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]
BROKERS = ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]
YEAR = 365


class Years:
    """An office and one node, and the day that they live in."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.shift = Shift(folder / "shift")
        self.office = RealOffice(folder / "office", self.shift.environment, kind=kind)
        self.office.open()
        self.node = RealNode(folder / "pole-001", self.office, self.shift.environment)

    @property
    def day(self) -> float:
        """Days since the beginning."""
        return self.shift.seconds / DAY_S

    def sleep(self, days: float) -> None:
        """Both are off for so long, and come back."""
        self.node.stop()
        self.office.stop()
        self.shift.by_days(days)
        self.office.open()
        self.node.start()

    def renewed(self, before: str) -> x509.Certificate:
        """Waits for a proven certificate other than this one, good for a year from today."""
        wait_for(lambda: self.node.certificate not in ("", before), "a certificate that a broker took")
        found = leaf(self.node.certificate)
        assert ends_on(found) - self.day == pytest.approx(YEAR, abs=0.5)
        return found

    def servers(self) -> list[float]:
        """For how many days yet the certificates of broker, desk and collector are good."""
        folder = self.office.home.authority
        found = [leaf((folder / f"{name}.pem").read_text()) for name in ("broker", "desk", "collector")]
        return [ends_on(each) - self.day for each in found]

    def close(self) -> None:
        """Nothing is left running."""
        self.node.stop()
        self.office.stop()


def leaf(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def ends_on(certificate: x509.Certificate) -> float:
    """The day, counted from the beginning."""
    return (certificate.not_valid_after_utc.timestamp() - time.time()) / DAY_S


@contextmanager
def years(folder: Path, kind: str) -> Iterator[Years]:
    if kind == "nats":
        for_nats()
    lived = Years(folder, kind)
    try:
        lived.node.start()
        lived.node.delivers()
        lived.renewed("")
        yield lived
    finally:
        lived.close()


def a_renewal(lived: Years) -> None:
    """At two thirds of its life, with the old one still good; the office's own have ended meanwhile."""
    before = lived.node.certificate
    assert all(left == pytest.approx(90, abs=0.5) for left in lived.servers())
    lived.sleep(YEAR * 0.76)
    lived.renewed(before)
    assert all(left == pytest.approx(90, abs=0.5) for left in lived.servers())
    lived.node.delivers()


def a_drawer(lived: Years, days: float) -> None:
    """It ended so many days ago, the office's own long before; the node is let in without anybody's leave."""
    before = lived.node.certificate
    lived.sleep(YEAR + days)
    lived.renewed(before)
    assert all(left == pytest.approx(90, abs=0.5) for left in lived.servers())
    lived.node.delivers()


def too_late(lived: Years) -> None:
    """It lay too long: refused until an operator allows it."""
    before = lived.node.certificate
    lived.sleep(YEAR + 410)
    wait_for(lambda: "late" in lived.office.fleet("cert", "incidents", "-o", "json").stdout, "the incident")
    stored = lived.office.stored(lived.node.name)
    assert lived.node.certificate == before and lived.node.alive
    allowed = lived.office.fleet("cert", "renew", lived.node.name)
    assert allowed.returncode == 0, allowed.stderr
    assert lived.node.edge("enrol", "--renew", str(lived.node.board)).returncode == 0
    lived.node.stop()
    lived.node.start()
    lived.renewed(before)
    lived.node.delivers()
    assert lived.office.stored(lived.node.name) > stored


def the_next_authority(lived: Years) -> None:
    """What the old one signed stays good; what is renewed is signed by the new one."""
    before = lived.node.certificate
    issuer = leaf(before).issuer
    lived.node.stop()
    lived.office.stop()
    rolled = lived.office.fleet("init", "--roll-over", "--yes")
    assert rolled.returncode == 0, rolled.stderr
    lived.office.open()
    lived.node.start()
    lived.node.delivers()
    assert lived.node.certificate == before
    lived.sleep(YEAR * 0.76)
    assert lived.renewed(before).issuer != issuer
    lived.node.delivers()


STORY: tuple[Callable[[Years], None], ...] = (
    a_renewal, lambda lived: a_drawer(lived, 200), too_late, lambda lived: a_drawer(lived, 398), the_next_authority,
)  # fmt: skip


def test_a_drawer_of_four_hundred_days(tmp_path: Path) -> None:
    with years(tmp_path, "nats") as lived:
        a_drawer(lived, 399)


@pytest.mark.deep
@pytest.mark.parametrize("kind", BROKERS)
def test_all_that_the_years_bring(kind: str, tmp_path: Path) -> None:
    with years(tmp_path, kind) as lived:
        for chapter in STORY:
            chapter(lived)
        said = lived.node.said() + lived.office.said()
        assert "Traceback" not in said
