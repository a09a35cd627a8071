"""A broker that the city has already: where it is, and what we cannot promise any more when it is not ours.

Readings are as safe as ever: a node forgets nothing before the office's own word, whatever a broker loses. But who may
come in and what they may do there is in the hands of whoever keeps it, and nobody should learn that from an incident.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fleet.home import URL, Ports, in_url
from fleet.servers import NOBODY

PLAIN_PORT, TLS_PORT = 1883, 8883


def is_address(word: str) -> bool:
    """Whether a broker is named by its address, not by its kind."""
    return "://" in word


def ports_of(url: str, web_port: int) -> Ports:
    """A home's addresses with this broker. Raises ValueError when the URL is none of a broker."""
    if not URL.fullmatch(url):
        raise ValueError(f"{url!r} does not look like mqtts://broker.example.org:{TLS_PORT}")
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (TLS_PORT if parts.scheme == "mqtts" else PLAIN_PORT)
    return Ports(host, port, web_port=web_port, url=f"{parts.scheme}://{in_url(host)}:{port}", broker_kind=NOBODY)


def with_certificates(url: str) -> bool:
    """Whether nodes can prove themselves with certificates there: over TLS, that is."""
    return url.startswith("mqtts://")


def of_passwords() -> list[str]:
    """The promises that passwords weaken at a broker of our own."""
    return [f"{READABLE} With certificates it is.", SHARED]


def weakened(url: str) -> list[str]:
    """The promises that a broker which is somebody else's weakens, in a sentence or two each."""
    sentences = (*(OVER_TLS if with_certificates(url) else PLAIN), *ALWAYS)
    return [" ".join(sentence.split()) for sentence in sentences]


READABLE = (
    "Anybody on the way can read and change what nodes and office say, their passwords too: mqtt:// is not encrypted."
)
SHARED = "Nodes prove themselves with passwords instead of certificates: who copies one is that node."
PLAIN = (f"{READABLE} Ask for mqtts://.", SHARED)
OVER_TLS = (
    """Nodes believe the broker only if its certificate comes from an authority that they pin: ours, or the one that
    signs ours (fleet init --csr). Its keeper renews it in time, or every node waits.""",
    """Certificates of nodes count only if the broker believes our authority and takes the name in them for the user;
    otherwise nodes need passwords, and who copies one is that node.""",
    """A copied certificate of an older key stays good there until it ends, unless its keeper loads our list of the
    revoked every few days.""",
)
ALWAYS = (
    """Revoking does not end a session within seconds: it takes until its keeper has loaded the new lists. What a
    revoked node still sends is stored until then.""",
    """That a node speaks and hears only under its own name is the keeper's list of rights: fleet broker config
    mosquitto --to DIR writes ours, fleet broker check FILE judges his.""",
    "Who knows another's client id may take its session over, unless that broker makes the user the client id.",
    "Whoever administers that broker can read all readings and speak to nodes in the office's name.",
    "We do not start, watch or update that broker; when it is down nodes keep their readings and wait.",
    "Nothing is lost all the same: a node forgets a reading only after the office has stored it and said so.",
)
