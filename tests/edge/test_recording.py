"""What `edge record` writes down plays back through the same driver; what must not be written down is not."""

from __future__ import annotations

import _thread
import resource
from pathlib import Path

import pytest

from drivers.driver import I2CDriver, SerialLine
from drivers.errors import BusFault
from edge.asks import Asks
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort
from edge.cli import main, write_whole
from edge.fit import speaks
from edge.recording import Length, Recording, Unrecordable, host_model, origin, record
from edge.trouble import Trouble
from edge.wiring import SensorPlan
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.sds011 import SDS011
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock, VirtualClock
from simulators.commands.run import run
from simulators.files import SimulatedFile
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.introduce import driver_kind
from simulators.replay import parse, play_transcript
from simulators.shelf import chip
from simulators.transcript import Deviation
from simulators.uart import PtyDoor, SimulatedSerial

Capture = pytest.CaptureFixture[str]
HOST = "Raspberry Pi Zero 2 W Rev 1.0"


class Pole:
    """One sensor, wired to its simulated chip, in virtual time."""

    def __init__(self, name: str, **more: object) -> None:
        self.clock = VirtualClock(now_us=77_000_000)
        self.chip: Chip = chip(name)(self.clock.boot_us)
        self.clock.advance(60)
        made = driver_kind(name)()
        pins = {line: at for at, line in enumerate(getattr(made, "lines", ()))}
        address = made.default_address if isinstance(made, I2CDriver) else None
        self.plan = SensorPlan("it", name, speaks(type(made)), "/dev/x", address, pins, **more)  # type: ignore[arg-type]
        self.request: SimulatedLines | None = None

    def record(self, length: Length | None = None, agreed: bool = False) -> Recording:
        ports = PortOpener(self._i2c, self._serial, self._lines, self._file)
        return record(self.plan, ports, self.clock, self.clock.advance, length or Length(), agreed, host=HOST)

    def _i2c(self, path: str) -> I2CPort:
        assert isinstance(self.chip, I2CChip)
        return SimulatedI2C({self.chip.address: self.chip})

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        assert isinstance(self.chip, SerialChip)
        return SimulatedSerial(self.chip, self.clock.advance)

    def _file(self, path: str) -> FilePort:
        assert isinstance(self.chip, FileChip)
        return SimulatedFile(self.chip)

    def _lines(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        assert isinstance(self.chip, LinesChip)
        self.request = SimulatedLines(self.chip, self.plan.pins, 16)
        return self.request


@pytest.mark.parametrize(
    "name", ["sht31", "bme280", "scd4x", "sgp40", "mhz19", "sdm120", "sds011", "tfmini", "ds18b20"]
)
def test_what_is_recorded_plays_back(name: str, tmp_path: Path, capsys: Capture) -> None:
    found = Pole(name).record(Length(3), agreed=name == "tfmini")
    assert found.good >= 3
    assert parse(found.text).recorded
    title = driver_kind(name).title
    assert found.text.startswith(f"# Source: recorded on hardware: {title}, 2026-01-01, {HOST}\ndriver {name}\n")
    (tmp_path / "it.transcript").write_text(found.text)
    assert run(["replay", str(tmp_path / "it.transcript")]) == 0, capsys.readouterr().out


def test_it_is_the_bytes_that_are_recorded() -> None:
    text = Pole("sht31").record().text
    spoiled = text.replace("= temperature 18.0", "= temperature 18.1")
    assert spoiled != text
    with pytest.raises(Deviation):
        play_transcript(spoiled)
    with pytest.raises(Deviation):
        play_transcript(text.replace("w 2400", "w 2401"))


def test_time_counts_from_the_beginning_of_the_recording() -> None:
    parts = parse(Pole("sht31").record(Length(2)).text).parts
    assert [part.kind for part in parts] == ["probe", "setup", "read", "read"]
    assert parts[0].at_us == 1_000_000
    assert parts[-1].at_us is not None and parts[-1].at_us < 5_000_000


def test_settings_travel_along() -> None:
    found = Pole("sds011", settings={"working_period": 5}).record()
    assert parse(found.text).settings == {"working_period": 5}
    play_transcript(found.text)


@pytest.mark.parametrize(("name", "knob"), [("sht31", "nack_next"), ("sht31", "corrupt"), ("mhz19", "nack_next"),
                                            ("sds011", "corrupt"), ("sds011", "garbage")])  # fmt: skip
def test_what_went_wrong_is_recorded_too(name: str, knob: str) -> None:
    pole = Pole(name)
    if isinstance(pole.chip, SerialChip):
        pole.chip.say()  # what it said until now
    pole.chip.faults.turn(knob, 2)
    found = pole.record(Length(2))
    assert found.good >= 2
    play_transcript(found.text)
    assert "!" in found.text


def test_who_never_answers_gives_no_reading_and_ends() -> None:
    for name in ("sht31", "mhz19", "sds011"):
        pole = Pole(name)
        pole.chip.faults.stuck_busy = True
        assert pole.record(Length(2)).good == 0


def test_lines_are_recorded_for_a_window_with_how_they_stood() -> None:
    pole = Pole("contact", interval_ms=100_000)
    assert isinstance(pole.chip, LinesChip)
    pole.chip.plan(pole.clock.now_us - 10, "line" if "line" in pole.plan.pins else next(iter(pole.plan.pins)), 1)
    pole.chip.edges()
    pole.chip.plan(pole.clock.now_us + 25_000_000, next(iter(pole.plan.pins)), 0)
    found = pole.record()
    play_transcript(found.text)
    assert found.good == 1
    assert sum(line.startswith("l ") for line in found.text.splitlines()) == 1
    assert sum(line.startswith("e ") for line in found.text.splitlines()) == 1
    with pytest.raises(Deviation):
        play_transcript(found.text.replace(" 1\ne ", " 0\ne "))


def test_beams_are_recorded_only_with_people_who_agreed() -> None:
    pole = Pole("dual_beam", interval_ms=300_000)
    for second in range(5):
        pole.chip.passes(pole.clock.now_us + (2 + second) * 1_000_000, "in")  # type: ignore[attr-defined]
    with pytest.raises(Unrecordable, match="agreed"):
        pole.record(Length(seconds=20))
    found = pole.record(Length(seconds=20), agreed=True)
    assert "= count.in 5.0" in found.text
    play_transcript(found.text)


def test_edges_that_were_lost_are_no_recording() -> None:
    pole = Pole("pulse_counter", interval_ms=10_000)
    for number in range(200):
        pole.chip.passes(pole.clock.now_us + 1_000 + number * 200, "in")  # type: ignore[attr-defined]
    with pytest.raises(Unrecordable, match="faster"):
        pole.record()
    assert pole.request is not None
    with pytest.raises(BusFault):
        _ = pole.request.fd  # released


def test_a_window_that_is_looked_at_is_recorded_whole() -> None:
    pole = Pole("tfmini", window_ms=10_000, settings={"mode": "passage"})
    pole.chip.passes(pole.clock.now_us + 3_000_000, "in")  # type: ignore[attr-defined]
    found = pole.record(agreed=True)
    assert "> close @" in found.text
    play_transcript(found.text)


def test_what_names_a_household_is_refused() -> None:
    with pytest.raises(Unrecordable, match="household"):
        Pole("dsmr").record(Length(1), agreed=True)


def test_only_hardware_is_called_hardware(tmp_path: Path) -> None:
    def plan(kind: str, bus: str) -> SensorPlan:
        return SensorPlan("it", "sht31", kind, bus)  # type: ignore[arg-type]

    for folder in ("dev/pts", "dev/serial/by-id", "sys/class/i2c-dev/i2c-1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dev/pts/3").touch()
    (tmp_path / "dev/ttyUSB0").touch()
    (tmp_path / "dev/serial/by-id/real").symlink_to(tmp_path / "dev/ttyUSB0")
    (tmp_path / "dev/serial/by-id/fake").symlink_to(tmp_path / "dev/pts/3")
    said = {bus: origin(plan(kind, bus), tmp_path) == "recorded on hardware" for kind, bus in (
        ("i2c", "/dev/i2c-1"), ("i2c", "/dev/i2c-1/0x70.3"), ("i2c", "/tmp/x/i2c-2"),
        ("uart", "/dev/serial/by-id/real"), ("uart", "/dev/serial/by-id/fake"), ("uart", "tcp://192.0.2.1:502"),
        ("gpio", "/dev/gpiochip0"), ("file", "/sys/bus/w1/devices/28-1/w1_slave"), ("file", "/tmp/w1_slave"),
    )}  # fmt: skip
    made_up = [bus for bus, real in said.items() if not real]
    assert made_up == ["/tmp/x/i2c-2", "/dev/serial/by-id/fake", "/tmp/w1_slave"]
    assert host_model(tmp_path)
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_text(HOST + "\0")
    assert host_model(tmp_path) == HOST


BOARD = """
[node]
id = "pole-001"
[journal]
folder = "journal"
[[sensor]]
name = "dust"
driver = "sds011"
port = "{port}"
[[sensor]]
name = "meter"
driver = "dsmr"
port = "{port}.not"
"""


def test_the_command_records_from_a_terminal_and_says_that_it_was_one(tmp_path: Path, capsys: Capture) -> None:
    board, file = tmp_path / "node.toml", tmp_path / "sds011-desk.transcript"
    served = chip("sds011")(PacedClock(20).boot_us)
    assert isinstance(served, SerialChip)
    with PtyDoor(served, tmp_path / "ttyUSB0") as door:
        board.write_text(BOARD.format(port=door.path))
        assert main(["record", "dust", str(file), "-n", "2", "-b", str(board)]) == 0, capsys.readouterr().err
    assert "sim replay" in capsys.readouterr().out
    assert not parse(file.read_text()).recorded
    assert "recorded from a simulated device" in file.read_text()
    play_transcript(file.read_text())
    before = file.read_text()
    for words, code, said in (
        (["dust", str(file)], 4, "is there already"),
        (["dust", str(tmp_path / "no" / "x")], 4, "can not be written"),
        (["meter", str(tmp_path / "x")], 4, "household"),
        (["rain", str(tmp_path / "x")], 2, "there are dust, meter"),
        (["dust", str(tmp_path / "x")], 5, "is the adapter plugged in"),
    ):
        assert main(["record", *words, "-b", str(board)]) == code
        told = capsys.readouterr().err
        assert said in told and "Nothing was recorded." in told
    assert file.read_text() == before and not (tmp_path / "x").exists()
    (tmp_path / "journal").mkdir()
    agent = Asks(tmp_path / "journal", lambda asked: asked.answer({"checks": []}))
    agent.begin()
    try:
        assert main(["record", "dust", str(tmp_path / "x"), "-b", str(board)]) == 4
    finally:
        agent.end()
    assert "An agent runs on this board" in capsys.readouterr().err


def test_a_recording_that_is_interrupted_says_that_nothing_was_kept(tmp_path: Path, capsys: Capture) -> None:
    board, file = tmp_path / "node.toml", tmp_path / "x.transcript"
    served = Interrupting(PacedClock(20).boot_us)
    with PtyDoor(served, tmp_path / "ttyUSB0") as door:
        board.write_text(BOARD.format(port=door.path))
        assert main(["record", "dust", str(file), "-n", "1000", "-b", str(board)]) == 130
    assert "Nothing was recorded." in capsys.readouterr().err
    assert not file.exists()


class Interrupting(SDS011):
    """As soon as anything is said to it, somebody presses Ctrl-C."""

    def hear(self, data: bytes) -> None:
        super().hear(data)
        _thread.interrupt_main()


@pytest.mark.parametrize("words", [["-n", "0"], ["-n", "-1"], ["--seconds", "0"], ["--seconds", "nan"]])
def test_nothing_is_not_recorded(words: list[str], tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["record", "dust", str(tmp_path / "x"), *words])
    assert "must be" in capsys.readouterr().err


def test_a_disk_that_is_full_keeps_no_half_transcript(tmp_path: Path) -> None:
    file, (soft, hard) = tmp_path / "x.transcript", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(Trouble, match="can not be written"):
            write_whole(file, "w 2400\n" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not file.exists()
