"""The ways in which a conversation with a chip can fail, each with a cause that can be counted.

A cause is a short word that stays the same over the years: it is the key of a counter, of a health reason and of
a vector. The message is for the technician at the pole: what happened, in one sentence.
"""

from __future__ import annotations


class DriverError(Exception):
    """A reading could not be had. Never carries a value."""

    cause = "error"


class Nack(DriverError):
    """Nobody acknowledged: the address is empty, or the chip is busy."""

    cause = "nack"


class BusFault(DriverError):
    """The bus itself failed: a line held low, arbitration lost, an adapter unplugged."""

    cause = "bus"


class NoAnswer(DriverError):
    """The device kept silent for longer than it may."""

    cause = "timeout"


class ChecksumError(DriverError):
    """The bytes arrived, and are not the bytes that were sent."""

    cause = "checksum"


class FramingError(DriverError):
    """The bytes are no frame of this device."""

    cause = "framing"


class WrongChip(DriverError):
    """Somebody else answers at this address."""

    cause = "wrong_chip"


class NotReady(DriverError):
    """The device has no new measurement yet."""

    cause = "not_ready"


class NotMeasured(DriverError):
    """The device says itself that it did not measure this."""

    cause = "not_measured"


class DeviceFault(DriverError):
    """The device reports a fault of its own: a fan, a laser, a failed self-test."""

    cause = "device_fault"
