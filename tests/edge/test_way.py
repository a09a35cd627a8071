"""Which credentials lead to which link, and to which sentence when they lead to none; `edge enrol` for people."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import cli, enrolled
from edge.events import Claimed, Connected, Event, Lost
from edge.identity import CLIENT, KEY
from edge.inbox import Inbox
from edge.link import Timed
from edge.mqtt import MqttLink
from edge.office import OfficeError
from edge.registrar import Registrar
from edge.trouble import Trouble
from edge.validity import Moment
from edge.way import link_maker
from edge.wiring import JournalPlan, OfficePlan, Site, Wiring
from tests.edge.signing import DAY_MS, NOW_MS, new_key
from tests.edge.signing import key_pem as pem_of
from tests.edge.test_tls import HOST, OFFICE, SURE, Server, serving_context
from tests.edge.test_tls import serve as serve

PASSWORD = {"node": "pole-1", "url": "u", "user": "pole-1", "password": "p", "client_id": "pole-1-x"}
CARD = {"node": "pole-1", "url": "u", "enrol": "https://127.0.0.1:1", "token": "the-token", "trust": OFFICE.trust}


class Nobody:
    """Asks no desk."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def start(self, again: bool, told: Callable[[Claimed], None]) -> None:
        self.asked.append(again)

    def stop(self) -> None:
        pass


def wiring(folder: Path, url: str, *others: str) -> Wiring:
    office = OfficePlan(url, str(folder / "credentials.json"), others)
    return Wiring("pole-1", Site(), office, JournalPlan(str(folder / "journal")), ())


def put(folder: Path, facts: dict[str, str]) -> None:
    path = folder / "credentials.json"
    path.write_text(json.dumps(facts))
    path.chmod(0o600)


def made(folder: Path, url: str, *others: str, put_event: Callable[[Event], None] = print) -> object:
    return link_maker(wiring(folder, url, *others), "boot", lambda: 0.5, Nobody())(put_event)


def test_a_password_leads_to_its_link(tmp_path: Path) -> None:
    put(tmp_path, PASSWORD)
    assert isinstance(made(tmp_path, "mqtt://x"), MqttLink)
    with pytest.raises(OfficeError, match="wants TLS"):
        made(tmp_path, "mqtt://x", "mqtts://y")
    put(tmp_path, PASSWORD | {"trust": OFFICE.trust})
    link = made(tmp_path, "mqtts://y")
    assert isinstance(link, MqttLink) and isinstance(link, Timed)


def test_a_card_leads_to_the_registrar_and_never_to_plain_text(tmp_path: Path) -> None:
    put(tmp_path, CARD)
    assert isinstance(made(tmp_path, "mqtts://x"), Registrar)
    for urls in (["mqtt://x"], ["mqtts://x", "mqtt://y"]):
        with pytest.raises(OfficeError, match="without TLS"):
            made(tmp_path, *urls)
    (tmp_path / "credentials.json").unlink()
    with pytest.raises(OfficeError, match="cannot be read"):
        made(tmp_path, "mqtts://x")


def test_a_password_goes_to_a_broker_under_tls_that_is_known(serve: Callable[..., Server], tmp_path: Path) -> None:
    context = serving_context(OFFICE.server(tmp_path))
    context.verify_mode = ssl.CERT_NONE
    server = serve(context)
    put(tmp_path, PASSWORD | {"trust": OFFICE.trust})
    inbox = Inbox()
    link = made(tmp_path, f"mqtts://{HOST}:{server.port}", put_event=inbox.put)
    assert isinstance(link, MqttLink)
    link.moment = lambda: Moment(NOW_MS + 200 * DAY_MS, 0, 0)
    link.connect()
    lost = inbox.take(20)
    assert isinstance(lost, Lost) and lost.cause == "trust" and not any(server.heard)
    link.moment = lambda: SURE
    link.connect()
    assert inbox.take(20) == Connected()
    link.disconnect()
    assert b"pole-1-x" in b"".join(server.heard)


def test_a_real_certificate_on_a_real_disk_connects(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(serving_context(OFFICE.server(tmp_path)))
    put(tmp_path, CARD)
    inbox, asker = Inbox(), Nobody()
    maker = link_maker(wiring(tmp_path, f"mqtts://{HOST}:{server.port}"), "boot", lambda: 0.5, asker)
    registrar = maker(inbox.put)
    assert isinstance(registrar, Registrar)
    registrar.moment = lambda: SURE
    registrar.connect()
    assert inbox.take(0) == Lost("this node has no certificate yet", "certificate")
    registrar.tick(0)
    assert asker.asked == [False]
    identity = registrar._place.identity()
    key = new_key()
    identity.write(KEY, pem_of(key))
    identity.keep(OFFICE.leaf("pole-1", new_key()), OFFICE.trust)
    registrar.told(Claimed("granted"), 1_000)
    registrar.connect()
    lost = inbox.take(0)
    assert isinstance(lost, Lost) and "and its key cannot be used" in lost.reason, "it belongs to another key"
    registrar.told(lost, 1_500)
    identity.keep(OFFICE.leaf("pole-1", key), OFFICE.trust)
    registrar.told(Claimed("granted"), 2_000)
    registrar.connect()
    assert inbox.take(20) == Connected()
    registrar.told(Connected(), 3_000)
    assert json.loads((tmp_path / "credentials.json").read_text())["token"] == ""
    assert server.peers == ["CN=pole-1"]
    before = registrar._link
    registrar.connect()
    assert inbox.take(20) == Connected()
    assert registrar._link is before and len(registrar._links) == 1, "one context for a certificate, not a connection"
    client_id = (tmp_path / "identity" / CLIENT).read_bytes()
    assert len(client_id) == len("pole-1-") + 32 and client_id in b"".join(server.heard)
    registrar.disconnect()


# For people.


@pytest.mark.parametrize(("outcome", "code"), [("refused", 4), ("unreachable", 5), ("failed", 1), ("odd", 1)])
def test_what_came_of_it_has_a_code_and_three_sentences(outcome: str, code: int) -> None:
    with pytest.raises(Trouble) as trouble:
        enrolled.told(Claimed(outcome, "x", "It was so.", "Do this."))
    assert trouble.value.code == code
    assert str(trouble.value).splitlines() == ["It was so.", enrolled.STANDS, "Do this."]


@pytest.mark.parametrize("outcome", ["granted", "nothing"])
def test_a_good_end_is_a_sentence(outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert enrolled.told(Claimed(outcome, what="It is well.")) == 0
    assert capsys.readouterr().out == "It is well.\n"


BOARD = '[node]\nid = "pole-1"\n[journal]\nfolder = "journal"\n'


def test_edge_enrol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = tmp_path / "node.toml"
    board.write_text(BOARD)
    assert cli.main(["enrol", str(board)]) == 2
    assert "names no office" in capsys.readouterr().err
    board.write_text(BOARD + '[office]\nurl = "mqtts://x"\n')
    assert cli.main(["enrol", str(board)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    put(tmp_path, CARD)
    assert cli.main(["enrol", str(board), "--renew"]) == 5
    said = capsys.readouterr()
    assert "cannot be reached" in said.err and "the-token" not in said.err + said.out
    assert (tmp_path / "identity" / KEY).stat().st_mode & 0o777 == 0o600
    put(tmp_path, PASSWORD)
    assert cli.main(["enrol", str(board)]) == 0
    assert "password" in capsys.readouterr().out
