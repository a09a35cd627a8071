"""One root follows another, and no node is left behind.

The next root is made together with the current one, and every card and every answer of the desk names both. So when
it takes over, each node that was heard since pins it already, and the one that slept through finds a desk that it
believes. What the old authority signed stays good until it ends: the brokers believe the previous root, and its list
of the revoked is signed on, for as long as the longest certificate lives.

Two things can go wrong, and are refused unless somebody insists: too soon, when nodes may not have heard of the next
root yet; and forgetting, which makes all old certificates void at once. The latter is for an issuing key that was
stolen: nodes then claim anew with the keys that the office knows, and are back within minutes.
"""

from __future__ import annotations

from fleet import show
from fleet.authority import certificates, keys, vault
from fleet.authority.authority import UNCHANGED, Authority, new_root, read_certificate, read_key, root_papers, terms
from fleet.authority.certificates import DAY_MS, LONGEST_LEAF_DAYS, NODE_DAYS, Signer
from fleet.trouble import Exit, Trouble

DRAWER_DAYS = 400  # so long after its certificate ended may a node renew it by itself
TOLD_DAYS = NODE_DAYS + DRAWER_DAYS  # a node that was not heard for longer needs an operator anyway


def roll(authority: Authority, now_ms: int, soon: bool = False, forget: bool = False) -> None:
    """The next root becomes the current one, and there is a new next one. Raises Trouble, OSError.

    `soon`: even if nodes may not know the next root yet; `forget`: what was signed before is void at once.
    """
    vault.change(authority.folder, _texts(authority, now_ms, soon, forget))
    authority.load()


def rehearse(authority: Authority, now_ms: int, soon: bool = False, forget: bool = False) -> None:
    """All of it but the change itself. Raises what `roll` would: Trouble, OSError."""
    _texts(authority, now_ms, soon, forget)


def ready_ms(authority: Authority) -> int:
    """Unix ms from which every node that is not lost pins the next root."""
    return authority.terms.get("next_told_ms", 0) + TOLD_DAYS * DAY_MS


def _texts(authority: Authority, now_ms: int, soon: bool, forget: bool) -> dict[str, str | None]:
    """What the folder is to hold then."""
    if not soon:
        _check_told(authority, now_ms)
    texts = _next_authority(authority, now_ms) | _next_root(authority, now_ms)
    texts |= dict.fromkeys(vault.PREVIOUS) if forget else _previous(authority)
    until_ms = now_ms + LONGEST_LEAF_DAYS * DAY_MS
    texts[vault.TERMS] = terms(next_told_ms=now_ms, previous_until_ms=until_ms)
    return texts


def _check_told(authority: Authority, now_ms: int) -> None:
    due_ms = ready_ms(authority)
    if authority.next_root_pem != authority.root_pem and now_ms < due_ms:
        raise Trouble(f"The next root is not known long enough: until {show.when(due_ms)} there may be nodes "
                      "that do not believe it.", UNCHANGED,
                      "wait; or, if a key was stolen: fleet init --roll-over --soon --forget",
                      Exit.REFUSED)  # fmt: skip


def _next_authority(authority: Authority, now_ms: int) -> dict[str, str | None]:
    """The next root in the place of the current one, with an issuing certificate beneath it."""
    folder = authority.folder
    texts: dict[str, str | None] = {vault.ROOT: vault.read(folder, vault.NEXT_ROOT)}
    ready = vault.read_if_there(folder, vault.NEXT_ISSUING)
    if ready is not None:  # from an authority elsewhere
        key = vault.read(folder, vault.NEXT_ISSUING_KEY)
        return texts | {vault.ISSUING: ready, vault.ISSUING_KEY: key, vault.ROOT_KEY: None,
                        vault.NEXT_ISSUING: None, vault.NEXT_ISSUING_KEY: None}  # fmt: skip
    root_key, issuing_key = _next_root_key(authority), keys.new_key()
    root = Signer(root_key, read_certificate(folder, vault.NEXT_ROOT))
    issuing = certificates.issuing(issuing_key.public_key(), root, now_ms)
    return texts | {vault.ISSUING: certificates.pem(issuing),
                    vault.ISSUING_KEY: keys.dump(issuing_key, authority.passphrase),
                    vault.ROOT_KEY: vault.read(folder, vault.NEXT_ROOT_KEY)}  # fmt: skip


def _next_root_key(authority: Authority) -> keys.PrivateKey:
    path = authority.folder / vault.NEXT_ROOT_KEY
    if not path.exists():
        raise Trouble(f"The key of the next root is not in {path}.", UNCHANGED,
                      f"bring {vault.NEXT_ROOT_KEY} back from where it is kept, for as long as this takes",
                      Exit.REFUSED)  # fmt: skip
    return read_key(authority.folder, vault.NEXT_ROOT_KEY, authority.passphrase)


def _next_root(authority: Authority, now_ms: int) -> dict[str, str | None]:
    """A new next root; none where the roots are made elsewhere."""
    if (authority.folder / vault.NEXT_ISSUING).exists():
        return {vault.NEXT_ROOT: None, vault.NEXT_ROOT_KEY: None}
    root = new_root(now_ms)
    return {**root_papers(root, vault.NEXT_ROOT, vault.NEXT_ROOT_KEY, authority.passphrase)}


def _previous(authority: Authority) -> dict[str, str | None]:
    """What stays of the current authority: all that revoking needs."""
    return {vault.PREVIOUS_ROOT: authority.root_pem, vault.PREVIOUS_ISSUING: authority.issuing_pem,
            vault.PREVIOUS_ISSUING_KEY: vault.read(authority.folder, vault.ISSUING_KEY)}  # fmt: skip
