"""An I2C device file that the kernel itself serves, for unmodified smbus2.

`python -m simulators.fuse_i2c FOLDER CHIP...`: nothing is replaced in the reading program, which opens FOLDER/i2c-1
and calls ioctl. The kernel hands each call to this process through /dev/fuse, with the caller's thread id; the
buffers that the arguments point to are read and written in the caller's memory, through /proc. That needs root and
/dev/fuse, and no kernel module.

A CHIP is `sht31` or `sht31@0x45`. `ready` on stdout means that the file is there. Orders are taken on stdin, a line
each: `feel sht31 temperature 21.5`, `fault sht31 nack_next 3`. SIGTERM or `stop` takes the folder down again.
Source: linux/fuse.h, protocol 7.31.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import select
import signal
import stat
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from drivers.reading import Quantity
from simulators.chips.chip import MICRO, I2CChip
from simulators.clock import PacedClock
from simulators.i2c import SimulatedI2C
from simulators.i2cdev import I2CDevice
from simulators.shelf import chip

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE = 1, 2, 3, 4, 14, 15, 16
RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS = 18, 25, 26, 27, 28, 29, 34
INTERRUPT, DESTROY, IOCTL, BATCH_FORGET = 36, 38, 39, 42
HEADER, REPLY, IOCTL_IN, IN_OUT = struct.Struct("IIQQIIII"), struct.Struct("IiQ"), struct.Struct("QIIQII"), "QQII"
ATTRIBUTES = struct.Struct("QQQQQQIIIIIIIIII")
ROOT, DEVICE = 1, 2
DIRECT_IO, NONSEEKABLE = 1, 4
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
BUFFER = 1 << 20
FILE = "i2c-1"


class ProcessMemory:
    """The memory of another process, by the id of any of its threads."""

    def __init__(self, thread: int) -> None:
        self._path = f"/proc/{thread}/mem"

    def read(self, at: int, count: int) -> bytes:
        with open(self._path, "rb", buffering=0) as memory:
            return os.pread(memory.fileno(), count, at)

    def write(self, at: int, data: bytes) -> None:
        with open(self._path, "r+b", buffering=0) as memory:
            os.pwrite(memory.fileno(), data, at)


def attributes(node: int) -> bytes:
    """The fuse_attr of the folder or of the device file."""
    mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o666
    return ATTRIBUTES.pack(node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class DeviceFile:
    """Answers the kernel's requests for one folder with one device file in it."""

    def __init__(self, bus: SimulatedI2C) -> None:
        self._bus = bus
        self._opened: dict[int, I2CDevice] = {}
        self._last = 0
        self._known: dict[int, Callable[[int, int, bytes], bytes]] = {
            INIT: self._init, LOOKUP: self._lookup, GETATTR: self._getattr, SETATTR: self._getattr,
            OPEN: self._open, OPENDIR: self._open, IOCTL: self._ioctl, READ: self._read, WRITE: self._write,
            READDIR: self._readdir, RELEASE: self._release, RELEASEDIR: self._release, FLUSH: self._nothing,
            ACCESS: self._nothing, DESTROY: self._nothing,
        }  # fmt: skip

    def answer(self, request: bytes) -> bytes | None:
        """The reply to one request; None where none is expected."""
        _, operation, unique, node, _, _, thread, _ = HEADER.unpack_from(request)
        if operation in (FORGET, BATCH_FORGET, INTERRUPT):
            return None
        try:
            if operation not in self._known:
                raise OSError(errno.ENOSYS, "not served")
            body = self._known[operation](node, thread, request[HEADER.size :])
        except OSError as error:
            return REPLY.pack(REPLY.size, -(error.errno or errno.EIO), unique)
        return REPLY.pack(REPLY.size + len(body), 0, unique) + body

    def _init(self, node: int, thread: int, body: bytes) -> bytes:
        _, minor, readahead, _ = struct.unpack_from("IIII", body)
        return struct.pack("IIIIHHIIHHI7I", 7, min(minor, 31), readahead, 0, 12, 10, 65536, 1, 0, 0, 0, *[0] * 7)

    def _lookup(self, node: int, thread: int, body: bytes) -> bytes:
        if node != ROOT or body.rstrip(b"\0") != FILE.encode():
            raise OSError(errno.ENOENT, "no such file")
        return struct.pack("QQQQII", DEVICE, 0, 1, 1, 0, 0) + attributes(DEVICE)

    def _getattr(self, node: int, thread: int, body: bytes) -> bytes:
        return struct.pack("QII", 1, 0, 0) + attributes(node)

    def _open(self, node: int, thread: int, body: bytes) -> bytes:
        self._last += 1
        if node == DEVICE:
            self._opened[self._last] = I2CDevice(self._bus)
        return struct.pack("QII", self._last, DIRECT_IO | NONSEEKABLE if node == DEVICE else 0, 0)

    def _release(self, node: int, thread: int, body: bytes) -> bytes:
        self._opened.pop(struct.unpack_from("Q", body)[0], None)
        return b""

    def _nothing(self, node: int, thread: int, body: bytes) -> bytes:
        return b""

    def _ioctl(self, node: int, thread: int, body: bytes) -> bytes:
        handle, _, request, argument, _, _ = IOCTL_IN.unpack_from(body)
        if handle not in self._opened:
            raise OSError(errno.ENOTTY, "a folder")
        self._opened[handle].ioctl(request, argument, ProcessMemory(thread))
        return struct.pack("iIII", 0, 0, 0, 0)

    def _read(self, node: int, thread: int, body: bytes) -> bytes:
        handle, _, count, _ = struct.unpack_from(IN_OUT, body)
        return self._opened[handle].read(count)

    def _write(self, node: int, thread: int, body: bytes) -> bytes:
        handle, _, count, _ = struct.unpack_from(IN_OUT, body)
        return struct.pack("II", self._opened[handle].write(body[40 : 40 + count]), 0)

    def _readdir(self, node: int, thread: int, body: bytes) -> bytes:
        _, offset, _, _ = struct.unpack_from(IN_OUT, body)
        if offset:
            return b""
        name = FILE.encode()
        return struct.pack("QQII", DEVICE, 1, len(name), stat.S_IFREG >> 12) + name.ljust(-(-len(name) // 8) * 8, b"\0")


def mount(folder: Path) -> int:
    """Mount a FUSE folder; the descriptor on which the kernel asks. Raises OSError where that is not allowed."""
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if _libc().mount(b"lantaarn", os.fsencode(folder), b"fuse.lantaarn", MS_NOSUID | MS_NODEV, options):
        raise OSError(ctypes.get_errno(), f"cannot mount on {folder}: {os.strerror(ctypes.get_errno())}")
    return fuse


def unmount(folder: Path) -> None:
    """Take it down, even while somebody holds it open."""
    _libc().umount2(os.fsencode(folder), MNT_DETACH)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def serve(fuse: int, files: DeviceFile, order: Callable[[str], None]) -> None:
    """Answer the kernel, and take orders from stdin, until the folder is unmounted."""
    orders = sys.stdin.fileno()
    waiting, half = [fuse, orders], b""
    while True:
        for ready in select.select(waiting, [], [])[0]:
            if ready == fuse:
                if not _answered(fuse, files):
                    return
            elif heard := os.read(orders, 4096):
                *lines, half = (half + heard).split(b"\n")
                for line in lines:
                    order(line.decode("utf-8", "replace"))
            else:
                waiting.remove(orders)


def _answered(fuse: int, files: DeviceFile) -> bool:
    """One request read and answered; False when the folder is no longer mounted."""
    try:
        reply = files.answer(os.read(fuse, BUFFER))
        if reply is not None:
            os.write(fuse, reply)
    except OSError as error:
        if error.errno not in (errno.ENODEV, errno.ENOENT, errno.EINTR, errno.EAGAIN):
            raise
        return error.errno != errno.ENODEV
    return True


def board(names: Sequence[str], clock: PacedClock) -> dict[int, I2CChip]:
    """The chips by address, on for a second already. Raises ValueError for one that hangs on no I2C bus, KeyError."""
    found: dict[int, I2CChip] = {}
    for text in names:
        name, _, address = text.partition("@")
        kind = chip(name)
        if not issubclass(kind, I2CChip):
            raise ValueError(f"{name} is not on an I2C bus")
        on = found[int(address, 0) if address else kind.address] = kind(lambda: 0)
        on.now_us = lambda: clock.boot_us() + MICRO
    return found


def obey(line: str, chips: dict[int, I2CChip]) -> None:
    """Carry out one order; what cannot be understood is said on stderr and changes nothing."""
    try:
        verb, name, what, value = [*line.split(), "1"][:4]
        meant = [each for at, each in chips.items() if name in (each.name, f"{each.name}@{at:#04x}")]
        if not meant or verb not in ("feel", "fault"):
            raise ValueError("neither `feel CHIP QUANTITY VALUE` nor `fault CHIP KNOB [VALUE]` of a chip that is here")
        for each in meant:
            if verb == "feel":
                each.feels[Quantity[what.upper()]] = float(value)
            else:
                each.faults.turn(what, int(value))
    except (ValueError, KeyError) as error:
        print(f"not understood: {line.strip()!r}: {error}", file=sys.stderr)
    else:
        print("done", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.fuse_i2c", description="Serve simulated I2C chips.")
    parser.add_argument("folder", type=Path, help="where to mount; the device file is i2c-1 in it")
    parser.add_argument("chips", nargs="+", help="sht31, or sht31@0x45")
    chosen = parser.parse_args(arguments)
    serve_chips(chosen.folder, chosen.chips)


def serve_chips(folder: Path, names: Sequence[str], felt: Mapping[Quantity, float] | None = None) -> None:
    """Serve these chips until told to stop, by SIGTERM, SIGINT or `stop` on stdin."""
    chips = board(names, PacedClock())
    for each in chips.values():
        each.feels.update(felt or {})

    def stop(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    fuse = mount(folder)
    try:
        print("ready", flush=True)
        files = DeviceFile(SimulatedI2C(chips))
        serve(fuse, files, lambda line: stop() if line.strip() == "stop" else obey(line, chips))
    finally:
        unmount(folder)


if __name__ == "__main__":
    main()
