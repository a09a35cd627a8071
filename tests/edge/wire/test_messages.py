"""Every message reads back as it was written; any other bytes are a MessageError that names the key."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import jsontext
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import (
    Ack,
    CheckResult,
    EventRecord,
    GapRecord,
    Health,
    Hello,
    MessageError,
    Order,
    SensorLine,
    State,
    Status,
    from_json,
    to_json,
)
from tests.edge.wire.test_identity import IDS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(-(2**63) + 1, 2**63 - 1)
SEQ = st.integers(0, 2**62)
EPOCH = st.integers(0, 2**32 - 1)
SCALAR = st.none() | st.booleans() | INT | TEXT | st.floats(allow_nan=False, allow_infinity=False)
PAIRS = st.tuples(SEQ, SEQ).map(lambda pair: (min(pair), max(pair)))

MESSAGES: dict[type, st.SearchStrategy[Any]] = {
    Hello: st.builds(
        lambda node, boot, epoch, span, text, total, sensors: Hello(
            node, boot, epoch, span[0], span[1], text, total, sensors, span[0]
        ),
        IDS, TEXT, EPOCH, PAIRS, TEXT, SEQ, st.lists(st.builds(SensorLine, TEXT, TEXT, st.lists(TEXT)), max_size=3),
    ),
    Status: st.builds(Status, IDS, st.booleans(), TEXT, INT),
    Ack: st.builds(Ack, EPOCH, SEQ | st.just(-1), st.lists(PAIRS, max_size=4), st.lists(TEXT, max_size=2)),
    Health: st.builds(
        Health, SEQ, st.lists(st.builds(CheckResult, TEXT, st.sampled_from(State), TEXT, TEXT), max_size=3),
        st.dictionaries(TEXT, INT, max_size=4),
    ),
    Order: st.builds(Order, TEXT, TEXT, st.dictionaries(TEXT, SCALAR, max_size=4), INT, st.none() | INT),
    GapRecord: st.builds(
        lambda span, *rest: GapRecord(*span, *rest), PAIRS, SEQ, TEXT, st.none() | INT, st.none() | INT
    ),
    EventRecord: st.builds(EventRecord, INT, TEXT, st.dictionaries(TEXT, SCALAR, max_size=4)),
    ClockRecord: st.builds(
        ClockRecord, SEQ, TEXT, st.none() | INT, st.sampled_from(ClockQuality), st.none() | INT, SEQ
    ),
}  # fmt: skip
KINDS = sorted(MESSAGES, key=lambda kind: kind.__name__)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALAR | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_there_and_back(kind: type, data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])
    assert from_json(kind, to_json(message)) == message


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), strange=JSON)
def test_a_message_with_one_thing_else_is_read_or_refused(kind: type, data: st.DataObject, strange: Any) -> None:
    fields = json.loads(to_json(data.draw(MESSAGES[kind])))
    key = data.draw(st.sampled_from(sorted(fields)))
    try:
        message: object = from_json(kind, json.dumps(fields | {key: strange}).encode())
    except MessageError:
        return
    assert from_json(kind, to_json(message)) == message


@pytest.mark.parametrize("kind", KINDS)
@given(noise=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_message_or_an_error(kind: type, noise: bytes) -> None:
    try:
        message: object = from_json(kind, noise)
    except MessageError:
        return
    assert isinstance(message, kind)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_unknown_keys_are_ignored_and_optional_ones_defaulted(kind: type, data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])
    fields = json.loads(to_json(message))
    assert from_json(kind, json.dumps(fields | {"from_the_future": [1, {}]}).encode()) == message
    for field in dataclasses.fields(kind):
        shorter = json.dumps({name: value for name, value in fields.items() if name != field.name}).encode()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            with pytest.raises(MessageError, match=f"{kind.__name__} lacks {field.name}"):
                from_json(kind, shorter)
        elif field.default is not dataclasses.MISSING:
            assert getattr(from_json(kind, shorter), field.name) == field.default


def test_how_they_look() -> None:
    clock = ClockRecord(2, "ab", None, ClockQuality.HOLDOVER)
    assert to_json(clock) == (
        b'{"boot":2,"boot_id":"ab","offset_ms":null,"quality":"holdover","uncertainty_ms":null,"at_ms":0}'
    )
    assert to_json(Ack(7, 41, [(50, 60)], ["00ff00ff"])) == (
        b'{"epoch":7,"upto":41,"ranges":[[50,60]],"resend_schema":["00ff00ff"],"now_ms":null,"echo_ms":null,"back_within_ms":null}'
    )
    assert to_json(Health(1, [CheckResult("disk", State.BAD, "Full.", "Empty.")], {"talks": 3})) == (
        b'{"at_ms":1,"checks":[{"name":"disk","state":"bad","reason":"Full.","remedy":"Empty."}],"counters":{"talks":3},"boot":""}'
    )
    assert [quality.word for quality in ClockQuality] == ["synced", "holdover", "floor", "unknown"]
    assert [int(quality) for quality in ClockQuality] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Status, '{"node":"pole-1","online":1}', "Status.online should be true or false, not 1"),
        (Status, '{"node":"pole-1","online":null}', "Status.online should be"),
        (Status, '{"node":"POLE","online":true}', "Status: a node id holds only"),
        (Status, '{"node":"pole-1","online":true,"since_ms":true}', "since_ms should be a whole number"),
        (Status, '{"node":"pole-1","online":true,"since_ms":1.0}', "since_ms should be a whole number"),
        (Status, '{"node":"pole-1","online":true,"since_ms":9223372036854775808}', "63 bits"),
        (Status, '{"node":"pole-1","online":true,"since_ms":NaN}', "not JSON"),
        (Status, '{"node":"pole-1","online":true,"boot_id":"\\ud800"}', "half a character"),
        (Status, "[]", "Status should be an object"),
        (Ack, '{"epoch":4294967296,"upto":0}', "an epoch has 32 bits"),
        (Ack, '{"epoch":1,"upto":0,"ranges":[[1,2,3]]}', r"Ack.ranges\[0\] should be a list of 2"),
        (Ack, '{"epoch":1,"upto":0,"ranges":[[2,1]]}', "count upwards"),
        (Hello, '{"node":"pole-1","boot_id":"","epoch":1,"lowest":9,"next":8}', "do not fit together"),
        (Hello, '{"node":"pole-1","boot_id":"","epoch":1,"lowest":7,"next":8,"acked":9}', "acked 9 and next 8"),
        (Hello, '{"node":"pole-1","boot_id":"","epoch":1,"lowest":7,"next":8,"publish_ms":-1}', "each -1 ms"),
        (Hello, '{"node":"pole-1","boot_id":"","epoch":1,"lowest":7,"next":8,"ack_ms":-1}', "waits -1 ms for an ack"),
        (Order, '{"id":"1","verb":"read","arguments":{"deep":{"a":1}}}', "Order.arguments.deep should be"),
        (Order, '{"id":"1","verb":"read","arguments":{"far":1e999}}', "Order.arguments.far should be"),
        (Order, '{"id":"1","verb":"read","arguments":{"far":9223372036854775808}}', "Order.arguments.far should be"),
        (Order, '{"id":"1","verb":"read","arguments":{"far":-Infinity}}', "-Infinity is not JSON"),
        (GapRecord, '{"first":2,"last":1,"readings":0,"why":""}', "no gap can be 2 to 1 with 0 readings"),
        (GapRecord, '{"first":2,"last":2,"readings":-1,"why":""}', "no gap can be 2 to 2 with -1 readings"),
        (Hello, '{"node":"pole-1","boot_id":"","epoch":-1,"lowest":7,"next":8}', "an epoch has 32 bits: -1"),
        (ClockRecord, '{"boot":1,"boot_id":"","offset_ms":0,"quality":"good"}', "synced, holdover, floor, unknown"),
        (ClockRecord, '{"boot":-1,"boot_id":"","offset_ms":0,"quality":"floor"}', "never negative"),
    ],
)  # fmt: skip
def test_the_reason_names_the_key(kind: type, text: str, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        from_json(kind, text.encode())


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 200_000,
        b'{"a":' * 40_000,
        b"9" * 200_000,
        b'{"epoch":1,"upto":' + b"1" * 5000 + b"}",
        b'{"epoch":1,"upto":0,"ranges":[' + b"[1,1]," * 20_000 + b"[1,1]]}",
        b'{"epoch":1,"upto":0,"resend_schema":["' + b"a" * 9000 + b'"]}',
        b'"' + b"a" * jsontext.LONGEST_MESSAGE + b'"',
        b"\xff\xfe",
    ],
)
def test_bombs_do_not_go_off(bomb: bytes) -> None:
    with pytest.raises(MessageError):
        from_json(Ack, bomb)


def test_what_cannot_be_read_back_is_not_written() -> None:
    for wrong in (Order("1", "x", {"a": float("nan")}), Status("pole-1", True, "\ud800"), Order("1", "x" * 300_000)):
        with pytest.raises(MessageError):
            to_json(wrong)


@dataclasses.dataclass
class Likely:
    """What no message of ours holds yet, and one may hold tomorrow."""

    share: float
    pair: tuple[int, str] = (0, "")


@pytest.mark.parametrize(
    ("text", "share"), [("1", 1.0), ("-0.5", -0.5), ("9007199254740992", 2.0**53), ("1e308", 1e308)]
)
def test_a_float_may_be_written_as_a_whole_number(text: str, share: float) -> None:
    found = from_json(Likely, f'{{"share":{text},"pair":[1,"a"]}}'.encode())
    assert found == Likely(share, (1, "a")) and type(found.share) is float


@pytest.mark.parametrize("text", ["9007199254740993", "-9007199254740993", "1e309", "NaN", "true", '"1"', "null"])
def test_what_is_no_float(text: str) -> None:
    with pytest.raises(MessageError, match=r"Likely.share should be a number|not JSON"):
        from_json(Likely, f'{{"share":{text}}}'.encode())


def test_a_field_that_no_message_can_hold_is_a_mistake_of_ours() -> None:
    @dataclasses.dataclass
    class Wrong:
        raw: bytes

    with pytest.raises(TypeError, match="no message field can be a <class 'bytes'>"):
        from_json(Wrong, b"{}")
