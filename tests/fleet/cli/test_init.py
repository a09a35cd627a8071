"""`fleet init` and the authority: made, encrypted, signed elsewhere, rolled over; and a broker that the city has."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cryptography import x509

from fleet.authority import certificates, keys, passphrase, vault
from fleet.authority.authority import Authority, new_root
from fleet.authority.certificates import Signer
from fleet.authority.keys import PublicKey
from fleet.clock import SystemClock
from fleet.home import Home
from tests.fleet.cli.typed import Done, fleet

WORDS = "five words that belong apart"
NOW_MS = SystemClock().wall_ms()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.delenv(passphrase.VARIABLE, raising=False)
    return Home(tmp_path / "home")


def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "words"
    file.write_text(WORDS + "\n")
    file.chmod(0o600)
    monkeypatch.setenv(passphrase.VARIABLE, str(file))


def said(done: Done, code: int, *parts: str) -> Done:
    assert done.returncode == code, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
    assert "Traceback" not in done.stderr and WORDS not in done.stderr + done.stdout
    return done


def signed(csr: Path, root: Signer) -> str:
    """What an authority elsewhere would answer."""
    key = x509.load_pem_x509_csr(csr.read_bytes()).public_key()
    assert isinstance(key, PublicKey)
    return certificates.pem(certificates.issuing(key, root, NOW_MS)) + certificates.pem(root.certificate)


def test_a_home_without_wishes_is_as_it_was(home: Home) -> None:
    said(fleet(home.folder, "init", "--passwords"), 0, "Next: fleet serve")
    assert not vault.present(home.authority)


def test_an_authority_is_made_on_request(home: Home) -> None:
    said(fleet(home.folder, "init"), 0, "safe place")
    authority = Authority.open(home.authority)
    said(fleet(home.folder, "init"), 4, "already")
    assert Authority.open(home.authority).trust() == authority.trust()


def test_keys_are_encrypted_with_words_from_a_file(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said(fleet(home.folder, "init", "--encrypt-keys"), 2, "no passphrase", passphrase.VARIABLE)
    assert not home.folder.exists()
    words(tmp_path, monkeypatch)
    said(fleet(home.folder, "init", "--encrypt-keys"), 0)
    open_ones = {file.name for file in home.authority.glob("*.key") if not keys.encrypted(file.read_text())}
    assert open_ones == {"broker.key", "desk.key", "collector.key"}
    assert Authority.open(home.authority, WORDS).trust()


@pytest.mark.parametrize("encrypt", [False, True])
def test_an_authority_elsewhere_signs_ours(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypt: bool
) -> None:
    csr, chain, root = tmp_path / "ours.csr", tmp_path / "chain.pem", new_root(NOW_MS)
    if encrypt:
        words(tmp_path, monkeypatch)
    done = said(
        fleet(home.folder, "init", "--csr", csr, *(["--encrypt-keys"] if encrypt else [])), 0, "fleet init --chain"
    )
    assert done.stdout == f"{csr}\n" and not vault.present(home.authority) and home.registry.exists()
    for early in (["serve"], ["node", "add", "pole-1", "--credentials", tmp_path / "card"]):
        said(fleet(home.folder, *early), 4, "waits for the authority", "fleet init --chain")
    assert not (tmp_path / "card").exists()
    chain.write_text(signed(csr, root))
    said(fleet(home.folder, "init", "--chain", chain, "--dry-run"), 0, "in order")
    assert not vault.present(home.authority)
    said(fleet(home.folder, "init", "--chain", chain), 0, "ready")
    authority = Authority.open(home.authority, WORDS if encrypt else None)
    assert authority.trust() == certificates.pem(root.certificate)
    said(fleet(home.folder, "init", "--chain", chain), 4, "No request")


def test_a_chain_that_will_not_do_is_a_sentence(home: Home, tmp_path: Path) -> None:
    csr, chain = tmp_path / "ours.csr", tmp_path / "chain.pem"
    said(fleet(home.folder, "init", "--chain", chain), 4, "no fleet home")
    fleet(home.folder, "init", "--csr", csr)
    said(fleet(home.folder, "init", "--chain", chain), 2, "cannot be read")
    chain.write_text(
        signed(csr, new_root(NOW_MS)).split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    )
    said(fleet(home.folder, "init", "--chain", chain), 4, "reaches no root", "kept")
    said(fleet(home.folder, "init", "--csr", tmp_path / "none" / "x"), 4, "cannot be written")


def test_the_next_root_takes_over(home: Home) -> None:
    fleet(home.folder, "init")
    before = Authority.open(home.authority)
    files = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    said(fleet(home.folder, "init", "--roll-over", "--dry-run"), 4, "not known long enough", "until 20", "--soon")
    said(fleet(home.folder, "init", "--roll-over", "--dry-run", "--soon"), 0, "Would", "do not believe it until 20")
    said(fleet(home.folder, "init", "--roll-over", "--dry-run", "--soon", "--forget"), 0, "void at once")
    assert {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()} == files
    said(fleet(home.folder, "init", "--roll-over"), 4, "nobody is there to ask", "--yes")
    said(fleet(home.folder, "init", "--roll-over", "--yes"), 4, "not known long enough", "stolen", "--soon --forget")
    assert Authority.open(home.authority).trust() == before.trust()
    with home.locked():
        for sure in ("--yes", "--dry-run"):
            said(fleet(home.folder, "init", "--roll-over", sure, "--soon"), 4, "already works", "Next: end it")
        said(fleet(home.folder, "init", "--roll-over", "--dry-run"), 4, "not known long enough")
    said(fleet(home.folder, "init", "--roll-over", "--yes", "--soon"), 0, "took over")
    assert Authority.open(home.authority).root_pem == before.next_root_pem
    assert (home.authority / vault.PREVIOUS_ROOT).exists()
    said(fleet(home.folder, "init", "--roll-over", "--yes", "--soon", "--forget"), 0, "took over")
    assert not (home.authority / vault.PREVIOUS_ROOT).exists()


def test_a_rehearsed_roll_over_refuses_what_the_real_one_refuses(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(home.folder, "init")
    (home.authority / "next-root.key").rename(tmp_path / "safe")
    for sure in ("--dry-run", "--yes"):
        said(fleet(home.folder, "init", "--roll-over", "--soon", sure), 4, "next-root.key", "bring")
    (tmp_path / "safe").rename(home.authority / "next-root.key")
    monkeypatch.setattr(SystemClock, "wall_ms", lambda _: NOW_MS + 766 * 86_400_000)
    said(fleet(home.folder, "init", "--roll-over", "--dry-run"), 0, "all nodes know it since")


def test_without_an_authority_there_is_nothing_to_roll_over(home: Home) -> None:
    fleet(home.folder, "init", "--passwords")
    said(fleet(home.folder, "init", "--roll-over", "--yes"), 4, "no authority")


@pytest.mark.parametrize(
    "wrong", [["--csr", "a", "--chain", "b"], ["--roll-over", "--csr", "a"], ["--soon"], ["--forget"],
              ["--broker", "mqtts://x.nl", "--port", "99"], ["--broker", "mqtts://x.nl", "--url", "mqtts://y.nl"],
              ["--broker", "mqtts://"], ["--broker", "http://x.nl"]])  # fmt: skip
def test_what_does_not_go_together_is_said(home: Home, wrong: list[str]) -> None:
    said(fleet(home.folder, "init", *wrong), 2, "Next: ")
    assert not home.folder.exists()


def test_passwords_have_no_key_to_encrypt(home: Home) -> None:
    said(fleet(home.folder, "init", "--passwords", "--encrypt-keys"), 2, "no key to encrypt", "without --encrypt-keys")
    assert not home.folder.exists()


def test_a_broker_that_the_city_has_is_adopted_and_what_that_weakens_is_said(home: Home) -> None:
    done = said(fleet(home.folder, "init", "--broker", "mqtts://mqtt.city.nl", "--passwords"), 0, "somebody else's",
                "Revoking does not end a session within seconds", "Nothing is lost all the same")  # fmt: skip
    assert done.stdout == f"{home.folder}\n"
    ports = home.ports()
    assert (ports.broker_kind, ports.broker_host, ports.broker_port) == ("none", "mqtt.city.nl", 8883)
    assert ports.node_url == "mqtts://mqtt.city.nl:8883"


WEAKER = ("somebody else's", "Revoking does not end", "list of rights", "client id", "administers", "Nothing is lost")


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--csr", "ours.csr"], ["--passwords"], ["--host", "0.0.0.0"],
                                  ["--url", "mqtts://mqtt.city.nl"]])  # fmt: skip
def test_a_broker_of_somebody_without_an_address_weakens_the_same(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = said(fleet(home.folder, "init", "--broker", "none", *more), 0, *WEAKER)
    assert ("is not encrypted" in done.stderr) == ("--passwords" in more)
    assert ("certificate comes from an authority" in done.stderr) == ("--passwords" not in more)


def test_the_desk_is_here_where_the_broker_is_elsewhere(home: Home) -> None:
    done = said(fleet(home.folder, "init", "--broker", "none", "--host", "mqtt.city.nl"), 0, "mqtts://mqtt.city.nl:8883",
                "https://127.0.0.1:8443, which no other machine can reach")  # fmt: skip
    ports = home.ports()
    assert (ports.broker_host, ports.enrol_host) == ("mqtt.city.nl", "127.0.0.1") and done.stdout == f"{home.folder}\n"


def test_what_passwords_weaken_is_said_and_what_is_ours_and_encrypted_weakens_nothing(tmp_path: Path) -> None:
    for number, kind in enumerate(("nats", "mosquitto")):
        for makes in ("--passwords", "--certificates"):
            done = fleet(tmp_path / f"{number}{makes}", "init", "--broker", kind, makes)
            assert done.returncode == 0 and ("What passwords weaken:" in done.stderr) == (makes == "--passwords")
            assert ("is not encrypted" in done.stderr) == ("who copies one" in done.stderr) == (makes == "--passwords")
            assert "somebody else's" not in done.stderr


def test_a_desk_that_no_node_can_reach_is_said_where_the_broker_is_elsewhere(home: Home) -> None:
    said(fleet(home.folder, "init", "--broker", "mqtts://mqtt.city.nl"), 0, "https://127.0.0.1:8443", "[enrol] host")


def test_a_dry_run_makes_nothing(home: Home, tmp_path: Path) -> None:
    for more in ([], ["--encrypt-keys"], ["--csr", tmp_path / "x"], ["--broker", "mqtt://city.nl"]):
        said(fleet(home.folder, "init", "--dry-run", *more), 0, "Would")
    assert list(tmp_path.iterdir()) == []
