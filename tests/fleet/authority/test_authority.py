"""The authority and what it signs, as the openssl program and real handshakes judge it."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from fleet.authority import certificates, keys, vault
from fleet.authority.authority import Authority, make_home_authority
from fleet.home import Home
from fleet.trouble import Exit, Trouble
from tests.fleet.authority.judges import DAY_MS, NOW_MS, Pole, Server, handshake, openssl, verified

WORDS = "five words that belong apart"
HOSTS = ("localhost", "127.0.0.1", "::1", "office.example.org")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority", None, NOW_MS)


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def extensions(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
    return {each.oid: each.value for each in certificate.extensions}


def test_a_nodes_certificate_says_what_it_must_and_nothing_more(authority: Authority) -> None:
    key = keys.new_key().public_key()
    issued = authority.node_certificate("pole-a", key, NOW_MS)
    leaf = parsed(issued.certificate)
    found = extensions(leaf)
    ours = {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE,
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.SUBJECT_KEY_IDENTIFIER,
            ExtensionOID.AUTHORITY_KEY_IDENTIFIER}  # fmt: skip
    assert {*found} == ours
    assert found[ExtensionOID.BASIC_CONSTRAINTS] == x509.BasicConstraints(False, None)
    assert found[ExtensionOID.EXTENDED_KEY_USAGE] == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    names = x509.SubjectAlternativeName([x509.DNSName(f"{keys.key_id(key)}.pole-a")])
    assert found[ExtensionOID.SUBJECT_ALTERNATIVE_NAME] == names
    assert leaf.subject.rfc4514_string() == "CN=pole-a"
    assert (issued.key, issued.serial) == (keys.key_id(key), leaf.serial_number)
    assert (issued.not_before_ms, issued.not_after_ms) == (NOW_MS - 3_600_000, NOW_MS + 365 * DAY_MS)
    assert issued.chain == issued.certificate + authority.issuing_pem


def test_serial_numbers_are_long_and_never_the_same(authority: Authority) -> None:
    key = keys.new_key().public_key()
    serials = {authority.node_certificate("pole-a", key, NOW_MS).serial for _ in range(50)}
    assert len(serials) == 50 and max(serials).bit_length() > 150 and max(serials).bit_length() <= 159


@pytest.mark.parametrize("name", ["ab", "a/b", "w#", "a+b", "Pole", "$SYS", "a.b", "x" * 33, "office", "collector"])
def test_no_name_that_a_broker_could_misread_gets_a_certificate(authority: Authority, name: str) -> None:
    with pytest.raises(ValueError):
        authority.node_certificate(name, keys.new_key().public_key(), NOW_MS)


def test_a_weak_key_gets_no_certificate(authority: Authority) -> None:
    with pytest.raises(ValueError, match="weak"):
        authority.node_certificate("pole-a", ec.generate_private_key(ec.SECP224R1()).public_key(), NOW_MS)


@pytest.mark.parametrize("days", [0, -1, 731])
def test_no_certificate_lives_too_long(authority: Authority, days: int) -> None:
    with pytest.raises(ValueError, match="lives"):
        authority.node_certificate("pole-a", keys.new_key().public_key(), NOW_MS, days)


def test_openssl_believes_a_node_as_a_client_and_only_while_it_counts(authority: Authority, tmp_path: Path) -> None:
    issued = authority.node_certificate("pole-a", keys.new_key().public_key(), NOW_MS)
    assert verified(tmp_path, issued, authority.trust(), NOW_MS) == ""
    assert "unsuitable" in verified(tmp_path, issued, authority.trust(), NOW_MS, "sslserver")
    assert "expired" in verified(tmp_path, issued, authority.trust(), NOW_MS + 366 * DAY_MS)
    assert "not yet valid" in verified(tmp_path, issued, authority.trust(), NOW_MS - 2 * 3_600_000)


def test_openssl_believes_the_office_as_a_server_only(authority: Authority, tmp_path: Path) -> None:
    _, issued = authority.server_certificate(HOSTS, NOW_MS)
    assert verified(tmp_path, issued, authority.trust(), NOW_MS, "sslserver") == ""
    assert "unsuitable" in verified(tmp_path, issued, authority.trust(), NOW_MS, "sslclient")
    assert parsed(issued.certificate).subject.rfc4514_string() == "CN=office"


def test_another_authority_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path / "stranger", None, NOW_MS)
    issued = stranger.node_certificate("pole-a", keys.new_key().public_key(), NOW_MS)
    assert verified(tmp_path, issued, authority.trust(), NOW_MS) != ""
    assert stranger.vouches(issued.certificate, NOW_MS) and not authority.vouches(issued.certificate, NOW_MS)


def test_the_issuing_key_cannot_make_a_further_authority(authority: Authority, tmp_path: Path) -> None:
    key = keys.load(vault.read(authority.folder, vault.ISSUING_KEY))
    below = keys.new_key()
    rogue = certificates.Signer(
        below, certificates.issuing(below.public_key(), certificates.Signer(key, authority.issuing), NOW_MS)
    )
    life = certificates.Life(NOW_MS, NOW_MS + DAY_MS)
    leaf = certificates.client("pole-a", keys.new_key().public_key(), rogue, life)
    text = certificates.pem(leaf)
    issued = certificates.Issued(1, "", 0, 0, text, text + certificates.pem(rogue.certificate) + authority.issuing_pem)
    assert "path length" in verified(tmp_path, issued, authority.trust(), NOW_MS)


def test_the_authorities_themselves(authority: Authority) -> None:
    root, issuing = extensions(parsed(authority.root_pem)), extensions(authority.issuing)
    assert root[ExtensionOID.BASIC_CONSTRAINTS] == x509.BasicConstraints(True, 1)
    assert issuing[ExtensionOID.BASIC_CONSTRAINTS] == x509.BasicConstraints(True, 0)
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    assert issuing[ExtensionOID.EXTENDED_KEY_USAGE] == uses
    assert authority.trust().count("BEGIN CERTIFICATE") == 2 and authority.root_pem != authority.next_root_pem
    subjects = {parsed(pem).subject.rfc4514_string() for pem in (authority.root_pem, authority.next_root_pem)}
    assert len(subjects) == 2  # OpenSSL looks an issuer up by its name


def test_a_node_and_the_broker_know_each_other(authority: Authority, tmp_path: Path) -> None:
    key, issued = authority.server_certificate(HOSTS, NOW_MS)
    server = Server(key, issued.chain, authority.trust(), authority.crl([], NOW_MS))
    pole = Pole("pole-a", authority.trust())
    pole.claim(authority, NOW_MS)
    assert [handshake(tmp_path, server, pole, host) for host in HOSTS] == ["pole-a"] * 4
    with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
        handshake(tmp_path, server, pole, "elsewhere.example.org")


def test_who_has_no_certificate_or_a_strangers_is_not_let_in(authority: Authority, tmp_path: Path) -> None:
    key, issued = authority.server_certificate(HOSTS, NOW_MS)
    server = Server(key, issued.chain, authority.trust())
    pole = Pole("pole-a", authority.trust())
    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, server, pole)
    pole.claim(Authority.make(tmp_path / "stranger", None, NOW_MS), NOW_MS)
    pole.trust = authority.trust()
    with pytest.raises(ssl.SSLError, match="VERIFY_FAILED"):
        handshake(tmp_path, server, pole)


def test_the_collector_is_a_client_like_any_other(authority: Authority, tmp_path: Path) -> None:
    key_pem, issued = authority.client_certificate("collector", NOW_MS)
    key, server_issued = authority.server_certificate(HOSTS, NOW_MS)
    pole = Pole("collector", authority.trust(), keys.load(key_pem), issued)  # type: ignore[arg-type]
    assert handshake(tmp_path, Server(key, server_issued.chain, authority.trust()), pole) == "collector"
    assert issued.not_after_ms == NOW_MS + 90 * DAY_MS


def test_a_server_keeps_the_key_that_it_is_given(authority: Authority) -> None:
    key, issued = authority.server_certificate(HOSTS, NOW_MS)
    again, renewed = authority.server_certificate(HOSTS, NOW_MS, key)
    assert again == key and renewed.key == issued.key and renewed.serial != issued.serial


def test_who_is_revoked_is_refused_and_nobody_else(authority: Authority, tmp_path: Path) -> None:
    key, issued = authority.server_certificate(HOSTS, NOW_MS)
    good, bad = Pole("pole-a", authority.trust()), Pole("pole-b", authority.trust())
    for pole in (good, bad):
        pole.claim(authority, NOW_MS)
    assert good.issued and bad.issued
    crl = authority.crl([(bad.issued.serial, NOW_MS), (bad.issued.serial, NOW_MS + 5)], NOW_MS)
    server = Server(key, issued.chain, authority.trust(), crl)
    assert handshake(tmp_path, server, good) == "pole-a"
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(tmp_path, server, bad)
    assert verified(tmp_path, good.issued, authority.trust(), NOW_MS, crl=crl) == ""
    assert "revoked" in verified(tmp_path, bad.issued, authority.trust(), NOW_MS, crl=crl)


def test_the_list_of_the_revoked_counts_for_sixty_days(authority: Authority, tmp_path: Path) -> None:
    issued = authority.node_certificate("pole-a", keys.new_key().public_key(), NOW_MS)
    crl = authority.crl([(7, NOW_MS)], NOW_MS)
    assert verified(tmp_path, issued, authority.trust(), NOW_MS + 60 * DAY_MS - 1000, crl=crl) == ""
    assert "CRL has expired" in verified(tmp_path, issued, authority.trust(), NOW_MS + 60 * DAY_MS + 1000, crl=crl)
    assert "Serial Number: 07" in openssl("crl", "-noout", "-text", text=crl)


def test_leaves_end_with_the_authority_and_none_is_signed_after(authority: Authority) -> None:
    end_ms = certificates.ends_ms(authority.issuing)
    key = keys.new_key().public_key()
    assert authority.node_certificate("pole-a", key, end_ms - DAY_MS).not_after_ms == end_ms
    for moment in (end_ms, NOW_MS - 2 * DAY_MS):
        with pytest.raises(Trouble, match="clock"):
            authority.node_certificate("pole-a", key, moment)


def test_no_authority_is_made_by_a_clock_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="1970"):
        Authority.make(tmp_path / "authority", None, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_everything_but_the_roll_over_works_without_the_roots_keys(tmp_path: Path, passphrase: str | None) -> None:
    authority = Authority.make(tmp_path / "authority", passphrase, NOW_MS)
    for name in (vault.ROOT_KEY, vault.NEXT_ROOT_KEY):
        (authority.folder / name).unlink()
    again = Authority.open(authority.folder, passphrase)
    assert again.trust() == authority.trust()
    assert again.crl([], NOW_MS) and again.server_certificate(HOSTS, NOW_MS)
    assert again.node_certificate("pole-a", keys.new_key().public_key(), NOW_MS)


def test_files_are_private_and_keys_encrypted_on_request(tmp_path: Path) -> None:
    plain = Authority.make(tmp_path / "plain", None, NOW_MS)
    shut = Authority.make(tmp_path / "shut", WORDS, NOW_MS)
    for folder in (plain.folder, shut.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert [keys.encrypted(file.read_text()) for file in sorted(shut.folder.glob("*.key"))] == [True] * 3
    assert "BEGIN PRIVATE KEY" not in "".join(file.read_text() for file in shut.folder.iterdir())
    (tmp_path / "words").write_text(WORDS)
    openssl("pkey", "-noout", "-check", "-in", shut.folder / vault.ROOT_KEY, "-passin", f"file:{tmp_path / 'words'}")


@pytest.mark.parametrize("tried", [None, "some other words"])
def test_a_wrong_passphrase_is_a_sentence_without_secrets(tmp_path: Path, tried: str | None) -> None:
    Authority.make(tmp_path / "authority", WORDS, NOW_MS)
    with pytest.raises(Trouble) as caught:
        Authority.open(tmp_path / "authority", tried)
    said = str(caught.value)
    assert "FLEET_PASSPHRASE_FILE" in said and caught.value.code is Exit.REFUSED
    assert WORDS not in said and "some other" not in said and WORDS not in str(caught.value.__cause__)


@pytest.mark.parametrize("name", [vault.ROOT, vault.ISSUING, vault.ISSUING_KEY, vault.NEXT_ROOT, vault.TERMS])
@pytest.mark.parametrize("text", ["", "rubbish", None])
def test_a_damaged_file_is_a_sentence(authority: Authority, name: str, text: str | None) -> None:
    file = authority.folder / name
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    if (name, text) in [(vault.NEXT_ROOT, None), (vault.TERMS, None), (vault.TERMS, "")]:
        assert Authority.open(authority.folder)
        return
    with pytest.raises(Trouble, match=name):
        Authority.open(authority.folder)


def test_a_key_of_another_certificate_is_a_sentence(authority: Authority) -> None:
    (authority.folder / vault.ISSUING_KEY).write_text(keys.dump(keys.new_key()))
    with pytest.raises(Trouble, match="do not belong together"):
        Authority.open(authority.folder)


def test_a_home_gets_one_authority_and_keeps_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(Trouble, match="no authority"):
        Authority.open(home.authority)
    first = make_home_authority(home, None, NOW_MS)
    assert make_home_authority(home, None, NOW_MS + DAY_MS).trust() == first.trust() == vault.roots(home.authority)
