"""What answers on which bus, and which driver fits: for the technician who has just connected something.

Addresses are asked as i2cdetect does: by a read of one byte where memories and write-protected chips sit, by an empty
write elsewhere, and never at the reserved ones. What a driver of the kernel holds is named and left alone. Then
the drivers that may sit at an address probe it, which changes nothing at the chip.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drivers.driver import Driver, I2CDriver
from drivers.errors import BusFault, DriverError
from drivers.talk import Pause, Talk
from drivers.tca9548a import TCA9548A
from edge.buses.port import I2CPort
from edge.buses.segment import MUX_ADDRESSES
from edge.runners.conversation import Broken, Conversation
from edge.runners.talks import i2c_answer

FIRST, LAST = 0x08, 0x77  # what lies outside is reserved
READ_ONLY = frozenset((*range(0x30, 0x38), *range(0x50, 0x60)))  # an empty write might harm what sits here

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """An address that answers: the drivers that fit, or the kernel's driver that holds it."""

    bus: str
    address: int
    drivers: tuple[str, ...]
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class SerialFound:
    """A serial port: the path to write into the board file, and the device that it leads to at this moment."""

    path: str
    device: str


def scan_i2c(
    bus: str,
    port: I2CPort,
    known: Iterable[type[Driver]],
    pause: Callable[[float], None],
    held: Mapping[int, str] | None = None,
    skip: Container[int] = (),
) -> list[Found]:
    """Ask every address of one bus. `held` names addresses that belong to the kernel; what is to `skip` is heard here
    but hangs elsewhere. Raises BusFault."""
    candidates = [driver for driver in known if issubclass(driver, I2CDriver)]
    found, fault = [], None
    for address in range(FIRST, LAST + 1):
        if address in skip:
            continue
        if held and address in held:
            found.append(Found(bus, address, (), held[address]))
            continue
        try:
            acknowledged = answers(port, address)
        except BusFault as error:
            fault, acknowledged = error, False
        if acknowledged:
            found.append(Found(bus, address, fitting(port, address, candidates, pause)))
    if fault is not None and not found:
        raise fault
    return found


def close_muxes(port: I2CPort, pause: Callable[[float], None], held: Container[int] = ()) -> None:
    """Close the channels of every mux that answers: another program may have left them open."""
    for address in MUX_ADDRESSES:
        if address not in held and fitting(port, address, [TCA9548A], pause):
            try:
                port.transfer(address, b"\x00", 0)
            except DriverError:
                continue  # it is asked again like everybody else


def answers(port: I2CPort, address: int) -> bool:
    """Whether anybody acknowledges here. Raises BusFault."""
    try:
        port.transfer(address, None, 1) if address in READ_ONLY else port.transfer(address, b"", 0)
    except BusFault:
        raise
    except DriverError:
        return False
    return True


def fitting(
    port: I2CPort, address: int, candidates: Iterable[type[I2CDriver]], pause: Callable[[float], None]
) -> tuple[str, ...]:
    """The drivers that recognise their chip at this address."""
    possible = [driver for driver in candidates if address in driver.addresses]
    return tuple(driver.name for driver in possible if _recognises(driver, port, address, pause))


def _recognises(driver: type[I2CDriver], port: I2CPort, address: int, pause: Callable[[float], None]) -> bool:
    try:
        return converse(driver().probe(), port, address, pause) is True
    except (Broken, NotImplementedError):
        return False


def converse(talk: Talk[T], port: I2CPort, address: int, pause: Callable[[float], None]) -> T:
    """Lead one talk to its end, waiting where it pauses. Raises Broken when it fails."""
    conversation = Conversation(talk)
    answer: bytes | DriverError | None = None
    while (step := conversation.advance(answer)) is not None:
        if isinstance(step, Pause):
            pause(step.seconds)
            answer = b""
            continue
        try:
            answer = i2c_answer(port, address, step)
        except DriverError as error:
            answer = error
    return conversation.result


def i2c_buses(root: Path = Path("/")) -> list[str]:
    """The I2C buses of this host, as they are written into a board file."""
    found = (root / "dev").glob("i2c-*")
    return [f"/dev/{path.name}" for path in sorted(found, key=lambda path: (len(path.name), path.name))]


def held_by_kernel(bus: str, root: Path = Path("/")) -> dict[int, str]:
    """The addresses of this bus that a driver of the kernel has claimed, such as a clock chip."""
    number = bus.rpartition("-")[2]
    held = {}
    for device in (root / "sys/bus/i2c/devices").glob(f"{number}-[0-9a-f]*"):
        if (device / "driver").exists():
            held[int(device.name.partition("-")[2], 16)] = (device / "driver").resolve().name
    return held


def users_of(device: str, root: Path = Path("/")) -> str:
    """Who has this device open, by number and name, as far as we may know; "" when nobody."""
    for link in (root / "proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == device:
                return f"process {link.parts[-3]} ({(link.parents[1] / 'comm').read_text().strip()})"
        except OSError:  # it ended, or is not ours to look at
            continue
    return ""


def serial_ports(root: Path = Path("/")) -> list[SerialFound]:
    """Serial ports by the path that survives re-plugging: by id, then by USB socket, then those of the board itself."""
    found: dict[str, SerialFound] = {}
    for pattern in ("dev/serial/by-id/*", "dev/serial/by-path/*", "dev/serial[0-9]", "dev/ttyAMA*", "dev/ttyS0"):
        for path in sorted(root.glob(pattern)):
            real, top = path.resolve(), root.resolve()
            device = f"/{real.relative_to(top)}" if real.is_relative_to(top) else str(real)
            found.setdefault(device, SerialFound("/" + str(path.relative_to(root)), device))
    return list(found.values())
