"""The pytest plugin where its users meet it: installed as a wheel in a fresh venv, far from this checkout.

An example package with a driver of its own is installed beside it and proven through the plugin alone; then its driver
is broken, and must be found out. The same tests are run against a terminal and an I2C device file of the kernel's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.clock import PacedClock
from simulators.grades import proven
from simulators.pytest_plugin import shadow
from simulators.shelf import chip
from simulators.uart import PtyDoor
from tests.simulators.fresh_venv import ROOT, FreshVenv, ran, wheel
from tests.simulators.served_i2c import served_i2c

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("fresh_venv")]
EXAMPLE = ROOT / "tests" / "example_driver"
OTHERS = '''
"""What the house has, through the plugin."""
import serial
from drivers.contact import Contact
from simulators.chips.contact import Contact as SimulatedContact
from simulators.proof import Proof

class TestContact(Proof):
    driver, chip = Contact, SimulatedContact

class TestBeams(Proof):
    driver = "dual_beam"

class TestThermometer(Proof):
    driver = "ds18b20"

def test_a_serial_port_in_memory(simulated_serial, virtual_clock):
    began_us = virtual_clock.now_us
    assert simulated_serial("sds011").read(1, 5.0) == b"\\xaa"
    assert virtual_clock.now_us - began_us == 1_000_000

def test_a_terminal(simulated_pty):
    with serial.Serial(str(simulated_pty("sds011").path), timeout=20) as port:
        assert port.read(1) == b"\\xaa"

def test_lines(simulated_lines, virtual_clock):
    request = simulated_lines("pulse_counter")
    request.chip.passes(virtual_clock.now_us + 1000)
    virtual_clock.advance(1)
    assert request.wait_edge_events(0) and len(request.read_edge_events()) == 2

def test_a_file(simulated_file):
    assert b"YES" in simulated_file("ds18b20").read(256)

def test_a_transcript(play_transcript):
    play_transcript("# Source: nobody\\ndriver dual_beam\\n> watch\\ne 1000 a 1\\n")
'''
ON_HARDWARE = '''
"""The same tests, indoors and at the pole."""
from simulators.proof import Proof

class TestIt(Proof):
    driver = "{driver}"
    transcripts = "{transcripts}/{driver}*.transcript"

def test_a_bus(simulated_i2c):
    assert simulated_i2c("{driver}")
'''


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> FreshVenv:
    """Our wheel and the example's, far away."""
    folder = tmp_path_factory.mktemp("fresh")
    shutil.copytree(EXAMPLE, folder / "example", ignore=shutil.ignore_patterns("__pycache__"))
    ours, theirs = wheel(ROOT, folder, "lantaarn"), wheel(folder / "example", folder, "lantaarn_rainbow")
    return FreshVenv(folder / "venv", ours, theirs)


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    """The tests of the example, without its source."""
    return Path(shutil.copytree(EXAMPLE / "tests", tmp_path / "far", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_example_is_proven_by_what_is_installed_alone(fresh: FreshVenv, tests: Path) -> None:
    code = "import drivers, lantaarn_rainbow as theirs; print(drivers.__file__, theirs.__file__)"
    where = ran([fresh.python, "-c", code], tests)
    assert all(str(fresh.site) in path for path in where.stdout.split())
    done = fresh.pytest(tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "fails"),
    [
        ("signed=True) / 100", "signed=True) / 101", ("over_its_span[temperature]", "off")),
        ("data = words(answer)", "data = answer[:2] + answer[3:5]", ("[crc-plain]", "wrong values")),
        ("CONVERSION_S = 0.020", "CONVERSION_S = 0.021", ("[rainbow]", "p 20")),
        ("api = 2", "", ("lantaarn-rainbow", "does not say for which driver API")),
    ],
)
def test_a_broken_driver_is_found_out(
    right: str, wrong: str, fails: tuple[str, str], fresh: FreshVenv, tests: Path
) -> None:
    source = fresh.site / "lantaarn_rainbow" / "driver.py"
    whole = source.read_text()
    assert right in whole
    try:
        source.write_text(whole.replace(right, wrong))
        done = fresh.pytest(tests, "-k", "span or crc or transcript")
    finally:
        source.write_text(whole)
    assert done.returncode in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert all(sign in done.stdout + done.stderr for sign in fails), done.stdout + done.stderr


def test_every_fixture_and_every_shape(fresh: FreshVenv, tmp_path: Path) -> None:
    (tmp_path / "test_others.py").write_text(OTHERS)
    for name in ("contact", "dual_beam", "ds18b20"):
        shutil.copy(ROOT / "tests" / "transcripts" / f"{name}.transcript", tmp_path)
    done = fresh.pytest(tmp_path, "-k", "not freeze", "-p", "no:timeout")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_grades_travel_with_the_wheel(fresh: FreshVenv, tmp_path: Path) -> None:
    names = ["sht31", "mhz19", "dual_beam"]
    done = ran([str(fresh.bin / "sim"), "shelf", "-o", "json", *names], tmp_path)
    assert done.returncode == 0, done.stderr
    told = {one["name"]: one["grade"] for one in json.loads(done.stdout)["drivers"]}
    assert told == {name: proven(name).grade for name in names}


def test_the_plugin_loads_nothing_of_ours_until_it_is_asked() -> None:
    code = "import sys, simulators.pytest_plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.split(".")[0] in ("drivers", "edge", "fleet", "simulators")}
    assert ours == {"simulators", "simulators.pytest_plugin"}


@pytest.mark.parametrize("folder", ["drivers", "edge", "fleet", "simulators", "src/drivers"])
def test_a_folder_that_hides_ours_is_named_in_one_sentence(folder: str, fresh: FreshVenv, tmp_path: Path) -> None:
    there = tmp_path / folder
    there.mkdir(parents=True)
    (there / "mine.py").write_text("")
    (tmp_path / "test_mine.py").write_text("def test_it(): pass\n")
    assert shadow(tmp_path, ROOT, []) == there
    if folder != "drivers":
        return
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["lantaarn"]\n')
    done = fresh.pytest(tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.startswith("ERROR: ") and done.stderr.count("\n") <= 2
    assert str(there) in done.stderr and "rename the folder drivers/" in done.stderr
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert fresh.pytest(tmp_path).returncode == 0


def test_no_checkout_of_ours_hides_itself(tmp_path: Path) -> None:
    assert shadow(ROOT, ROOT, sys.path) is None
    assert shadow(ROOT, tmp_path, sys.path) is None
    (tmp_path / "drivers").mkdir()
    assert shadow(tmp_path, ROOT, [str(tmp_path)]) is None, "an empty folder hides nothing"
    (tmp_path / "drivers" / "__init__.py").touch()
    assert shadow(ROOT / "docs", ROOT, [str(tmp_path), str(ROOT)]) == tmp_path / "drivers"
    assert shadow(ROOT / "docs", ROOT, [str(ROOT), str(tmp_path)]) is None, "ours comes first"


def on_hardware(folder: Path, driver: str, *options: str) -> str:
    """What pytest says of the ready-made tests of this driver."""
    (folder / "test_it.py").write_text(ON_HARDWARE.format(driver=driver, transcripts=ROOT / "tests" / "transcripts"))
    quiet = ("-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder), "-rs", "-k", "not freeze")
    done = ran([sys.executable, "-m", "pytest", *quiet, *options], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_real_serial_port(tmp_path: Path) -> None:
    with PtyDoor(chip("sds011")(PacedClock().boot_us), tmp_path / "ttyUSB0") as door:  # type: ignore[arg-type]
        said = on_hardware(tmp_path, "sds011", "--lantaarn-serial", str(door.path))
    assert "3 passed" in said and "lantaarn: on hardware: serial" in said
    assert "NOT TESTED: needs a simulated chip, and --lantaarn-serial asks for hardware" in said


@pytest.mark.root
def test_a_real_i2c_bus(tmp_path: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("NOT TESTED: I2C through the kernel needs /dev/fuse")
    (tmp_path / "dev").mkdir()
    with served_i2c(tmp_path / "dev", "sht31@0x45") as bus:
        said = on_hardware(tmp_path, "sht31", "--lantaarn-bus", str(bus), "--lantaarn-address", "0x45")
        assert "3 passed" in said and "skipped" in said
        (tmp_path / "test_it.py").unlink()
        with pytest.raises(AssertionError, match=r"nobody acknowledges|probe does not know"):
            on_hardware(tmp_path, "sht31", "--lantaarn-bus", str(bus), "--lantaarn-address", "0x44")
