"""The real gpiod as far as a host without GPIO goes: what is asked of the kernel, and its refusals in words.

Debian's kernels build neither gpio-sim nor gpio-mockup, so no line can be requested here; the runner's own tests use
lines that follow the kernel's rules.
"""

from __future__ import annotations

import errno
from pathlib import Path

import gpiod
import pytest
from gpiod.line import Bias, Direction, Edge

from drivers.errors import BusFault
from edge.board import Sensor
from edge.buses.gpio import BIAS, BUFFER, LinuxLines, line_settings, why_not
from edge.buses.system import system_ports
from edge.clock import boot_minus_monotonic_us
from edge.runners.lines import level


@pytest.mark.parametrize("bias", BIAS)
def test_both_edges_of_an_input(bias: str) -> None:
    settings = line_settings(bias, True)
    assert (settings.direction, settings.edge_detection, settings.active_low) == (Direction.INPUT, Edge.BOTH, True)
    assert settings.bias is BIAS[bias]
    assert settings.debounce_period.total_seconds() == 0, "edges are stamped late when the kernel debounces"


def test_every_bias_that_a_board_may_name_is_known() -> None:
    assert set(BIAS) == set(Sensor.model_fields["bias"].annotation.__args__)  # type: ignore[union-attr]
    assert len(set(BIAS.values())) == len(BIAS) <= len(Bias)


def test_the_kernel_is_asked_for_a_large_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    class Request:
        fd = 5

    def request_lines(path: str, config: object, consumer: str, event_buffer_size: int) -> Request:
        asked.update(path=path, config=config, consumer=consumer, size=event_buffer_size)
        return Request()

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    port = LinuxLines("/dev/gpiochip0", (17, 27), "pull_up", False)
    assert port.fd == 5
    assert asked["size"] == BUFFER == 1_024
    assert asked["config"] == {(17, 27): line_settings("pull_up", False)}
    assert abs(port.offset_us - boot_minus_monotonic_us()) < 1_000


def test_the_level_of_a_real_gpiod_event() -> None:
    def event(kind: gpiod.EdgeEvent.Type) -> gpiod.EdgeEvent:
        return gpiod.EdgeEvent(kind.value, 1, 17, 1, 1)

    assert level(event(gpiod.EdgeEvent.Type.RISING_EDGE)) == 1
    assert level(event(gpiod.EdgeEvent.Type.FALLING_EDGE)) == 0


def test_a_chip_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match=r"there is no .*gpiochip9.*gpiodetect"):
        system_ports().lines(str(tmp_path / "gpiochip9"), (17,), "as_is", False)


def test_what_is_no_chip(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusFault, match="file"):
        system_ports().lines(str(tmp_path / "file"), (17,), "as_is", False)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "group gpio"), (errno.EBUSY, "lines 17, 27"), (errno.EPERM, "not permitted")]
)
def test_refusals_in_words(number: int, words: str) -> None:
    error = OSError(number, "Operation not permitted")
    assert words in why_not(error, "/dev/gpiochip0", (17, 27))
