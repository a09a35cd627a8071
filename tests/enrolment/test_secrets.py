"""A whole demonstration, from the first command to a revoked node, and where its secrets went: nowhere.

Everything is overheard: the files that are left, what each command says, every process's command line and environment
however short its life, the wire between poles and office, and the messages within. Things go wrong on the way, for
what a fault prints is where secrets are wont to slip out.
"""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge import identity
from edge.wire.topics import EVERY_UP
from fleet.registry import COLLECTOR, Registry
from tests.enrolment.canary import Canary, Onlooker, Secret, key, text, witnessed
from tests.enrolment.capture import Capture
from tests.enrolment.namespaces import Neighbourhood, neighbourhood
from tests.enrolment.real import RealNode, RealOffice, first_stored
from tests.fleet.cli.typed import Done
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.once, pytest.mark.root, pytest.mark.timeout(600)]
NAMES = ("pole-001", "pole-002")
PASSPHRASE = "a-passphrase-that-opens-the-keys-of-an-office"
SESSIONS = ("office/broker/jetstream/*", "office/broker/nats.log")  # NATS keeps and logs the ids of its clients
READS = (
    ("node", "list", "-o", "json"), ("node", "show", NAMES[0], "-o", "json"), ("health", "-o", "wide"),
    ("cert", "list", "-o", "json"), ("cert", "incidents", "-o", "json"), ("cert", "needs-renewal"),
    ("broker", "config", "nats"), ("broker", "config", "mosquitto"), ("broker", "check", "-o", "json"),
    ("data", "tail"), ("data", "gaps"),
)  # fmt: skip


