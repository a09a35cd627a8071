"""Dataclasses as JSON text, and back with every type checked.

Whatever arrives by radio may be cut, old, new or hostile. So reading is total: a value of the right shape or a
MessageError that names the key, never another exception and never a half-filled object. Unknown keys are ignored, for
a newer speaker may say more; keys with a default may be missing, for an older one says less. Sizes are bounded.

A dataclass is its own description: field types may be str, int, float, bool, None, enums (written as lower-case
names), lists, tuples, string-keyed dicts, unions of these, and other dataclasses.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types
from collections.abc import Callable
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

LONGEST_MESSAGE = 256 * 1024  # bytes
LONGEST_TEXT = 8 * 1024  # characters
LONGEST_LIST = 16 * 1024  # items
LARGEST_INT = 2**63 - 1
EXACT_AS_FLOAT = 2**53

Message = TypeVar("Message")
Reader = Callable[[object, str], Any]


class MessageError(ValueError):
    """A message that is not what it should be; says where and why."""


def to_json(message: object) -> bytes:
    """The message as compact UTF-8 JSON. Raises MessageError for what JSON cannot hold, or beyond LONGEST_MESSAGE."""
    try:
        text = json.dumps(_plain(message), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise MessageError(f"{type(message).__name__} cannot be written: {error}") from None
    if len(text) > LONGEST_MESSAGE:
        raise MessageError(f"{type(message).__name__} of {len(text)} bytes is longer than {LONGEST_MESSAGE}")
    return text


def from_json(kind: type[Message], data: bytes) -> Message:
    """The message of dataclass `kind` that `data` holds. Raises MessageError, and nothing else, for any other bytes."""
    if len(data) > LONGEST_MESSAGE:
        raise MessageError(f"{len(data)} bytes are longer than any message")
    try:
        value = json.loads(bytes(data).decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {str(error)[:200]}") from None
    message: Message = _reader(kind)(value, kind.__name__)
    return message


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


_readers: dict[Any, Reader] = {}


def _reader(hint: Any) -> Reader:
    """How a value of this type is read: built once per type."""
    if hint not in _readers:
        _readers[hint] = _build(hint)
    return _readers[hint]


def _build(hint: Any) -> Reader:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _read_enum(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _read_union(tuple(_reader(argument) for argument in arguments))
    if origin is list:
        return _read_list(_reader(arguments[0]))
    if origin is tuple:
        return _read_tuple(tuple(_reader(argument) for argument in arguments))
    if origin is dict and arguments[0] is str:
        return _read_dict(_reader(arguments[1]))
    raise TypeError(f"no message field can be a {hint}")


def _wrong(value: object, where: str, wanted: str) -> MessageError:
    return MessageError(f"{where} should be {wanted}, not {repr(value)[:60]}")


def _read_text(value: object, where: str) -> str:
    if type(value) is not str:
        raise _wrong(value, where, "text")
    if len(value) > LONGEST_TEXT:
        raise MessageError(f"{where} is longer than {LONGEST_TEXT} characters")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise MessageError(f"{where} holds half a character")
    return value


def _read_int(value: object, where: str) -> int:
    if type(value) is not int or abs(value) > LARGEST_INT:
        raise _wrong(value, where, "a whole number of at most 63 bits")
    return value


def _read_float(value: object, where: str) -> float:
    if type(value) is int and abs(value) <= EXACT_AS_FLOAT:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise _wrong(value, where, "a number")
    return value


def _read_bool(value: object, where: str) -> bool:
    if type(value) is not bool:
        raise _wrong(value, where, "true or false")
    return value


def _read_none(value: object, where: str) -> None:
    if value is not None:
        raise _wrong(value, where, "null")


_SIMPLE: dict[Any, Reader] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    type(None): _read_none,
}


def _read_enum(kind: type[enum.Enum]) -> Reader:
    members = {member.name.lower(): member for member in kind}

    def read(value: object, where: str) -> enum.Enum:
        if type(value) is not str or value not in members:
            raise _wrong(value, where, "one of " + ", ".join(members))
        return members[value]

    return read


def _read_union(arms: tuple[Reader, ...]) -> Reader:
    def read(value: object, where: str) -> object:
        errors = []
        for arm in arms:
            try:
                return arm(value, where)
            except MessageError as error:
                errors.append(str(error))
        raise MessageError("; or ".join(errors)[:500])

    return read


def _read_list(item: Reader) -> Reader:
    def read(value: object, where: str) -> list[Any]:
        if type(value) is not list or len(value) > LONGEST_LIST:
            raise _wrong(value, where, f"a list of at most {LONGEST_LIST}")
        return [item(entry, f"{where}[{index}]") for index, entry in enumerate(value)]

    return read


def _read_tuple(items: tuple[Reader, ...]) -> Reader:
    def read(value: object, where: str) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(items):
            raise _wrong(value, where, f"a list of {len(items)}")
        pairs = enumerate(zip(items, value, strict=True))
        return tuple(item(entry, f"{where}[{index}]") for index, (item, entry) in pairs)

    return read


def _read_dict(item: Reader) -> Reader:
    def read(value: object, where: str) -> dict[str, Any]:
        if type(value) is not dict or len(value) > LONGEST_LIST:
            raise _wrong(value, where, f"an object of at most {LONGEST_LIST} keys")
        return {_read_text(key, where): item(entry, f"{where}.{key[:60]}") for key, entry in value.items()}

    return read


def _read_dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    fields = [(field.name, _reader(hints[field.name]), _required(field)) for field in dataclasses.fields(kind)]

    def read(value: object, where: str) -> object:
        if type(value) is not dict:
            raise _wrong(value, where, "an object")
        missing = [name for name, _, required in fields if required and name not in value]
        if missing:
            raise MessageError(f"{where} lacks {', '.join(missing)}")
        given = {name: reader(value[name], f"{where}.{name}") for name, reader, _ in fields if name in value}
        try:
            return kind(**given)
        except ValueError as error:
            raise MessageError(f"{where}: {error}") from None

    return read


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
