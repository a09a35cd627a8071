"""How long the card lasts: the figures, what the kernel counts, and what is said of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.meter import Meter
from edge.wear import AMPLIFIES, DAY_MS, HOUR_MS, LEAST_MS, MOST_YEARS, POOREST, Wear, Written, lasting, years
from edge.wire.messages import State
from edge.wiring import CardPlan
from tests.bench.card import card, missing
from tests.bench.flash import IMAGE
from tests.edge.pole import Pole

GOOD = CardPlan("Brand High Endurance 32 GB", 32_000_000_000, 29_000_000_000_000)


def test_a_card_that_is_not_named_is_the_poorest() -> None:
    assert POOREST.endurance_bytes == 16e12
    assert lasting(CardPlan()) == POOREST
    assert lasting(GOOD) == GOOD
    sized = lasting(CardPlan("", 64_000_000_000))
    assert (sized.endurance_bytes, "consumer" in sized.name) == (32_000_000_000_000, True)


def test_years_are_endurance_through_what_a_day_costs_the_flash() -> None:
    assert years(GOOD, 50e6) == pytest.approx(29e12 / (4 * 50e6) / 365.25)
    assert years(GOOD, 0) == years(GOOD, 1) == MOST_YEARS
    assert years(CardPlan(), 50e6) == pytest.approx(219, abs=1)


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    wear = Wear(GOOD)
    assert (wear.day_bytes, wear.years, wear.counters(), wear.check().state) == (None, None, {}, State.UNKNOWN)
    wear.look(5_000, Written(10**9))
    wear.look(5_000 + LEAST_MS - 1, Written(10**9))
    assert wear.counters() == {} and "nobody can say yet" in wear.line()
    wear.look(5_000 + LEAST_MS, Written(10**9 + 6_000_000, "the kernel on mmcblk0"))
    assert wear.counters() == {}, "somebody else counts: begun anew"
    wear.look(5_000 + 2 * LEAST_MS, Written(10**9 + 6_060_000, "the kernel on mmcblk0"))
    assert wear.day_bytes == 60_000 * DAY_MS // LEAST_MS
    assert wear.counters() == {"card.day_bytes": 86_400_000, "card.life_years_x10": round(290e12 / 4 / 86.4e6 / 365.25)}
    assert wear.line().startswith("card: 86 MB a day, 230 years at this rate (Brand High Endurance 32 GB, each")
    assert wear.check().state is State.GOOD


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=80))
def test_the_rate_is_that_of_the_last_day(hourly: list[int]) -> None:
    wear, size = Wear(GOOD), 0
    for hour, written in enumerate(hourly):
        size += written
        wear.look(hour * HOUR_MS, Written(size))
    last = hourly[1:][-24:]
    assert wear.day_bytes == round(sum(last) * 24 / len(last))


def test_what_a_start_costs_is_left_out() -> None:
    wear = Wear(GOOD)
    for second, size in ((0, 0), (30, 900_000), (60, 901_000), (90, 902_000)):
        wear.look(second * 1_000, Written(size))
    assert wear.day_bytes == 2_000 * 1_440


def test_a_counter_that_went_back_begins_anew() -> None:
    wear = Wear(GOOD)
    wear.look(0, Written(10**9))
    wear.look(HOUR_MS, Written(5))
    assert wear.day_bytes is None
    wear.look(2 * HOUR_MS, Written(10))
    assert wear.day_bytes == 120


def test_a_card_that_wears_too_fast_is_bad() -> None:
    wear = Wear(CardPlan())
    wear.look(0, Written(0))
    wear.look(HOUR_MS, Written(int(POOREST.endurance_bytes / AMPLIFIES / 2.9 / 365.25 / 24)))
    check = wear.check()
    assert check.state is State.BAD and "iotop" in check.remedy
    assert "2.9 years" in check.reason


@pytest.mark.parametrize(
    ("complaint", "words"),
    [({"errors": 2}, "2 errors"), ({"tenths": 9}, "80 %"), ({"tenths": 11}, "100 %"), ({"warning": 2}, "spare")],
)
def test_what_the_card_complains_of_is_bad(complaint: dict[str, int], words: str) -> None:
    wear = Wear(GOOD)
    wear.look(0, Written(0, "the kernel", **complaint))
    assert wear.check().state is State.BAD and words in wear.check().reason


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


STAT = " 1 2 3 4 5 6 700 8 9 10 11 12 13 14 15 16 17"


def test_of_a_partition_the_whole_disk_is_counted(tmp_path: Path) -> None:
    disk = "sys__devices__mmc0__block__mmcblk0"
    tree(tmp_path, **{
        f"{disk}__stat": STAT, f"{disk}__mmcblk0p2__stat": STAT.replace("700", "300"),
        f"{disk}__mmcblk0p2__partition": "2",
        f"{disk}__device__life_time": "0x03 0x0a\n", f"{disk}__device__pre_eol_info": "0x02\n",
        "sys__fs__ext4__mmcblk0p2__errors_count": "5\n",
    })  # fmt: skip
    links = tmp_path / "sys/dev/block"
    links.mkdir(parents=True)
    (links / "179:2").symlink_to("../../devices/mmc0/block/mmcblk0/mmcblk0p2")
    found = Meter(tmp_path, tmp_path, os.makedev(179, 2)).read()
    assert found == Written(700 * 512, "the kernel on mmcblk0", errors=5, tenths=10, warning=2)


def test_without_a_block_device_the_process_counts_itself(tmp_path: Path) -> None:
    assert Meter(tmp_path / "gone", tmp_path).read() is None
    tree(tmp_path, proc__self__io="rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n")
    assert Meter(tmp_path, tmp_path).read() == Written(4096, "this process alone")
    tree(tmp_path, sys__dev__block__7__0="x")
    tree(tmp_path, proc__self__io="nonsense")
    assert Meter(tmp_path, tmp_path).read() is None


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path, **{"sys__dev__block__9:1__stat": STAT, "sys__dev__block__9:1__device__life_time": "new?"})
    assert Meter(tmp_path, tmp_path, os.makedev(9, 1)).read() == Written(358_400, "the kernel on 9:1")


def test_the_node_tells_it() -> None:
    pole = Pole()
    pole.live(5)
    assert pole.health()["card"].state is State.UNKNOWN
    for _ in range(4):
        pole.clock.advance(40)
        pole.settle()
    [answer] = pole.ask({"ask": "status"})
    assert "a day" in str(answer["card"])
    assert pole.health()["card"].state is State.GOOD
    counters = pole.agent.node.counters()
    assert {"card.day_bytes", "card.life_years_x10"} <= set(counters)


@pytest.mark.skipif(bool(missing()), reason=f"NOT TESTED: bytes at the block layer: {missing()}")
def test_the_kernel_counts_what_reaches_the_card(tmp_path: Path) -> None:
    with card(tmp_path, "card", IMAGE) as here:
        meter = Meter(here.folder)
        before = meter.read()
        assert before is not None and before.counted_by == f"the kernel on {Path(here.device).name}"
        assert before.errors == 0
        (here.folder / "file").write_bytes(os.urandom(1 << 20))
        subprocess.run(["sync", "-f", str(here.folder)], check=True)
        after = meter.read()
        assert after is not None and 1 << 20 <= after.size - before.size < 2 << 20
