"""Ready-made tests for a driver and its simulated chip: subclass `Proof`, and pytest does the rest.

    from simulators.proof import Proof

    class TestRainbow(Proof):
        driver = "rainbow"                    # the name of its entry point, or the class itself
        transcripts = "rainbow*.transcript"   # beside this file

What the house demands of its own drivers is then demanded of this one: the sweep over the whole span, every fault of
the matrix through the agent's own runners, every transcript to its end. With `pytest --lantaarn-bus /dev/i2c-1` it is
read on the real bus instead, and what only a simulated chip can show is skipped aloud.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from drivers.driver import Driver, I2CDriver
from drivers.errors import DriverError
from drivers.guests import check_api
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen
from drivers.stream import StreamDriver
from drivers.window import Windowed
from simulators import sweep
from simulators.chips.chip import Chip
from simulators.device import Device, simulated
from simulators.introduce import chip_kind, driver_kind, introduced

if TYPE_CHECKING:
    from pytest import Metafunc

PASSAGES = (0, 1, 2, 17)
NO_TRANSCRIPT = ""
OTHER_CHIP = 0x42
HEAD = 2  # bytes of a frame that are damaged, bit by bit
DeviceOf = Callable[..., Device]


class Proof:
    """Tests of one driver. Subclasses name it, and begin with `Test`."""

    driver: ClassVar[str | type[Driver]]
    chip: ClassVar[str | type[Chip] | None] = None  # without one, that of the entry point with the driver's name
    settings: ClassVar[Mapping[str, Chosen]] = {}
    transcripts: ClassVar[str] = "*.transcript"  # a pattern, from the folder of the test file
    identified: ClassVar[bool] = True  # False: the chip says nothing by which it can be told from another

    def pytest_generate_tests(self, metafunc: Metafunc) -> None:
        """Each quantity, fault, number of passages and transcript is a test of its own."""
        if "quantity" in metafunc.fixturenames:
            device = self._simulated()
            lone = sweep.swept(device) if not sweep.counts(device) else []
            metafunc.parametrize("quantity", lone or [None], ids=lambda each: each.value if each else "none to sweep")
        if "passages" in metafunc.fixturenames:
            metafunc.parametrize("passages", PASSAGES if sweep.counts(self._simulated()) else [0])
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize(("fault", "windowed"), self._cells(), ids=_cell_name)
        if "transcript" in metafunc.fixturenames:
            found = self._transcripts()
            metafunc.parametrize("transcript", found or [NO_TRANSCRIPT], ids=lambda path: Path(path).stem or "none")

    def test_it_says_what_others_must_know(self) -> None:
        """A name, a title, its datasheet, what it measures, and for which driver API it was written."""
        kind = driver_kind(self.driver)
        made = kind(**self.settings)
        lacking = [fact for fact in ("name", "title", "datasheet", "measures") if not getattr(made, fact, None)]
        if lacking:
            raise AssertionError(f"the driver {kind.__name__} does not say its {', '.join(lacking)}")
        if not _of_the_house(kind):
            check_api(kind, f"the driver {kind.__name__}")
        with introduced(self.driver, self.chip):
            pass

    def test_it_reads_its_device(self, device: DeviceOf) -> None:
        """Set up, probed where it can be, and read: every value one that the world can be."""
        sound(device(self.driver, self.chip, **self.settings))

    def test_another_chip_is_known_as_another(self, simulated_only: None) -> None:
        """Probe says no, or setup raises, when another chip sits at the address."""
        device = self._simulated()
        if self.identified and isinstance(device.driver, I2CDriver):
            unlike_another(device)

    def test_a_damaged_head_begins_no_frame(self, simulated_only: None) -> None:
        """No flipped bit in the head of a frame goes unseen, unless the driver says `sealed = False`."""
        device = self._simulated()
        if isinstance(device.driver, StreamDriver) and device.driver.sealed:
            heads(device, lambda: cast(StreamDriver, driver_kind(self.driver)(**self.settings)))

    def test_each_quantity_over_its_span(self, quantity: Quantity | None, simulated_only: None) -> None:
        """What the chip feels comes out of the driver, within what the chip resolves."""
        if quantity is not None:
            sweep.sweep(self._set_up(), quantity)

    def test_all_quantities_at_once(self, simulated_only: None) -> None:
        """Nobody takes another's value."""
        device = self._set_up()
        if len(sweep.swept(device)) > 1 and not sweep.counts(device) and hasattr(device.driver, "read"):
            sweep.sweep_together(device)

    def test_all_that_pass_are_counted(self, passages: int, simulated_only: None) -> None:
        """None lost, none invented."""
        device = self._set_up()
        if sweep.counts(device) and not isinstance(device.driver, StreamDriver):
            sweep.count(device, passages)

    def test_no_fault_makes_a_wrong_value(self, fault: Any, windowed: bool, simulated_only: None) -> None:
        """A value with its flags or a named error, no neighbour disturbed, and back within ten seconds."""
        from simulators.matrix.trial import trial

        with introduced(self.driver, self.chip) as name:
            cell = trial(name, fault, windowed)
        if not cell.holds:
            raise AssertionError(
                f"{fault.name}: wrong values: {list(cell.wrong[:3])}; neighbour: {list(cell.disturbed[:3])}; good "
                f"again after {cell.recovered_s} s of {cell.allowed_s:g} s allowed; all in all {cell.outcomes}"
            )

    def test_the_driver_follows_its_transcript(self, transcript: str) -> None:
        """Every line of it, to the end."""
        from simulators.replay import play_transcript

        if transcript == NO_TRANSCRIPT:
            raise AssertionError(f"no transcript is at {self._folder() / self.transcripts}; write one, or edge record")
        with introduced(self.driver, self.chip):
            play_transcript(Path(transcript).read_text("utf-8"))

    def _cells(self) -> list[tuple[Any, bool]]:
        from simulators.matrix.trial import cells_of

        with introduced(self.driver, self.chip) as name:
            made = driver_kind(name)(**self.settings)
            both = isinstance(made, Windowed) and not made.must_window
            return [(fault, windowed) for windowed in (False, True)[: 1 + both] for fault in cells_of(name)]

    def _simulated(self) -> Device:
        return simulated(driver_kind(self.driver)(**self.settings), chip_kind(self.driver, self.chip))

    def _set_up(self) -> Device:
        device = self._simulated()
        device.set_up()
        return device

    def _folder(self) -> Path:
        return Path(inspect.getfile(type(self))).parent

    def _transcripts(self) -> list[str]:
        return sorted(glob(str(self._folder() / self.transcripts)))


