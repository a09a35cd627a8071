"""Whatever arrives becomes a parcel or nothing, the store takes it, and acks go to whom they concern."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.jsontext import from_json
from edge.wire.messages import Ack, Hello
from edge.wire.record import LARGEST_SEQ, Record, pack
from edge.wire.topics import DOWN_KINDS, UP_KINDS, down, parse, up
from fleet.collect import LONGEST_WAIT_MS, MOST_MESSAGES, Incoming, acks, back_within_ms, full, sort
from fleet.store.sqlite import SqliteStore
from fleet.store.store import AckDue, Greeting, Records, Refused
from tests.fleet.store.lives import FAST

NODES = st.sampled_from(["pole-1", "pole-2"])
ANY_BODY = st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'{"node":"pole-1","online":true}'])
ANY_RECORD = st.builds(
    lambda epoch, seq, kind, count, body: pack(Record(epoch, seq, kind, count, body)),
    st.integers(0, 2**32 - 1), st.integers(0, LARGEST_SEQ), st.integers(1, 15), st.integers(0, 2**31 - 1), ANY_BODY,
)  # fmt: skip
TOPICS = st.builds(up, NODES, st.sampled_from(UP_KINDS)) | st.text(max_size=30)
MESSAGES = st.builds(Incoming, TOPICS, ANY_BODY | ANY_RECORD, st.integers(0, 2**50))


@settings(max_examples=60)
@given(st.lists(MESSAGES, max_size=12))
def test_nothing_that_arrives_can_stop_the_collector(messages: list[Incoming]) -> None:
    parcels = [parcel for message in messages if (parcel := sort(message)) is not None]
    with TemporaryDirectory(dir=FAST) as folder:
        store = SqliteStore(Path(folder) / "readings.db")
        due = store.commit(parcels).acks
        store.close()
    told = {(p.node, r.epoch, r.seq) for p in parcels if isinstance(p, Records) for r in p.records}
    answered = {(parse(message.topic).node, from_json(Ack, message.payload).epoch) for message in acks(due)}
    assert {(node, epoch) for node, epoch, _ in told} <= answered


def test_a_message_that_cannot_be_opened_is_kept_with_its_reason() -> None:
    refused = sort(Incoming(up("pole-1", "record"), b"\xff" * 9, 7))
    assert isinstance(refused, Refused)
    assert (refused.node, refused.kind, refused.payload, refused.arrived_ms) == ("pole-1", "record", b"\xff" * 9, 7)
    assert refused.why


def test_a_node_cannot_speak_in_the_name_of_another() -> None:
    said = b'{"node":"pole-2","online":true}'
    assert isinstance(sort(Incoming(up("pole-1", "status"), said, 7)), Refused)


def test_what_goes_down_is_not_collected() -> None:
    assert [sort(Incoming(down("pole-1", kind), b"{}", 7)) for kind in DOWN_KINDS] == [None] * len(DOWN_KINDS)


def test_an_ack_goes_to_the_node_whose_journal_it_is() -> None:
    (message,) = acks([AckDue("pole-1", 7, 3, ((5, 6),), ("0badcafe",))])
    assert message.topic == "lantaarn/v1/pole-1/down/ack"
    assert from_json(Ack, message.payload) == Ack(7, 3, [(5, 6)], ["0badcafe"])


@pytest.mark.parametrize(("sent_ms", "sure_ms"), [(None, 9), (5, None), (5, 9), (0, 9), (None, None)])
def test_the_ack_that_answers_a_hello_tells_the_time_if_the_office_is_sure(
    sent_ms: int | None, sure_ms: int | None
) -> None:
    hello = Greeting("pole-1", Hello("pole-1", "b" * 32, 7, 1, 5, sent_ms=sent_ms), 1_000)
    others = [Greeting("pole-1", Hello("pole-1", "b" * 32, 6, 1, 5, sent_ms=77), 1_000),
              Greeting("pole-2", Hello("pole-2", "b" * 32, 7, 1, 5, sent_ms=88), 1_000)]  # fmt: skip
    due = [AckDue("pole-1", 7, 3), AckDue("pole-1", 8, 3)]
    answer, plain = (from_json(Ack, message.payload) for message in acks(due, [hello, *others], sure_ms))
    assert (answer.now_ms, answer.echo_ms) == (None if sent_ms is None else sure_ms, sent_ms)
    assert (plain.now_ms, plain.echo_ms) == (None, None)


def test_a_batch_is_full_by_number_or_by_age() -> None:
    assert not full(0, 0, 10**9)
    assert [full(MOST_MESSAGES - 1, 0, 0), full(MOST_MESSAGES, 0, 0)] == [False, True]
    assert [full(1, 0, LONGEST_WAIT_MS - 1), full(1, 0, LONGEST_WAIT_MS)] == [False, True]


def test_the_ack_that_answers_a_hello_says_how_long_a_node_may_take_to_come_back() -> None:
    assert [back_within_ms(nodes) for nodes in (0, 12, 1_000, 10_000)] == [5_000, 5_000, 30_000, 300_000]
    hello = Greeting("pole-1", Hello("pole-1", "b" * 32, 7, 1, 5, sent_ms=4), 1_000)
    due = [AckDue("pole-1", 7, 3), AckDue("pole-1", 8, 3)]
    answer, plain = (from_json(Ack, message.payload) for message in acks(due, [hello], None, 30_000))
    assert (answer.back_within_ms, plain.back_within_ms) == (30_000, None)
