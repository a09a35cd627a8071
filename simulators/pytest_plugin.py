"""The pytest plugin for authors of drivers: simulated buses as fixtures, and the same tests on hardware.

It is there wherever lantaarn is installed, so it loads nothing until a test asks for it, and says nothing to projects
that do not speak of lantaarn. In one that does, a folder `drivers/` (or `edge`, `fleet`, `simulators`) of its own would
hide ours or be hidden by it; that is told at once, because what comes of it otherwise is an ImportError out of nowhere.

`simulators.proof.Proof` holds ready-made tests. What is asked with `--lantaarn-bus` and its sisters is run on real
devices; a test that needs a simulated chip is then skipped aloud.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from drivers.driver import Driver
    from simulators.chips.chip import Chip, I2CChip
    from simulators.chips.file_chip import FileChip
    from simulators.chips.lines_chip import LinesChip
    from simulators.chips.serial_chip import SerialChip
    from simulators.clock import VirtualClock
    from simulators.device import Device
    from simulators.files import SimulatedFile
    from simulators.gpio import SimulatedLines
    from simulators.hardware import Hardware
    from simulators.i2c import SimulatedI2C
    from simulators.uart import PtyDoor, SimulatedSerial

    ChipOf = str | type[Chip] | Chip

FLOORS = ("drivers", "edge", "fleet", "simulators")
HOUSE = Path(__file__).resolve().parents[1]
OPTIONS = {
    "bus": ("/dev/i2c-1", "read I2C drivers on this real bus"),
    "serial": ("/dev/serial/by-id/...", "read serial drivers on this real port"),
    "file": ("/sys/.../w1_slave", "read drivers of the kernel's files here"),
    "address": ("0x45", "where the device sits on the real bus (default: the driver's own)"),
}
MENTIONS = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "requirements.txt")
INDOORS = "NOT TESTED: needs a simulated chip, and --lantaarn-%s asks for hardware"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the real devices are."""
    group = parser.getgroup("lantaarn", "drivers of lantaarn on real hardware")
    for name, (example, words) in OPTIONS.items():
        group.addoption(f"--lantaarn-{name}", default="", metavar=example, help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a project whose folders and ours hide each other. Raises pytest.UsageError."""
    if _speaks_of_us(config):
        _refuse_shadows(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that this run is about hardware."""
    asked = [f"{name} {value}" for name in OPTIONS if (value := config.getoption(f"--lantaarn-{name}"))]
    return [f"lantaarn: on hardware: {', '.join(asked)}"] if asked else []


def _speaks_of_us(config: pytest.Config) -> bool:
    if any(config.getoption(f"--lantaarn-{name}") for name in OPTIONS):
        return True
    files = [config.rootpath / name for name in MENTIONS]
    return any("lantaarn" in file.read_text("utf-8", "replace") for file in files if file.is_file())


def _refuse_shadows(config: pytest.Config) -> None:
    folder = shadow(config.rootpath, HOUSE, sys.path)
    if folder is not None:
        raise pytest.UsageError(
            f"{folder} bears the name of a package of lantaarn (installed in {HOUSE}), and one of the two can not be "
            f"imported: rename the folder {folder.name}/, for example to {folder.name}_{folder.parent.name}/."
        )


def shadow(root: Path, house: Path, path: list[str]) -> Path | None:
    """A folder with Python in it that is not ours and bears the name of one of our packages; None when there is none.

    `root` is the project under test, `path` where Python looks for modules.
    """
    if (root / "drivers" / "catalog.py").is_file() and (root / "simulators" / "pytest_plugin.py").is_file():
        return None  # a checkout of lantaarn itself
    before = [Path(entry or ".").resolve() for entry in path]
    before = before[: before.index(house)] if house in before else before
    suspects = [
        *((root / floor, "*.py") for floor in FLOORS),
        *((root / "src" / floor, "*.py") for floor in FLOORS),
        *((entry / floor, "__init__.py") for entry in before for floor in FLOORS),
    ]
    return next((at for at, what in suspects if at.resolve() != house / at.name and any(at.glob(what))), None)


@pytest.fixture(scope="session")
def hardware(pytestconfig: pytest.Config) -> Hardware:
    """The real devices that this run was given; false when it was given none."""
    _refuse_shadows(pytestconfig)
    from simulators.hardware import Hardware

    bus, serial, file, address = (str(pytestconfig.getoption(f"--lantaarn-{name}")) for name in OPTIONS)
    try:
        return Hardware(bus, serial, file, int(address, 0) if address else None)
    except ValueError:
        raise pytest.UsageError(f"--lantaarn-address is a number such as 0x45, not {address!r}") from None


@pytest.fixture
def simulated_only(hardware: Hardware) -> None:
    """Skips the test, aloud, when the run is about hardware."""
    for name in ("bus", "serial", "file"):
        if getattr(hardware, name):
            pytest.skip(INDOORS % name)


@pytest.fixture
def device(hardware: Hardware) -> Iterator[Callable[..., Device]]:
    """`device(driver, chip=None, **settings)`: the driver at its simulated chip, or at the real thing.

    Driver and chip are classes or names; see `simulators.device.Device` for what it can do.
    """
    from simulators.device import simulated
    from simulators.hardware import NotThere
    from simulators.introduce import chip_kind, driver_kind

    with ExitStack() as opened:

        def made(driver: str | type[Driver], chip: str | type[Chip] | None = None, **settings: Any) -> Device:
            speaks = driver_kind(driver)(**settings)
            if not hardware:
                return simulated(speaks, chip_kind(driver, chip))
            try:
                real = hardware.device(speaks)
            except NotThere as why:
                pytest.skip(f"NOT TESTED on hardware: {why}")
            opened.callback(real.close)
            return real

        yield made


@pytest.fixture
def virtual_clock(hardware: Hardware) -> VirtualClock:
    """A clock that stands still until it is moved; a minute after boot. The simulated buses of the test live by it."""
    from simulators.clock import VirtualClock

    return VirtualClock(now_us=60_000_000)


@pytest.fixture
def simulated_i2c(simulated_only: None, virtual_clock: VirtualClock) -> Callable[..., SimulatedI2C]:
    """`simulated_i2c("sht31", MyChip)` or `simulated_i2c({0x45: "sht31"})`: a bus with these chips on it."""
    from simulators.i2c import SimulatedI2C

    def made(*chips: ChipOf | Mapping[int, ChipOf]) -> SimulatedI2C:
        found: dict[int, I2CChip] = {}
        for each in chips:
            if isinstance(each, Mapping):
                found |= {address: _chip(one, virtual_clock) for address, one in each.items()}
            else:
                chip: I2CChip = _chip(each, virtual_clock)
                found[chip.address] = chip
        return SimulatedI2C(found)

    return made


@pytest.fixture
def simulated_serial(simulated_only: None, virtual_clock: VirtualClock) -> Callable[[ChipOf], SimulatedSerial]:
    """`simulated_serial(chip)`: a serial port in memory; waiting on it lets the virtual clock run."""
    from simulators.uart import SimulatedSerial

    def made(chip: ChipOf) -> SimulatedSerial:
        served: SerialChip = _chip(chip, virtual_clock)
        return SimulatedSerial(served, virtual_clock.advance)

    return made


@pytest.fixture
def simulated_pty(simulated_only: None, tmp_path: Path) -> Iterator[Callable[[ChipOf], PtyDoor]]:
    """`simulated_pty(chip)`: a terminal that any program may open by its `path`; its chip lives in real time."""
    from simulators.clock import PacedClock
    from simulators.uart import PtyDoor

    with ExitStack() as opened:

        def made(chip: ChipOf) -> PtyDoor:
            served: SerialChip = _chip(chip, PacedClock())
            number = len(list(tmp_path.glob("ttyUSB*")))
            return opened.enter_context(PtyDoor(served, tmp_path / f"ttyUSB{number}"))

        yield made


@pytest.fixture
def simulated_lines(simulated_only: None, virtual_clock: VirtualClock) -> Iterator[Callable[..., SimulatedLines]]:
    """`simulated_lines(chip)`: a request for its lines by the kernel's rules, wired to the offsets 0, 1, …"""
    from simulators.gpio import SimulatedLines

    with ExitStack() as opened:

        def made(chip: ChipOf, pins: Mapping[str, int] | None = None) -> SimulatedLines:
            watched: LinesChip = _chip(chip, virtual_clock)
            wired = pins or {line: offset for offset, line in enumerate(watched.lines)}
            request = SimulatedLines(watched, wired)
            opened.callback(request.release)
            return request

        yield made


@pytest.fixture
def simulated_file(simulated_only: None, virtual_clock: VirtualClock) -> Callable[[ChipOf], SimulatedFile]:
    """`simulated_file(chip)`: a small file of the kernel whose text the chip writes."""
    from simulators.files import SimulatedFile

    def made(chip: ChipOf) -> SimulatedFile:
        served: FileChip = _chip(chip, virtual_clock)
        return SimulatedFile(served)

    return made


def _chip(chip: ChipOf, clock: Any) -> Any:
    from simulators.shelf import chip as named

    if isinstance(chip, str):
        chip = named(chip)
    return chip(clock.boot_us) if isinstance(chip, type) else chip


@pytest.fixture(scope="session")
def follow(hardware: Hardware) -> Callable[..., Any]:
    """`follow(talk, text)`: the referee of transcripts leads the talk through the text, to the end of both."""
    from simulators.transcript import follow

    return follow


@pytest.fixture(scope="session")
def play_transcript(hardware: Hardware) -> Callable[[str], None]:
    """`play_transcript(text)`: plays a whole transcript file through the driver that it names."""
    from simulators.replay import play_transcript

    return play_transcript
