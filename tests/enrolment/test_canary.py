"""The canary has a nose: every leak that is planted is found, and what is no leak is none."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.enrolment.canary import Canary, Onlooker, key, text, witnessed

pytestmark = pytest.mark.once
TOKEN = "c2VjcmV0LXRva2VuLW9mLWEtbm9kZS10aGF0LWhhbmdz"
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
OLD = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
NUMBER = KEY.private_numbers().private_value
RAW = NUMBER.to_bytes(32)


def canary() -> Canary:
    return Canary([text("token", TOKEN, "card.json"), key("key", PEM, "identity/key.pem")])


def found(what: bytes) -> list[str]:
    nose = canary()
    nose.search(b"before " + what + b" after", "here")
    return [leak.secret for leak in nose.leaks]


@pytest.mark.parametrize("dress", [
    TOKEN.encode(), TOKEN.encode().hex().encode(), base64.b64encode(b"x" + TOKEN.encode()),
    base64.b64encode(b'{"token": "' + TOKEN.encode() + b'"}'), base64.b64encode(TOKEN.encode()),
    quote(TOKEN).encode(), base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4)),
], ids=range(7))  # fmt: skip
def test_a_token_is_found_in_every_dress(dress: bytes) -> None:
    assert found(dress) == ["token"]


@pytest.mark.parametrize("dress", [
    PEM, PEM.splitlines()[2], PEM.replace(b"\n", b"\\n"), OLD, DER, base64.b64encode(DER), DER.hex().encode(), RAW,
    RAW.hex().encode(), RAW.hex().upper().encode(), RAW.hex(":").encode(), str(NUMBER).encode(),
    base64.b64encode(RAW), base64.urlsafe_b64encode(RAW), base64.b64encode(b"ab" + RAW),
], ids=range(15))  # fmt: skip
def test_a_private_key_is_found_in_every_dress(dress: bytes) -> None:
    assert found(dress) == ["key"]


def test_a_public_key_is_none_and_neither_is_noise() -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = ec.generate_private_key(ec.SECP256R1())
    noise = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert found(public + noise + TOKEN[:-2].encode()) == []


def test_files_are_searched_but_for_their_homes(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "key.pem").write_bytes(PEM)
    (tmp_path / "card.json").write_text(TOKEN)
    nose = canary()
    assert nose.search_folder(tmp_path) == 2 and nose.leaks == []
    for path, mode, others in (("identity/key.pem", 0o600, 1), ("card.json", 0o640, 1), ("card.json", 0o400, 0)):
        (tmp_path / path).chmod(mode)
        assert len(nose.open_homes(tmp_path)) == others
    (tmp_path / "card.json").chmod(0o644)
    assert nose.open_homes(tmp_path) == [tmp_path / "card.json"]
    (tmp_path / "identity" / "key.pem").chmod(0o644)
    (tmp_path / "identity").chmod(0o700)
    assert nose.open_homes(tmp_path) == [tmp_path / "card.json"], "nobody else comes as far"
    (tmp_path / "identity" / "key.pem.new").write_bytes(PEM)
    (tmp_path / "agent.log").write_bytes(b"\0" * 70_000 + TOKEN.encode())
    (tmp_path / f"core-{TOKEN}").touch()
    nose.search_folder(tmp_path)
    found_at = {(leak.secret, leak.where.split("/")[-1]) for leak in nose.leaks}
    assert found_at == {("key", "key.pem.new"), ("token", "agent.log"), ("token", "…")}


def test_a_leak_is_told_without_telling_the_secret(tmp_path: Path) -> None:
    nose = canary()
    nose.search(PEM + TOKEN.encode(), "here")
    assert len(nose.leaks) == 2 and TOKEN not in repr(nose.leaks + nose.secrets)


@pytest.mark.parametrize("where", ["cmdline", "environ"])
def test_what_a_process_shows_is_seen(where: str) -> None:
    command = [sys.executable, "-c", "input('up\\n')", *([TOKEN] if where == "cmdline" else [])]
    environment = {"PASSWORD": TOKEN} if where == "environ" else {}
    with Onlooker() as eye, subprocess.Popen(command, env=environment, stdin=-1, stdout=-1) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"up\n", "until then the kernel may show it without its words"
        eye.look()
        process.stdin.write(b"\n")
    nose = canary()
    nose.search_notes(eye.notes)
    seen = [(leak.secret, leak.where) for leak in nose.leaks if f"/{process.pid}/" in leak.where]  # others test, too
    assert seen == [("token", f"/proc/{process.pid}/{where}")]


@pytest.mark.parametrize("shown", ["argv", "environ"])
def test_the_shortest_life_is_witnessed(shown: str, tmp_path: Path) -> None:
    with witnessed(tmp_path / "seen") as environment:
        command = ["/bin/true", *([TOKEN] if shown == "argv" else [])]
        subprocess.run(command, env=environment | ({"PASSWORD": TOKEN} if shown == "environ" else {}), check=True)
    nose = canary()
    nose.search_folder(tmp_path)
    assert [leak.secret for leak in nose.leaks] == ["token"]