def sound(device: Device) -> None:
    """Probed where it can be, set up, and read: every value one that the world can be. Raises AssertionError."""
    if isinstance(device.driver, I2CDriver) and device.probe() is not True:
        raise AssertionError("its probe does not know its own device")
    device.set_up()
    readings = device.read()
    strange = [reading.name for reading in readings if reading.quantity not in device.driver.measures]
    wrong = [f"{reading.name} = {reading.value!r}" for reading in readings
             if not reading.flags and not reading.quantity.plausible(reading.value)]  # fmt: skip
    silent = not readings and device.driver.measures and not isinstance(device.driver, Windowed)
    if strange or wrong or silent:
        raise AssertionError(f"it read {readings}; not in `measures`: {strange}; not of this world: {wrong}")


def unlike_another(device: Device) -> None:
    """The driver does not take another chip, at the knob `wrong_chip_id`, for its own. Raises AssertionError."""
    assert device.chip is not None
    device.chip.faults.wrong_chip_id = OTHER_CHIP
    try:
        if device.probe() is not True:
            return
        device.talk(cast(I2CDriver, device.driver).setup())
    except DriverError:
        return
    raise AssertionError(
        f"{device.driver.name} takes another chip for its own: its probe says yes and its setup says nothing when the "
        f"chip has faults.wrong_chip_id = {OTHER_CHIP:#x}; where no chip can be known, say identified = False"
    )


def heads(device: Device, fresh: Callable[[], StreamDriver]) -> None:
    """What comes of a true frame does not come of one with a bit of its head flipped. Raises AssertionError."""
    frame = _true_frame(device)
    good = _heard(fresh(), frame, device.now_us())
    for bit in range(8 * min(HEAD, len(frame)) if good else 0):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        same = [reading for reading in _heard(fresh(), bytes(damaged), device.now_us()) if reading in good]
        if same:
            raise AssertionError(
                f"{device.driver.name} read {same} from a frame with bit {bit % 8} of byte {bit // 8} flipped "
                f"({damaged.hex()}, the true one is {frame.hex()}): let frame() look at its head, or say sealed = False"
            )


def _true_frame(device: Device) -> bytes:
    """The last frame that gave a reading."""
    driver, found = cast(StreamDriver, device.driver), [b""]
    decode = driver.decode

    def overheard(frame: bytes) -> list[Reading] | None:
        readings = decode(frame)
        found[0] = frame if readings else found[0]
        return readings

    vars(driver)["decode"] = overheard
    device.set_up()
    device.read()
    return found[0]


def _heard(driver: StreamDriver, data: bytes, at_us: int) -> list[Reading]:
    driver.at_us = at_us
    return [reading for readings in [*driver.feed(data), *driver.flush()] for reading in readings]


def _of_the_house(kind: type[Driver]) -> bool:
    return kind.__module__.startswith("drivers.")


def _cell_name(value: object) -> str:
    return ("by the window" if value else "plain") if isinstance(value, bool) else str(getattr(value, "name", value))
