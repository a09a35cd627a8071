"""A whole talk with a helper chip in one go: it has no pauses, and nobody else speaks to that chip meanwhile."""

from __future__ import annotations

from typing import TypeVar

from drivers.errors import DriverError
from drivers.talk import Read, Step, Talk, Write, WriteRead
from edge.buses.port import I2CPort

T = TypeVar("T")


def lead(talk: Talk[T], port: I2CPort, address: int) -> T:
    """Lead it to its end. Raises whatever the talk lets out; TypeError for a pause."""
    try:
        step = next(talk)
        while True:
            try:
                answer = said(step, port, address)
            except DriverError as error:
                step = talk.throw(error)
            else:
                step = talk.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def said(step: Step, port: I2CPort, address: int) -> bytes:
    """Perform one step. Raises Nack, BusFault; TypeError for a Pause."""
    match step:
        case Write(data):
            return port.transfer(address, data, 0)
        case Read(count, _):
            return port.transfer(address, None, count)
        case WriteRead(data, count):
            return port.transfer(address, data, count)
    raise TypeError("nobody waits in the turn of a helper chip")
