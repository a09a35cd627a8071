"""A broker that the city has: its address is understood, and what it weakens is said."""

from __future__ import annotations

import pytest

from fleet import adopted
from fleet.home import Ports, sound


@pytest.mark.parametrize(
    ("url", "host", "port", "told"),
    [
        ("mqtt://mqtt.city.nl", "mqtt.city.nl", 1883, "mqtt://mqtt.city.nl:1883"),
        ("mqtts://mqtt.city.nl", "mqtt.city.nl", 8883, "mqtts://mqtt.city.nl:8883"),
        ("mqtts://mqtt.city.nl:443/", "mqtt.city.nl", 443, "mqtts://mqtt.city.nl:443"),
        ("mqtt://10.1.2.3:1884", "10.1.2.3", 1884, "mqtt://10.1.2.3:1884"),
        ("mqtts://[fd00::1]:8884", "fd00::1", 8884, "mqtts://[fd00::1]:8884"),
    ],
)
def test_an_address_is_understood(url: str, host: str, port: int, told: str) -> None:
    found = adopted.ports_of(url, 8080)
    assert found == sound(Ports(host, port, web_port=8080, url=told, broker_kind="none"))


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "mqtt://user:secret@host", "ws://host", "mqtt://host/x", "mqtt://h:99999"]
)
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        adopted.ports_of(url, 8080)


def test_kinds_are_no_addresses() -> None:
    assert [adopted.is_address(word) for word in ("nats", "mosquitto", "none", "mqtts://x")] == [False] * 3 + [True]


def test_what_weakens_is_said_in_plain_sentences() -> None:
    plain, tls = (adopted.weakened(f"{scheme}://x") for scheme in ("mqtt", "mqtts"))
    assert "not encrypted" in plain[0] and "not encrypted" not in " ".join(tls)
    for sentences in (plain, tls):
        text = " ".join(sentences)
        for promise in ("Revoking", "list of rights", "passwords", "client id", "administers", "Nothing is lost"):
            assert promise in text
        assert all(each.endswith(".") and "  " not in each and "\n" not in each for each in sentences)
