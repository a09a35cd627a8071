"""Which credentials lead to which link: the one place for real nodes and simulated ones.

A password leads to a link that is known by it. A card leads to the registrar, who fetches a certificate and connects
with it. What is heavy is loaded only when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.clock import secret
from edge.events import Event
from edge.identity import FILES, KEY, Identity, Papers, Which, beside, folder
from edge.link import Link, LinkMaker
from edge.office import Card, Credentials, OfficeError, read_card
from edge.registrar import Asker, Beside, Registrar
from edge.validity import Moment
from edge.wire.messages import Status, to_json
from edge.wiring import OfficePlan, Wiring

Put = Callable[[Event], None]


def link_maker(
    wiring: Wiring, boot_id: str, random: Callable[[], float], asker: Asker | None = None, since_ms: int = 0,
    now_ms: int = 0, registrar: type[Registrar] = Registrar,
) -> LinkMaker:  # fmt: skip
    """How the link to the office of this board is made. `asker`: who asks for certificates, by default a child process;
    `since_ms`: what the last will says; `registrar`: another one for a simulated node."""
    assert wiring.office is not None
    office = wiring.office
    will = to_json(Status(wiring.node, False, boot_id, since_ms))

    def make(put: Put) -> Link:
        found = read_card(Path(office.credentials), wiring.node)
        if isinstance(found, Card):
            return _registered(wiring, office, will, put, random, asker, now_ms, registrar)
        return _known(wiring.node, office, found, will, put)

    return make


def _known(node: str, office: OfficePlan, credentials: Credentials, will: bytes, put: Put) -> Link:
    from edge.mqtt import MqttLink

    tls = None
    if credentials.trust:
        from edge.tls import pinned

        tls = pinned(credentials.trust, lambda: Moment(None, 0, 0))  # until the node tells it, see `Timed`
    return MqttLink(node, office.url, credentials, will, put, office.others, office.metered, tls)


def _registered(
    wiring: Wiring, office: OfficePlan, will: bytes, put: Put, random: Callable[[], float], asker: Asker | None,
    now_ms: int, registrar: type[Registrar],
) -> Registrar:  # fmt: skip
    from edge.child import Child

    plain = [url for url in (office.url, *office.others) if not url.startswith("mqtts://")]
    if plain:
        raise OfficeError(f"This node is known by a certificate, and {plain[0]} is spoken to without TLS.",
                          "Write mqtts:// and the broker's port for TLS under [office].")  # fmt: skip
    credentials = Path(office.credentials)
    asker = asker or Child(wiring.node, credentials, Path(wiring.journal.folder))

    def dial(which: Which, papers: Papers, moment: Callable[[], Moment]) -> Link:
        from edge.mqtt import MqttLink
        from edge.tls import pinned

        place = beside(credentials)
        tls = pinned(papers.trust, moment, (place / FILES[which][0], place / KEY))
        client_id = Identity(folder(credentials)).client_id(wiring.node, secret)
        own = Credentials(wiring.node, office.url, wiring.node, "", client_id)
        return MqttLink(wiring.node, office.url, own, will, put, office.others, office.metered, tls)

    return registrar(Beside(credentials, wiring.node), dial, asker, put, random, now_ms)
