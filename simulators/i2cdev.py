"""Linux's i2c-dev, as its ioctls see it, over a simulated bus: what smbus2 and every tool built on it speak to.

Pure but for the memory of the caller, which is handed in: a FUSE server reaches it through /proc, a test in the same
process through ctypes. The adapter behaves as the Raspberry Pi's own: a read may only be the last message of a
transaction, SMBus block reads are not supported, and a missing acknowledge is EREMOTEIO.
Source: linux/i2c.h, linux/i2c-dev.h, Documentation/i2c/dev-interface.rst.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Protocol

from drivers.errors import DriverError, Nack
from edge.buses.port import I2CPort

RETRIES, TIMEOUT, SLAVE, TENBIT, FUNCS, SLAVE_FORCE, RDWR, PEC, SMBUS = (
    0x0701, 0x0702, 0x0703, 0x0704, 0x0705, 0x0706, 0x0707, 0x0708, 0x0720,
)  # fmt: skip
BCM2835_FUNCTIONS = 0x0EFF0009
MOST_MESSAGES = 42
READ_FLAG = 0x0001
QUICK, BYTE, BYTE_DATA, WORD_DATA, PROC_CALL, I2C_BLOCK_BROKEN, I2C_BLOCK = 0, 1, 2, 3, 4, 6, 8
MESSAGE, MESSAGES, SMBUS_CALL = struct.Struct("HHHxxP"), struct.Struct("PI4x"), struct.Struct("BBxxIP")


class Memory(Protocol):
    """The address space of the process that made the call."""

    def read(self, at: int, count: int) -> bytes: ...
    def write(self, at: int, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One i2c_msg, its buffer still in the caller's memory."""

    address: int
    flags: int
    length: int
    buffer: int

    @property
    def reads(self) -> bool:
        return bool(self.flags & READ_FLAG)


class I2CDevice:
    """One opened /dev/i2c-N. Every call raises OSError with the errno that the kernel would give."""

    def __init__(self, bus: I2CPort, nack_errno: int = errno.EREMOTEIO) -> None:
        self.bus, self.nack_errno = bus, nack_errno
        self.address = 0

    def ioctl(self, request: int, argument: int, memory: Memory) -> None:
        """`argument` is a number or an address in the caller's memory, as the request has it."""
        if request in (SLAVE, SLAVE_FORCE):
            self.address = argument
        elif request == FUNCS:
            memory.write(argument, struct.pack("L", BCM2835_FUNCTIONS))
        elif request == RDWR:
            self._transaction(argument, memory)
        elif request == SMBUS:
            self._smbus(argument, memory)
        elif request not in (RETRIES, TIMEOUT, PEC, TENBIT):
            raise OSError(errno.ENOTTY, f"no such ioctl: {request:#06x}")

    def read(self, count: int) -> bytes:
        """A plain read from the address that SLAVE set."""
        return self.transfer(self.address, None, count)

    def write(self, data: bytes) -> int:
        """A plain write to the address that SLAVE set."""
        self.transfer(self.address, data, 0)
        return len(data)

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        try:
            return self.bus.transfer(address, data, count)
        except Nack as error:
            raise OSError(self.nack_errno, str(error)) from error
        except DriverError as error:
            raise OSError(errno.EIO, str(error)) from error

    def _transaction(self, argument: int, memory: Memory) -> None:
        first, count = MESSAGES.unpack(memory.read(argument, MESSAGES.size))
        if not 0 < count <= MOST_MESSAGES:
            raise OSError(errno.EINVAL, f"{count} messages")
        places = range(first, first + count * MESSAGE.size, MESSAGE.size)
        messages = [Message(*MESSAGE.unpack(memory.read(at, MESSAGE.size))) for at in places]
        if any(message.reads for message in messages[:-1]):
            raise OSError(errno.EOPNOTSUPP, "this adapter reads in the last message only")
        self._play(messages, memory)

    def _play(self, messages: list[Message], memory: Memory) -> None:
        last = messages[-1]
        joined = len(messages) > 1 and last.reads and messages[-2].address == last.address
        for message in messages[: -2 if joined else -1]:
            self.transfer(message.address, memory.read(message.buffer, message.length), 0)
        ahead = messages[-2] if joined else None if last.reads else last
        data = None if ahead is None else memory.read(ahead.buffer, ahead.length)
        answer = self.transfer(last.address, data, last.length if last.reads else 0)
        if last.reads:
            memory.write(last.buffer, answer)

    def _smbus(self, argument: int, memory: Memory) -> None:
        reads, command, size, data = SMBUS_CALL.unpack(memory.read(argument, SMBUS_CALL.size))
        if size in (I2C_BLOCK, I2C_BLOCK_BROKEN):
            self._block(bool(reads), command, data, memory)
        elif size == QUICK or (size == BYTE and not reads):
            self.transfer(self.address, bytes([command]) if size == BYTE else b"", 0)
        elif size == BYTE:
            memory.write(data, self.transfer(self.address, None, 1))
        elif size in (BYTE_DATA, WORD_DATA, PROC_CALL):
            self._register(bool(reads) or size == PROC_CALL, size, command, data, memory)
        else:
            raise OSError(errno.EOPNOTSUPP, f"SMBus call of kind {size}")

    def _register(self, reads: bool, size: int, command: int, data: int, memory: Memory) -> None:
        width = 1 if size == BYTE_DATA else 2
        said = bytes([command])
        if not reads or size == PROC_CALL:
            said += memory.read(data, width)
        answer = self.transfer(self.address, said, width if reads else 0)
        if reads:
            memory.write(data, answer)

    def _block(self, reads: bool, command: int, data: int, memory: Memory) -> None:
        length = memory.read(data, 1)[0]
        if length > 32:
            raise OSError(errno.EINVAL, f"a block of {length} bytes")
        if reads:
            memory.write(data + 1, self.transfer(self.address, bytes([command]), length))
        else:
            self.transfer(self.address, bytes([command]) + memory.read(data + 1, length), 0)
