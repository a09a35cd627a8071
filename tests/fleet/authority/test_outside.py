"""An authority elsewhere: the openssl program plays the city's, then every way in which its answer may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet.authority import certificates, keys, outside, vault
from fleet.authority.authority import make_home_authority
from fleet.authority.keys import PrivateKey, PublicKey
from fleet.authority.rollover import TOLD_DAYS, ready_ms, roll
from fleet.home import Home
from fleet.trouble import Exit, Trouble
from tests.fleet.authority.judges import DAY_MS, NOW_MS, Pole, Server, handshake, openssl, verified

WORDS = "five words that belong apart"
CITY = """
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
[issuing]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


class City:
    """An old root (RSA, SHA-1) and an authority beneath it, made by somebody else's program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "city.cnf").write_text(CITY)
        self._openssl("req -x509 -sha1 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 9000 "
                      "-config city.cnf -extensions root", "/O=Stad/CN=Stad Root")  # fmt: skip
        self._openssl(
            "req -new -newkey rsa:2048 -nodes -keyout mid.key -out mid.csr -config city.cnf", "/O=Stad/CN=Stad IT"
        )
        self._openssl("x509 -req -sha256 -in mid.csr -CA root.pem -CAkey root.key -out mid.pem -days 8000 "
                      "-extfile city.cnf -extensions root")  # fmt: skip

    def _openssl(self, words: str, subject: str = "") -> None:
        made = [str(self.folder / word) if "." in word else word for word in words.split()]
        openssl(*made, *(["-subj", subject] if subject else []))

    def sign(self, csr: str, by: str = "mid", more: str = "") -> str:
        """The chain: ours, and those above it."""
        (self.folder / "ours.csr").write_text(csr)
        self._openssl(f"x509 -req -in ours.csr -CA {by}.pem -CAkey {by}.key -out ours.pem -days 3000 -extfile city.cnf "
                      f"-extensions issuing {more}")  # fmt: skip
        names = ["ours", "mid", "root"] if by == "mid" else ["ours", "root"]
        return "".join((self.folder / f"{name}.pem").read_text() for name in names)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return City(tmp_path_factory.mktemp("city") / "ca")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_the_city_signs_and_a_node_and_a_broker_know_each_other(
    home: Home, city: City, tmp_path: Path, passphrase: str | None
) -> None:
    chain = city.sign(outside.request(home, passphrase))
    now_ms = _after(chain)
    authority = outside.install(home, chain, passphrase, now_ms)
    assert authority is not None and authority.next_root_pem == ""
    assert authority.trust() == certificates.pem(
        x509.load_pem_x509_certificate((city.folder / "root.pem").read_bytes())
    )
    node = Pole("pole-a", authority.trust())
    node.claim(authority, now_ms)
    key, issued = authority.server_certificate(["127.0.0.1"], now_ms)
    assert (
        handshake(tmp_path, Server(key, issued.chain, authority.trust(), authority.crl([], now_ms)), node) == "pole-a"
    )
    assert (
        node.issued and verified(tmp_path, node.issued, authority.trust(), now_ms, crl=authority.crl([], now_ms)) == ""
    )
    assert keys.encrypted(vault.read(home.authority, vault.ISSUING_KEY)) == (passphrase is not None)
    assert not outside.request_folder(home).exists()


def _after(chain: str) -> int:
    """A moment at which every certificate of the chain counts, whatever the machine's clock says."""
    return max(certificates.begins_ms(each) for each in x509.load_pem_x509_certificates(chain.encode())) + 1000


def test_the_same_key_is_asked_for_again(home: Home) -> None:
    first, second = outside.request(home, None), outside.request(home, None)
    ids = {keys.key_id(x509.load_pem_x509_csr(each.encode()).public_key()) for each in (first, second)}
    assert len(ids) == 1 and not vault.present(home.authority)
    openssl("req", "-noout", "-verify", text=first)


def test_without_a_request_there_is_nothing_to_answer(home: Home, city: City) -> None:
    with pytest.raises(Trouble, match="No request"):
        outside.install(home, "", None, NOW_MS)


def test_a_home_with_an_authority_moves_to_the_citys_by_a_roll_over(home: Home, city: City, tmp_path: Path) -> None:
    authority = make_home_authority(home, None, NOW_MS)
    node = Pole("pole-a", authority.trust())
    chain = city.sign(outside.request(home, None), by="root")
    now_ms = max(_after(chain), NOW_MS)
    assert outside.install(home, chain, None, now_ms) is None
    authority.load()
    assert authority.next_root_pem in chain and ready_ms(authority) == now_ms + TOLD_DAYS * DAY_MS
    node.claim(authority, now_ms)
    with pytest.raises(Trouble, match="not known long enough"):
        roll(authority, now_ms)
    then = now_ms + TOLD_DAYS * DAY_MS
    roll(authority, then)
    assert authority.trust() in chain and not (home.authority / vault.ROOT_KEY).exists()
    key, issued = authority.server_certificate(["127.0.0.1"], then)
    crl = authority.crl([], then)
    assert handshake(tmp_path, Server(key, issued.chain, authority.trust_of_servers(then), crl), node) == "pole-a"
    assert not list(home.authority.glob("next-*"))

    # The same root signs the next issuing key: nodes pin it already, so nobody has to wait.
    chain = city.sign(outside.request(home, None), by="root")
    assert outside.install(home, chain, None, then) is None
    authority.load()
    assert authority.trust() in chain
    roll(authority, then)
    node.claim(authority, then)
    key, issued = authority.server_certificate(["127.0.0.1"], then)
    assert handshake(tmp_path, Server(key, issued.chain, authority.trust_of_servers(then)), node) == "pole-a"


