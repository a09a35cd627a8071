"""What makes a broker's config unfit is found; what we write ourselves is fit, and so is every example in deploy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.wire.messages import State
from fleet import natsconf
from fleet.access import EVERY_DOWN, Grant, meets
from fleet.authority.authority import Authority
from fleet.lint import guess, lint
from fleet.mosquitto import USHER, access_list
from fleet.registry import COLLECTOR, Credential
from fleet.rights import user_list
from fleet.servers import MOSQUITTO, NATS, SERVERS, Server
from fleet.tls import named

USERS = [COLLECTOR, "pole-a", "pole-b"]
KNOWN = [Credential(user, f"password-{user}", f"id-{user}") for user in USERS]
DEPLOYED = Path(__file__).parents[2] / "deploy" / "broker"
HOME = Path("/var/lib/lantaarn/broker")
BOTH = pytest.mark.parametrize("server", [NATS, MOSQUITTO], ids=lambda server: server.kind)


def files(server: Server) -> dict[str, str]:
    lists = {name: text(KNOWN) for name, text in server.lists.items()}
    return lists | {str(HOME / name): text for name, text in lists.items()}


def judged(server: Server, text: str, lists: dict[str, str] | None = None) -> dict[str, State]:
    found = lint(server.kind, text, (lists or files(server)).get, USERS)
    assert all(check.remedy for check in found if check.state is not State.GOOD)
    return {check.name: check.state for check in found}


@BOTH
def test_what_we_write_is_fit(server: Server) -> None:
    text = server.config_text(HOME, "127.0.0.1", 1883)
    assert set(judged(server, text).values()) == {State.GOOD}
    assert guess(text) == server.kind


SPOILT = [
    (MOSQUITTO, "persistence true", "persistence false", "persistence"),
    (MOSQUITTO, "autosave_interval 60", "autosave_interval 0", "autosave"),
    (MOSQUITTO, "autosave_interval 60\n", "", "autosave"),
    (MOSQUITTO, "max_queued_messages 100000", "max_queued_messages 1000", "queue"),
    (MOSQUITTO, "max_queued_messages 100000\nmax_queued_bytes 268435456", "max_queued_messages 0", "queue"),
    (MOSQUITTO, "max_inflight_messages 4096\n", "", "queue"),
    (MOSQUITTO, "max_packet_size 1048576\n", "", "size"),
    (MOSQUITTO, "max_packet_size 1048576", "max_packet_size 65536", "size"),
    (MOSQUITTO, "max_packet_size", "message_size_limit 1000\nmax_packet_size", "size"),
    (MOSQUITTO, "allow_anonymous false", "allow_anonymous true", "anonymous"),
    (MOSQUITTO, "use_username_as_clientid true", "use_username_as_clientid false", "client-id"),
    (MOSQUITTO, f"acl_file {HOME}/mosquitto.acl\n", "", "access"),
    (MOSQUITTO, "autosave_interval 60", "autosave_interval often", "config"),
    (NATS, f'store_dir: "{HOME}/jetstream"', 'store_dir: "/tmp/nats"', "persistence"),
    (NATS, 'sync_interval: "30s"', 'sync_interval: "20m"', "autosave"),
    (NATS, ", max_ack_pending: 4096", "", "queue"),
    (NATS, "max_ack_pending: 4096", "max_ack_pending: 65000", "queue"),
    (NATS, ", max_file_store: 4GB", "", "queue"),
    (NATS, "default_max_consumers: 200000", "default_max_consumers: 5", "queue"),
    (NATS, "max_payload: 1048576", "max_payload: 64KB", "size"),
    (NATS, "ack_wait", 'no_auth_user: "pole-a", ack_wait', "anonymous"),
    (NATS, 'include "users.conf"', "", "anonymous"),
    (NATS, "jetstream {", "jetstream {{", "config"),
]


@pytest.mark.parametrize(("server", "old", "new", "check"), SPOILT, ids=lambda each: str(each)[:40])
def test_what_is_spoilt_is_told(server: Server, old: str, new: str, check: str) -> None:
    text = server.config_text(HOME, "127.0.0.1", 1883)
    assert old in text
    assert judged(server, text.replace(old, new))[check] is State.BAD


def test_what_cannot_be_known_is_said_so() -> None:
    text = MOSQUITTO.config_text(HOME, "0.0.0.0", 1883)
    assert judged(MOSQUITTO, text)["tls"] is State.UNKNOWN
    assert judged(MOSQUITTO, text, {"nothing": ""})["access"] is State.UNKNOWN
    assert judged(MOSQUITTO, text.replace("allow_anonymous false\n", ""))["anonymous"] is State.UNKNOWN
    assert judged(MOSQUITTO, text + "certfile /x\n")["tls"] is State.GOOD
    assert judged(NATS, NATS.config_text(HOME, "0.0.0.0", 1883))["tls"] is State.UNKNOWN


WIDE = [
    "user pole-a\ntopic write lantaarn/v1/pole-b/up/+", "user pole-a\ntopic read lantaarn/v1/+/down/+",
    "user pole-a\ntopic readwrite #", "topic write lantaarn/v1/+/up/status", "pattern write lantaarn/v1/+/up/%u",
    "pattern read #", "pattern read lantaarn/v1/+/down/+",
    "user dashboard\ntopic write lantaarn/#", "user pole-a\ntopic lantaarn/v1/pole-a/up/+",
]  # fmt: skip


@pytest.mark.parametrize("more", WIDE)
def test_a_right_that_is_too_wide_is_told(more: str) -> None:
    lists = files(MOSQUITTO)
    spoilt = {name: f"{more}\n{text}" if name.endswith("acl") else text for name, text in lists.items()}
    assert judged(MOSQUITTO, MOSQUITTO.config_text(HOME, "127.0.0.1", 1), spoilt)["access"] is State.BAD


PATTERNS = """pattern write lantaarn/v1/%u/up/+
pattern read lantaarn/v1/%u/down/+
user collector
topic write lantaarn/v1/+/down/+
topic read lantaarn/v1/+/up/+
user dashboard
topic read lantaarn/#
"""


def test_rights_by_pattern_are_as_good_and_others_may_listen() -> None:
    lists = dict.fromkeys(files(MOSQUITTO), PATTERNS)
    assert judged(MOSQUITTO, MOSQUITTO.config_text(HOME, "127.0.0.1", 1), lists)["access"] is State.GOOD


def test_a_user_without_rights_is_told() -> None:
    for server in (MOSQUITTO, NATS):
        lists = {name: re.sub("pole-b", "pole-c", text) for name, text in files(server).items()}
        assert judged(server, server.config_text(HOME, "127.0.0.1", 1), lists)["access"] is State.BAD
    open_to_all = files(NATS) | {"users.conf": 'authorization { users: [ {user: "pole-a", password: "x"} ] }'}
    assert judged(NATS, NATS.config_text(HOME, "127.0.0.1", 1), open_to_all)["access"] is State.BAD


LEVEL = st.sampled_from(["lantaarn", "v1", "pole-a", "down", "ack", "+"])


@given(st.lists(LEVEL, min_size=1, max_size=6), st.booleans())
@example(["lantaarn", "v1", "pole-a", "down", "ack"], True)
def test_filters_meet_as_the_protocol_says(levels: list[str], rest: bool) -> None:
    topics = [["lantaarn", "v1", node, "down", kind] for node in ("pole-a", "x") for kind in ("ack", "y")]
    mine = [*levels, "#"] if rest else levels
    fits = [len(topic) >= len(levels) if rest else len(topic) == len(levels) for topic in topics]
    hits = [fit and all(a in (b, "+") for a, b in zip(levels, topic, strict=False))
            for topic, fit in zip(topics, fits, strict=True)]  # fmt: skip
    assert not any(hits) or meets("/".join(mine), EVERY_DOWN)


def test_own_is_own_and_nothing_else() -> None:
    assert Grant("pole-a", "write", "lantaarn/v1/%u/up/+").own
    assert not Grant("pole-a", "write", "lantaarn/v1/pole-ab/up/+").own
    assert not Grant("pole-a", "read", "lantaarn/v1/pole-a/up/+").own


@given(st.text(max_size=200))
def test_no_text_breaks_the_check(text: str) -> None:
    for kind in SERVERS:
        assert lint(kind, text, lambda name: None, USERS)


def test_the_language_of_nats() -> None:
    told = natsconf.parse("a: 1 # one\nb = 'x y', c { d [ 1, \"two\" ] } // end\ninclude \"more\"\nlisten: 0.0.0.0:1",
                          {"more": "e: true"}.get)  # fmt: skip
    assert told == {"a": "1", "b": "x y", "c": {"d": ["1", "two"]}, "e": "true", "listen": "0.0.0.0:1"}
    assert (natsconf.size("8MB"), natsconf.size("8m"), natsconf.size("17")) == (8 << 20, 8_000_000, 17)
    assert (natsconf.seconds("1m30s"), natsconf.seconds("2m")) == (90, 120)


@BOTH
def test_the_examples_are_what_we_would_write(server: Server) -> None:
    """`fleet broker config KIND --to /var/lib/lantaarn/broker`, of a home with certificates."""
    assert (DEPLOYED / server.config).read_text() == server.config_text(HOME, "0.0.0.0", 8883, False, TLS)
    for name, text in server.lists.items():
        assert (DEPLOYED / f"{name}.example").read_text() == text(EXAMPLES)
    found = judged_example(server)
    assert {name: state for name, state in found.items() if state is not State.GOOD} == (
        {"crl": State.UNKNOWN} if server is MOSQUITTO else {}
    )


EXAMPLES = [Credential("collector", key="0" * 32), Credential("pole-001", key="1" * 32)]


def judged_example(server: Server) -> dict[str, State]:
    lists = {name: (DEPLOYED / f"{name}.example").read_text() for name in server.lists}
    lists |= {str(HOME / name): text for name, text in lists.items()}
    keys = {each.user: each.key for each in EXAMPLES}
    found = lint(server.kind, (DEPLOYED / server.config).read_text(), lists.get, list(keys), keys, SIGNED_MS)
    return {check.name: check.state for check in found}


KEYS = {user: f"{number:032x}" for number, user in enumerate(USERS, 1)}
CERTIFIED = [Credential(user, client_id=f"id-{user}", key=key) for user, key in KEYS.items()]
TLS = named(HOME, "broker")
SIGNED_MS = 1_800_000_000_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def crl(tmp_path_factory: pytest.TempPathFactory) -> str:
    return Authority.make(tmp_path_factory.mktemp("authority"), None, SIGNED_MS).crl([(5, SIGNED_MS)], SIGNED_MS)


def judged_secure(server: Server, text: str, crl: str | None, days: float = 0, users: str = "") -> dict[str, State]:
    lists = {name: text(CERTIFIED) for name, text in server.lists.items()} | ({"users.conf": users} if users else {})
    lists |= {str(HOME / name): text for name, text in lists.items()} | ({str(HOME / "crl.pem"): crl} if crl else {})
    found = lint(server.kind, text, lists.get, USERS, KEYS, SIGNED_MS + int(days * DAY_MS))
    assert all(check.remedy for check in found if check.state is not State.GOOD)
    return {check.name: check.state for check in found}


@BOTH
def test_what_we_write_with_certificates_is_fit(server: Server, crl: str) -> None:
    for child in (True, False):
        found = judged_secure(server, server.config_text(HOME, "0.0.0.0", 8883, child, TLS), crl)
        assert set(found.values()) == {State.GOOD} and "certificates" in found
        assert ("crl" in found) is (server is MOSQUITTO)


@BOTH
def test_a_broker_without_tls_does_not_do_for_certificates(server: Server, crl: str) -> None:
    assert judged_secure(server, server.config_text(HOME, "127.0.0.1", 8883), crl)["certificates"] is State.BAD


SPOILT_TLS = [
    (MOSQUITTO, "require_certificate true", "require_certificate false", "certificates"),
    (MOSQUITTO, "use_identity_as_username true\n", "", "certificates"),
    (MOSQUITTO, f"certfile {HOME}/broker.pem\n", "", "certificates"),
    (MOSQUITTO, f"crlfile {HOME}/crl.pem\n", "", "crl"),
    (MOSQUITTO, "tls_version tlsv1.2", "tls_version tlsv1.1", "tls"),
    (MOSQUITTO, "use_username_as_clientid true", "use_username_as_clientid false", "client-id"),
    (NATS, "verify_and_map: true", "verify: true", "certificates"),
    (NATS, "verify_and_map: true", "verify_and_map: false", "certificates"),
    (NATS, 'min_version: "1.2"', 'min_version: "1.1"', "tls"),
]


@pytest.mark.parametrize(("server", "old", "new", "check"), SPOILT_TLS, ids=lambda each: str(each)[:40])
def test_what_is_spoilt_about_certificates_is_told(server: Server, old: str, new: str, check: str, crl: str) -> None:
    text = server.config_text(HOME, "0.0.0.0", 8883, True, TLS)
    assert old in text
    assert judged_secure(server, text.replace(old, new), crl)[check] is State.BAD


@pytest.mark.parametrize(("more", "check"), [
    ("listener 1883", "tls"), ("listener 1883 127.0.0.1", "certificates"), ("listener 1883 127.0.0.1", "client-id"),
    ("listener 9883\ncertfile /x\nrequire_certificate true\nuse_identity_as_username true", "crl"),
])  # fmt: skip
def test_the_worst_of_its_doors_counts(more: str, check: str, crl: str) -> None:
    """One that is as it should be makes none of the others good; wherever it stands."""
    text = MOSQUITTO.config_text(HOME, "0.0.0.0", 8883, False, TLS)
    for both in (f"{text}{more}\n", f"{more}\n{text}"):
        assert judged_secure(MOSQUITTO, both, crl)[check] is not State.GOOD
    assert judged_secure(MOSQUITTO, f"{text}listener 0 /run/own.sock\n", crl)[check] is State.GOOD


@pytest.mark.parametrize(("days", "state"), [
    (-2, State.BAD), (0, State.GOOD), (29.9, State.GOOD), (30.1, State.BAD), (59, State.BAD), (61, State.BAD),
])  # fmt: skip
def test_the_list_of_the_revoked_is_bad_at_half_of_its_life(days: float, state: State, crl: str) -> None:
    assert judged_secure(MOSQUITTO, MOSQUITTO.config_text(HOME, "::", 1, True, TLS), crl, days)["crl"] is state


def test_a_list_of_the_revoked_that_cannot_be_had_or_is_none(crl: str) -> None:
    text = MOSQUITTO.config_text(HOME, "::", 1, True, TLS)
    assert judged_secure(MOSQUITTO, text, None)["crl"] is State.UNKNOWN
    for hostile in ("", "junk", crl[:-60], crl.replace("A", "B"), crl + crl[:100]):
        assert judged_secure(MOSQUITTO, text, hostile or " ")["crl"] is State.BAD


def test_a_right_belongs_to_a_key() -> None:
    """Another key for a node that we know is a stranger with the node's rights."""
    text = NATS.config_text(HOME, "0.0.0.0", 8883, True, TLS)
    users = user_list([*CERTIFIED, Credential("pole-a", key="f" * 32)])
    assert judged_secure(NATS, text, None, users=users)["access"] is State.BAD
    lacking = user_list([each for each in CERTIFIED if each.user != "pole-b"])
    assert judged_secure(NATS, text, None, users=lacking)["access"] is State.BAD


@pytest.mark.parametrize("who", ["user pole-a\n", "pattern", "topic"])
def test_nobody_but_the_usher_may_tell_mosquitto_who_may_do_what(who: str, crl: str) -> None:
    lists = {name: text(CERTIFIED) for name, text in MOSQUITTO.lists.items()}
    right = who if who != "pattern" and who != "topic" else ""
    line = f"{right}{'pattern' if who == 'pattern' else 'topic'} write $CONTROL/dynamic-security/v1\n"
    lists = {str(HOME / name): (line if name.endswith("acl") else "") + text for name, text in lists.items()}
    found = lint("mosquitto", MOSQUITTO.config_text(HOME, "::", 1, True, TLS), lists.get, USERS, KEYS, SIGNED_MS)
    assert {check.name: check.state for check in found}["access"] is State.BAD
    usher = access_list([*CERTIFIED, Credential(USHER)])
    lists = dict.fromkeys(lists, usher)
    found = lint("mosquitto", MOSQUITTO.config_text(HOME, "::", 1, True, TLS), lists.get, USERS, KEYS, SIGNED_MS)
    assert {check.name: check.state for check in found}["access"] is State.GOOD
