"""The host's figures, from a file tree that stands in its place, and from the host that runs this test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import NotMeasured
from drivers.reading import Quantity
from edge.events import Failed, Sampled
from edge.runners.host import HostRunner
from edge.vitals import Vitals
from simulators.clock import VirtualClock
from tests.edge.runners.hands import drive, failed, sampled, stamps

PI = {
    "proc/loadavg": "0.52 0.58 0.59 1/467 3124\n",
    "proc/meminfo": "MemTotal:  441892 kB\nMemFree: 5 kB\nMemAvailable:     196608 kB\n",
    "proc/uptime": "350735.47 234388.90\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def figures(root: Path) -> dict[Quantity, float]:
    return {reading.quantity: reading.value for reading in Vitals(root).look()}


def test_a_raspberry_pi(tmp_path: Path) -> None:
    found = figures(tree(tmp_path, PI))
    assert found.pop(Quantity.DISK_FREE) > 0
    assert found == {
        Quantity.CPU_LOAD: 0.52,
        Quantity.MEMORY_AVAILABLE: 192.0,
        Quantity.UPTIME: 350735.47,
        Quantity.TEMPERATURE: 48.312,
        Quantity.THROTTLED: 0x50005,
    }
    assert set(found) | {Quantity.DISK_FREE} == set(Vitals.measures)


@pytest.mark.parametrize("file", PI)
@pytest.mark.parametrize("text", [None, "", "rubbish\n"])
def test_what_is_not_there_is_absent_and_never_zero(tmp_path: Path, file: str, text: str | None) -> None:
    tree(tmp_path, PI if text is None else {**PI, file: text})
    if text is None:
        (tmp_path / file).unlink()
    whole = figures(tree(tmp_path / "whole", PI))
    assert set(whole) - set(figures(tmp_path)) == {
        {"loadavg": Quantity.CPU_LOAD, "meminfo": Quantity.MEMORY_AVAILABLE, "uptime": Quantity.UPTIME}.get(
            Path(file).name, Quantity.TEMPERATURE if "thermal" in file else Quantity.THROTTLED
        )
    }


@given(st.integers(0, 0xFFFFF))
def test_throttling_bits_are_hexadecimal(tmp_path_factory: pytest.TempPathFactory, bits: int) -> None:
    root = tree(tmp_path_factory.mktemp("pi"), {"sys/devices/platform/soc/soc:firmware/get_throttled": f"{bits:x}\n"})
    assert figures(root)[Quantity.THROTTLED] == bits


def test_a_host_without_anything(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured):
        Vitals(tmp_path / "nowhere").look()
    events = drive(HostRunner("host", Vitals(tmp_path / "nowhere"), 60_000), VirtualClock(), 120)
    assert [(type(event), getattr(event, "cause", "")) for event in events] == [(Failed, "not_measured")] * 3


def test_this_very_host() -> None:
    found = figures(Path("/"))
    assert {Quantity.CPU_LOAD, Quantity.MEMORY_AVAILABLE, Quantity.DISK_FREE, Quantity.UPTIME} <= set(found)
    assert all(quantity.plausible(value) for quantity, value in found.items())


def test_on_the_timetable_and_out_of_turn(tmp_path: Path) -> None:
    clock = VirtualClock(now_us=5_000_000)
    runner = HostRunner("host", Vitals(tree(tmp_path, PI)), 60_000)
    events = drive(runner, clock, 130)
    assert stamps(events) == [5_000, 60_000, 120_000]
    runner.ask("host")
    assert [type(event) for event in runner.step(131_000)] == [Sampled]
    assert not failed(events)
    assert runner.counters()["host"]["sampled"] == sum(len(event.readings) for event in sampled(events)) + 6
