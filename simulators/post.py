"""A lamppost indoors: the chips that a board names, wired to one spot of the city.

What a board names only as a place (a mux, an expander, a serial bridge) is there too, in `helpers`.

It has the face of real ports towards the agent, and one method towards the city: `feel`, which lets the chips feel
what the spot is like at this moment. Somebody must call it often (a few times a second); `PostThread` does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TypeVar

from drivers.catalog import driver
from drivers.driver import SerialLine
from drivers.errors import BusFault
from drivers.lines import LinesDriver
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort
from edge.buses.segment import Lodging, Segment, lodging, segment
from edge.clock import Clock
from edge.wiring import BusPlan, SensorPlan
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.mcp23017 import MCP23017
from simulators.chips.modbus_unit import ModbusUnit
from simulators.chips.rs485 import on_one_line
from simulators.chips.sc16is752 import SC16IS752
from simulators.chips.serial_chip import SerialChip
from simulators.chips.tca9548a import TCA9548A
from simulators.files import SimulatedFile
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.shelf import chip
from simulators.streets import Spot
from simulators.uart import SimulatedSerial
from simulators.world import World

H = TypeVar("H", bound=I2CChip)
AHEAD_MS = 2_000  # how far into the future passages are planned
ON_THE_SUN = ("ina219", "ina226", "ina260", "max17048", "lc709203f")  # measure the battery, not the mains
FEEL_S = 0.1  # real seconds between two looks at the city


class Post:
    """The chips of one node, at one spot."""

    def __init__(
        self, sensors: Iterable[SensorPlan], world: World, spot: Spot, clock: Clock, buses: Iterable[BusPlan] = ()
    ) -> None:
        self.world, self.spot, self.clock = world, spot, clock
        self.chips: dict[str, Chip] = {}
        self.helpers: dict[str, I2CChip] = {}  # by their place: "/dev/i2c-1/0x70"
        self._buses: dict[str, SimulatedI2C] = {}
        self._ports: dict[str, list[SerialChip]] = {}
        self._lines: dict[tuple[str, tuple[int, ...]], tuple[LinesChip, dict[str, int]]] = {}
        self._files: dict[str, FileChip] = {}
        self._plans = {plan.name: plan for plan in buses}
        self._living: list[LinesChip] = []
        self._requests: list[SimulatedLines] = []
        self._planned_ms = clock.boot_ms()
        for sensor in sensors:
            self._wire(sensor)
        self._bridge()
        self.feel()

    def _wire(self, sensor: SensorPlan) -> None:
        if sensor.bus_kind == "host":
            return
        found = self.chips[sensor.name] = chip(sensor.driver)(self.clock.boot_us)
        if isinstance(found, I2CChip):
            self._segment(segment(sensor.bus))[sensor.address or found.address] = found
        elif isinstance(found, SerialChip):
            self._ports.setdefault(sensor.bus, []).append(found)
            if isinstance(found, ModbusUnit):
                found.suit(driver(sensor.driver)(**sensor.settings))
        elif isinstance(found, FileChip):
            self._files[sensor.bus] = found
        elif isinstance(found, LinesChip) and issubclass(driver(sensor.driver), LinesDriver):
            self._living.append(found)
            if place := lodging(sensor.bus):
                self._helper(MCP23017, place).wire(found, sensor.pins, sensor.active_low)
            else:
                self._lines[sensor.bus, tuple(sensor.pins.values())] = found, sensor.pins

    def _bridge(self) -> None:
        """Wire what hangs on serial bridges to their channels."""
        for path, chips in self._ports.items():
            if place := lodging(path):
                bridge = self._helper(SC16IS752, place)
                bridge.clocked_by(self._plan(place.segment.root).crystal_hz)
                bridge.wire("ab".index(place.part), on_one_line(chips))

    def _plan(self, bus: str) -> BusPlan:
        return self._plans.get(bus, BusPlan(bus))

    def _segment(self, where: Segment) -> dict[int, I2CChip]:
        """What hangs on a bus or behind a mux, by address; the muxes on the way come into being."""
        if not where.hops:
            wired = self._plan(where.root).reset_pin is not None
            return self._buses.setdefault(where.root, SimulatedI2C({}, wired)).chips
        address, channel = where.hops[-1]
        return self._helper(TCA9548A, Lodging(where.parents[-1], address)).channels[channel]

    def _helper(self, kind: type[H], place: Lodging) -> H:
        """The helper chip at this place. Raises ValueError when another chip is there."""
        found = self._segment(place.segment).setdefault(place.address, kind(self.clock.boot_us))
        if not isinstance(found, kind):
            raise ValueError(f"there is a {found.name} at 0x{place.address:02x} on {place.segment}")
        self.helpers[f"{place.segment}/0x{place.address:02x}"] = found
        return found

    @property
    def ports(self) -> PortOpener:
        """What the agent opens instead of device files."""
        return PortOpener(self._i2c, self._serial, self._request, self._file, self._plans)

    def _i2c(self, path: str) -> I2CPort:
        if path not in self._buses:
            raise BusFault(f"there is no {path} on this post")
        return self._buses[path]

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        if path not in self._ports:
            raise BusFault(f"there is no {path} on this post")
        return SimulatedSerial(on_one_line(self._ports[path]))

    def _file(self, path: str) -> FilePort:
        if path not in self._files:
            raise BusFault(f"there is no {path} on this post")
        return SimulatedFile(self._files[path])

    def _request(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        if (path, offsets) not in self._lines:
            raise BusFault(f"there are no such lines at {path} on this post")
        found, pins = self._lines[path, offsets]
        request = SimulatedLines(found, pins)
        self._requests.append(request)
        return request

    def feel(self) -> None:
        """Let every chip feel the city as it is now, and let who passes by pass by."""
        mains = self.world.feels(self.spot, self.clock.wall_ms())
        battery = {**mains, **self.world.battery(self.spot, self.clock.wall_ms())}
        for found in self.chips.values():
            felt = battery if found.name in ON_THE_SUN else mains
            for quantity in found.feels.keys() & felt.keys():
                found.feels[quantity] = felt[quantity]
        self._let_pass()
        for request in self._requests:
            request.pump()

    def _let_pass(self) -> None:
        until_ms = self.clock.boot_ms() + AHEAD_MS
        if self._living and until_ms > self._planned_ms:
            offset_ms = self.clock.wall_ms() - self.clock.boot_ms()
            for found in self._living:
                found.live(self._planned_ms * 1_000, until_ms * 1_000)
                for passage in self.world.passages(
                    self.spot, found.passers, self._planned_ms + offset_ms, until_ms + offset_ms
                ) if found.passers else ():
                    found.passes((passage.at_ms - offset_ms) * 1_000, passage.direction)
        self._planned_ms = until_ms


class PostThread:
    """Lets a post feel its city until it is stopped."""

    def __init__(self, posts: Iterable[Post], every_s: float = FEEL_S) -> None:
        self._posts, self._every_s = list(posts), every_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="city", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._every_s):
            for post in self._posts:
                post.feel()