ROOT_KEY, OTHER_KEY = keys.new_key(), keys.new_key()
CA = x509.BasicConstraints
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
NO_LIST = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
NO_SIGN = x509.KeyUsage(True, False, False, False, False, False, True, False, False)
ONLY_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
ONLY_NL = x509.NameConstraints([x509.DNSName("stad.nl")], None)


def certificate(
    name: str, key: PublicKey, by: str, signer: PrivateKey, extensions: Iterable[x509.ExtensionType],
    days: tuple[int, int] = (-1, 3000),
) -> str:  # fmt: skip
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, by)]
    builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key).serial_number(7)
    begin, end = (datetime.fromtimestamp(NOW_MS // 1000 + each * 86_400, UTC) for each in days)
    builder = builder.not_valid_before(begin).not_valid_after(end)
    for each in extensions:
        builder = builder.add_extension(each, critical=True)
    return certificates.pem(builder.sign(signer, hashes.SHA256()))


def root(*extensions: x509.ExtensionType, days: tuple[int, int] = (-1, 5000)) -> str:
    return certificate("root", ROOT_KEY.public_key(), "root", ROOT_KEY, extensions or (CA(True, None), SIGNS), days)


def ours(
    key: PublicKey,
    *extensions: x509.ExtensionType,
    days: tuple[int, int] = (-1, 3000),
    signer: PrivateKey = ROOT_KEY,
) -> str:
    return certificate("ours", key, "root", signer, extensions or (CA(True, 0), SIGNS), days)


CHAINS: dict[str, tuple[Callable[[PublicKey], str], str]] = {
    "no text": (lambda key: "", "1 to 10"),
    "rubbish": (lambda key: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "1 to 10"),
    "too many": (lambda key: ours(key) + root() * 10, "1 to 10"),
    "too long": (lambda key: ours(key) + root() + " " * 300_000, "1 to 10"),
    "only the root": (lambda key: root(), "key of our request"),
    "another key": (lambda key: ours(OTHER_KEY.public_key()) + root(), "key of our request"),
    "no root": (lambda key: ours(key), "reaches no root"),
    "another root": (lambda key: ours(key, signer=OTHER_KEY) + root(), "reaches no root"),
    "a leaf": (lambda key: ours(key, CA(False, None)) + root(), "not that of an authority"),
    "no constraints": (lambda key: ours(key, SIGNS) + root(), "not that of an authority"),
    "root is a leaf": (lambda key: ours(key) + root(CA(False, None)), "not that of an authority"),
    "root allows none": (lambda key: ours(key) + root(CA(True, 0), SIGNS), "too few"),
    "path length 1": (lambda key: ours(key, CA(True, 1), SIGNS) + root(), "further authorities"),
    "no path length": (lambda key: ours(key, CA(True, None), SIGNS) + root(), "further authorities"),
    "may not sign": (lambda key: ours(key, CA(True, 0), NO_SIGN) + root(), "may not sign certificates"),
    "may not revoke": (lambda key: ours(key, CA(True, 0), NO_LIST) + root(), "list of the revoked"),
    "clients only": (lambda key: ours(key, CA(True, 0), ONLY_CLIENTS) + root(), "clients and servers"),
    "names limited": (lambda key: ours(key, CA(True, 0), ONLY_NL) + root(), "limits the names"),
    "ended": (lambda key: ours(key, days=(-100, -1)) + root(), "counts from"),
    "not begun": (lambda key: ours(key, days=(1, 3000)) + root(), "counts from"),
    "root ended": (lambda key: ours(key) + root(days=(-100, -1)), "counts from"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINS)
def test_a_chain_that_will_not_do_says_what_is_amiss_and_changes_nothing(home: Home, case: str) -> None:
    make, said = CHAINS[case]
    request = x509.load_pem_x509_csr(outside.request(home, None).encode())
    key = request.public_key()
    assert isinstance(key, PublicKey)
    with pytest.raises(Trouble, match=said) as caught:
        outside.install(home, make(key), None, NOW_MS)
    assert caught.value.code is Exit.REFUSED and "kept" in caught.value.stands and caught.value.next_step
    assert not vault.present(home.authority)
    assert outside.install(home, ours(key) + root(), None, NOW_MS)


def test_a_signature_of_yesterday_is_refused(home: Home, city: City) -> None:
    """SHA-1, as an authority of 2010 would sign: OpenSSL takes no such chain, so nor do we."""
    chain = city.sign(outside.request(home, None), by="root", more="-sha1")
    with pytest.raises(Trouble, match="outworn"):
        outside.install(home, chain, None, _after(chain))


def test_order_and_strangers_in_the_file_do_not_matter(home: Home) -> None:
    key = x509.load_pem_x509_csr(outside.request(home, None).encode()).public_key()
    assert isinstance(key, PublicKey)
    stranger = certificates.pem(certificates.root(OTHER_KEY, NOW_MS))
    authority = outside.install(home, stranger + root() + "and words\n" + ours(key), None, NOW_MS)
    assert authority is not None and authority.issuing_pem == certificates.pem(authority.issuing)


def test_a_certificate_that_signs_itself_is_no_answer(home: Home) -> None:
    outside.request(home, None)
    key = keys.load(vault.read(outside.request_folder(home), vault.ISSUING_KEY))
    with pytest.raises(Trouble, match="signs itself"):
        outside.install(home, certificates.pem(certificates.root(key, NOW_MS)), None, NOW_MS)
