"""`sim chip`: one simulated chip where any other software can talk to it.

A serial device is served on a pseudo-terminal, an I2C chip on a device file that the kernel serves through FUSE (as
root), a device behind a file of the kernel as that file. While it is served, orders are taken on stdin, a line each:
`feel temperature 21.5`, `fault nack_next 3`, `stop`.
"""

from __future__ import annotations

import errno
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from drivers.errors import BusFault
from drivers.reading import Quantity
from fleet import show
from fleet.trouble import Exit, Trouble
from simulators import fuse_i2c
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock
from simulators.commands.app import app
from simulators.shelf import chip as chip_of
from simulators.uart import PtyDoor

LOOK_S = 0.2
ORDERS = "feel QUANTITY VALUE, fault KNOB [VALUE], stop"
Name = Annotated[str, typer.Argument(metavar="NAME", help="The driver whose chip it is: sim shelf -o name")]
Bus = Annotated[Path | None, typer.Option(help="The terminal or file to make; for I2C the folder that gets i2c-1.")]
Address = Annotated[str | None, typer.Option(help="On I2C, where it sits; 0x45.")]
Feel = Annotated[list[str] | None, typer.Option(help="temperature=21.5; repeat.")]


@app.command()
def chip(name: Name, bus: Bus = None, address: Address = None, feel: Feel = None) -> None:
    """Serve one simulated chip on a terminal, an I2C device file or a file, until it is told to stop."""
    try:
        kind = chip_of(name)
    except KeyError:
        raise Trouble(f"There is no simulated chip {name!r}.", "Nothing was started.", "sim shelf -o name",
                      Exit.USAGE) from None  # fmt: skip
    felt = [_felt(kind, text) for text in feel or []]
    if address and not issubclass(kind, I2CChip):
        raise typer.BadParameter(f"a {kind.name} has none", param_hint="--address")
    if issubclass(kind, I2CChip):
        return _on_i2c(kind, bus or Path("i2c"), address, felt)
    if not issubclass(kind, SerialChip | FileChip):
        raise Trouble(f"A {kind.name} sits on GPIO lines, which no program can be served.", "Nothing was started.",
                      "sim demo, where the agent counts it", Exit.REFUSED)  # fmt: skip
    made = kind(PacedClock().boot_us)
    made.feels.update(felt)
    place = bus or Path(f"{kind.name}.tty" if isinstance(made, SerialChip) else kind.name)
    with _terminal(made, place) if isinstance(made, SerialChip) else _file(made, place) as look:
        show.out(f"ready: {place} is a {kind.name}; orders on stdin: {ORDERS}\n")
        _serve(made, look)


def _felt(kind: type[Chip], text: str) -> tuple[Quantity, float]:
    quantity, _, value = text.partition("=")
    try:
        wanted, number = Quantity[quantity.strip().upper()], float(value)
        if not math.isfinite(number):
            raise ValueError
    except (KeyError, ValueError):
        raise typer.BadParameter(f"{text!r} is not like temperature=21.5", param_hint="--feel") from None
    if wanted not in kind.spans:
        feels = ", ".join(each.value for each in kind.spans)
        raise typer.BadParameter(f"a {kind.name} feels {feels}", param_hint="--feel")
    return wanted, number


def _on_i2c(kind: type[I2CChip], folder: Path, address: str | None, felt: list[tuple[Quantity, float]]) -> None:
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        raise Trouble("An I2C device file can only be served by root, where there is /dev/fuse.",
                      "Nothing was started.", f"sudo sim chip {kind.name} --bus {folder}", Exit.REFUSED)  # fmt: skip
    if address and not _fits(kind, address):
        answers = ", ".join(f"0x{each:02x}" for each in kind.addresses)
        raise typer.BadParameter(f"a {kind.name} answers at {answers}", param_hint="--address")
    _made(folder)
    show.note(f"{folder}/i2c-1 becomes a bus with a {kind.name} on it; orders on stdin: "
              f"feel {kind.name} QUANTITY VALUE, fault {kind.name} KNOB [VALUE], stop")  # fmt: skip
    fuse_i2c.serve_chips(folder, [f"{kind.name}@{address}" if address else kind.name], dict(felt))


def _fits(kind: type[I2CChip], address: str) -> bool:
    try:
        return int(address, 0) in kind.addresses
    except ValueError:
        return False


def _made(folder: Path) -> None:
    """A folder to serve in. Raises Trouble."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise Trouble(f"{folder} is what a sim chip left that was killed.", "It was left alone.",
                          f"sudo umount {folder}", Exit.REFUSED) from error  # fmt: skip
        raise Trouble(f"{folder} can not be a folder: {error.strerror}.", "It was left alone.",
                      "name another place with --bus", Exit.REFUSED) from error  # fmt: skip


@contextmanager
def _terminal(made: SerialChip, place: Path) -> Iterator[Callable[[], None]]:
    if place.exists() and not place.is_symlink():
        raise Trouble(f"{place} is there already.", "It was left alone.", "name another place with --bus", Exit.REFUSED)
    _made(place.parent)
    with PtyDoor(made, place):
        yield lambda: None


@contextmanager
def _file(made: FileChip, place: Path) -> Iterator[Callable[[], None]]:
    if place.exists():
        raise Trouble(f"{place} is there already.", "It was left alone.", "name another place with --bus", Exit.REFUSED)
    _made(place.parent)
    ended = threading.Event()
    look = partial(_rewrite, place, made, threading.Lock())
    look(), look()  # the first that a chip says may be what it wakes up with
    watching = threading.Thread(target=lambda: [look() for _ in iter(lambda: ended.wait(LOOK_S), True)], daemon=True)
    watching.start()
    try:
        yield look
    finally:
        ended.set()
        watching.join()
        place.unlink(missing_ok=True)


def _rewrite(place: Path, made: FileChip, turn: threading.Lock) -> None:
    """A reader finds the old text or the new one, never half of it; where the device is gone, no file."""
    with turn:
        fresh = place.with_name(place.name + ".new")
        try:
            fresh.write_bytes(made.read(4096))
        except BusFault:
            place.unlink(missing_ok=True)
        else:
            fresh.replace(place)


def _serve(made: Chip, look: Callable[[], None]) -> None:
    """Take orders until told to stop; without anybody at stdin, until a signal."""
    signal.signal(signal.SIGTERM, _stop)
    for line in sys.stdin:
        if line.strip() == "stop":
            return
        if line.strip():
            understood = _obey(made, line.split())
            look()
            if understood:
                show.out("done\n")
    signal.pause()


def _stop(*_: object) -> NoReturn:
    raise SystemExit(0)


def _obey(made: Chip, words: list[str]) -> bool:
    """Carry out one order; whether it could be understood."""
    verb, what, value = [*words, "1", "1"][:3]
    try:
        if verb == "feel" and Quantity[what.upper()] not in made.spans:
            raise KeyError(f"a {made.name} does not feel {what}")
        if verb == "feel":
            made.feels[Quantity[what.upper()]] = float(value)
        elif verb == "fault":
            made.faults.turn(what, int(value))
        else:
            raise KeyError(f"orders are {ORDERS}")
    except (KeyError, ValueError) as error:
        show.note(f"not understood: {error.args[0] if error.args else error}")
        return False
    return True