class Demonstration:
    """An office, two nodes behind wires, and notes of all that was said."""

    def __init__(self, folder: Path, place: Neighbourhood, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.notes: dict[str, bytes] = {}
        self.tokens: list[str] = []
        passphrase = folder / "passphrase"
        passphrase.touch(0o600)
        passphrase.write_text(PASSPHRASE)
        self.office = RealOffice(folder / "office", environment, place.office)
        self.office.open()
        self.nodes = [RealNode(folder / name, self.office, environment, pole.inside([]))
                      for name, pole in zip(NAMES, place.poles, strict=True)]  # fmt: skip
        self.tokens += [node.token for node in self.nodes]

    def hear(self, what: str, done: Done) -> Done:
        """Notes what a command said."""
        self.notes[what] = f"{done.stdout}\n{done.stderr}".encode()
        return done

    def fleet(self, *words: str | Path) -> Done:
        return self.hear(f"fleet {' '.join(map(str, words))}", self.office.fleet(*words))

    def edge(self, node: RealNode, *words: str) -> Done:
        return self.hear(f"edge {' '.join(words)} at {node.name}", node.edge("--debug", *words))

    # What happens.

    def a_good_day(self) -> None:
        """They enrol and deliver."""
        for node in self.nodes:
            node.start()
        first_stored(self.nodes)
        wait_for(lambda: all(node.certificate and not node.token for node in self.nodes), "certificates")

    def everybody_looks(self) -> None:
        """At everything."""
        for words in READS:
            self.fleet(*words)
        for node in self.nodes:
            self.edge(node, "status", "-b", str(node.board), "-o", "json")
            self.edge(node, "enrol", "--renew", str(node.board))

    def a_card_is_lost(self) -> None:
        """It gets a new token, twice; a copy of a card that was used is tried."""
        card = self.folder / "pole-003" / "credentials.json"
        card.parent.mkdir()
        self.fleet("node", "add", "pole-003", "--credentials", card)
        self.tokens.append(json.loads(card.read_text())["token"])
        self.fleet("card", "token", "pole-003", card.parent)
        self.tokens.append(json.loads(card.read_text())["token"])
        thief = self.folder / "thief"
        thief.mkdir()
        facts = json.loads(self.nodes[0].card.read_text()) | {"token": self.tokens[0]}
        (thief / "credentials.json").write_text(json.dumps(facts))
        (thief / "credentials.json").chmod(0o600)
        shutil.copy(self.nodes[0].board, thief / "node.toml")
        refused = self.edge(self.nodes[0], "enrol", str(thief / "node.toml"))
        assert refused.returncode != 0 and "another key" in refused.stdout + refused.stderr

    def all_goes_wrong(self, place: Neighbourhood) -> None:
        """No way to the desk, a key for everybody's eyes, a card that is garbage, a key that is none, locked keys."""
        node, folder = self.nodes[1], self.nodes[1].identity
        place.poles[1].cut()
        self.edge(node, "enrol", "--renew", str(node.board))
        place.poles[1].mend()
        (folder / identity.KEY).chmod(0o644)
        self.edge(node, "enrol", "--renew", str(node.board))
        (folder / identity.KEY).chmod(0o600)
        thief = self.folder / "thief"
        (thief / "credentials.json").write_text(f'{{"node": "{NAMES[0]}", "token": "{self.tokens[0]}", "enrol": 7')
        self.edge(node, "enrol", str(thief / "node.toml"))
        locked = self.folder / "locked"
        words = {"FLEET_HOME": str(locked), "FLEET_PASSPHRASE_FILE": str(self.folder / "passphrase")}
        self.office.environment = {**(self.office.environment or {}), **words}
        assert self.fleet("init", "--encrypt-keys", "--port", "28883").returncode == 0
        wrong = self.folder / "wrong"
        wrong.touch(0o600)
        wrong.write_text(PASSPHRASE[:-1])
        self.office.environment["FLEET_PASSPHRASE_FILE"] = str(wrong)
        assert self.fleet("serve").returncode != 0
        self.office.environment["FLEET_HOME"] = str(self.office.home.folder)

    def somebody_goes(self) -> None:
        """A node is revoked, and does not come back."""
        assert self.fleet("cert", "revoke", NAMES[1], "--yes").returncode == 0
        self.edge(self.nodes[1], "enrol", "--renew", str(self.nodes[1].board))

    def end(self) -> None:
        """Nothing is left running."""
        for program in (*self.nodes, self.office):
            program.stop()

    # What is secret.

    def secrets(self) -> Iterator[Secret]:
        """All of them, each with its home."""
        for number, token in enumerate(self.tokens):
            at_home = ["pole-003/credentials.json"] if number == 3 else []
            yield text(f"token {number}", token, *at_home, *(["thief/credentials.json"] if number == 0 else []))
        for file in self.folder.rglob("*"):
            if file.is_file() and file.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----"):
                name = str(file.relative_to(self.folder))
                yield key(name, file.read_bytes(), name)
        for node in self.nodes:
            name = f"{node.name}/identity/{identity.CLIENT}"
            yield text(name, (self.folder / name).read_text().strip().removeprefix(f"{node.name}-"), name,
                       *SESSIONS)  # fmt: skip
        credential = Registry(self.office.home.registry).credential(COLLECTOR)
        assert credential is not None
        homes = ("office/registry.db", "office/broker/users.conf", *SESSIONS)
        yield text("the collector's client id", credential.client_id.removeprefix(f"{COLLECTOR}-"), *homes)
        yield text("passphrase", PASSPHRASE, "passphrase", "wrong")


class Tap:
    """Hears every message of the nodes, with the collector's rights."""

    def __init__(self, office: RealOffice) -> None:
        self.notes: dict[str, bytes] = {}
        folder, ports = office.home.authority, office.home.ports()
        context = ssl.create_default_context(cafile=str(folder / "trust.pem"))
        context.load_cert_chain(folder / "collector.pem", folder / "collector.key")
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "a-tap", protocol=paho.MQTTv311)
        self.client.tls_set_context(context)
        self.client.on_connect = lambda client, *_: client.subscribe(EVERY_UP, 1)
        self.client.on_message = self._on_message
        self.client.connect(office.host, ports.broker_port)
        self.client.loop_start()

    def _on_message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        self.notes[message.topic] = self.notes.get(message.topic, b"") + bytes(message.payload)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.deep
def test_no_secret_of_a_bad_day_is_outside_its_file(tmp_path: Path) -> None:
    """Of a good one neither: see test_two_poles."""
    with ExitStack() as stack:
        place = stack.enter_context(neighbourhood(2))
        eye, ear = stack.enter_context(Onlooker()), stack.enter_context(Capture(place.bridge))
        demo = Demonstration(tmp_path, place, stack.enter_context(witnessed(tmp_path / "witness")))
        stack.callback(demo.end)
        tap = Tap(demo.office)
        stack.callback(tap.close)
        demo.a_good_day()
        demo.everybody_looks()
        demo.a_card_is_lost()
        demo.all_goes_wrong(place)
        demo.somebody_goes()
    assert {topic.split("/")[-1] for topic in tap.notes} >= {"hello", "record", "status"}
    assert b"pole-001" in (tmp_path / "witness").read_bytes() and len(ear.streams) > 4
    nose = Canary(list(demo.secrets()))
    searched = nose.search_folder(tmp_path)
    for notes in (eye.notes, ear.notes(), demo.notes, tap.notes):
        nose.search_notes(notes)
    print(f"{len(nose.secrets)} secrets were looked for in {searched} files, {len(eye.notes)} lines of processes, "
          f"{len(demo.notes)} commands, {len(tap.notes)} topics and {len(ear.streams)} streams")  # fmt: skip
    assert nose.leaks == [] and len(nose.secrets) >= 4 + 2 + 6 + 2 + 2
    assert nose.open_homes(tmp_path) == []
