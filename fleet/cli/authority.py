"""What `fleet init` does about the authority: make one, ask one elsewhere, take its answer in, roll over."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from fleet import enrol, files, show
from fleet.authority import outside, passphrase, rollover, vault
from fleet.authority.authority import Authority, make_home_authority
from fleet.authority.own import OwnCertificates
from fleet.clock import SystemClock
from fleet.home import Home
from fleet.registry import COLLECTOR, Registry
from fleet.trouble import Exit, Trouble

UNCHANGED = "Nothing was changed."


def new_words(wanted: bool) -> str | None:
    """A new passphrase, if one is wanted. Raises Trouble."""
    return passphrase.new() if wanted else None


def make(place: Home, words: str | None) -> None:
    """The home's own authority, unless it has one; its keys encrypted with these words. Raises Trouble, OSError."""
    if vault.present(place.authority):
        return
    make_home_authority(place, words, SystemClock().wall_ms())
    show.note(f"Its authority is in {place.authority}. Take root.key and next-root.key away to a safe place: they are "
              "needed only when the next root takes over.")  # fmt: skip


def put_own(place: Home, words: str | None) -> None:
    """What the office itself shows, so that a broker's config can be written at once. Raises Trouble, OSError."""
    own = OwnCertificates(place, Authority.open(place.authority, words))
    own.renew(SystemClock().wall_ms())
    enrol.know_collector(place, Registry(place.registry), own.key_of(COLLECTOR))


def ask_elsewhere(place: Home, file: Path, encrypt: bool, dry_run: bool) -> None:
    """Writes a request for an authority elsewhere. Raises Trouble, OSError."""
    if dry_run:
        return show.note(f"Would write a request for an issuing certificate to {file}, and keep its key.")
    folder = outside.request_folder(place)
    known = (folder / vault.ISSUING_KEY).exists()
    words = passphrase.new() if encrypt and not known else passphrase.given(folder)
    text = outside.request(place, words)
    try:
        files.replace(file.absolute(), text, 0o644)
    except OSError as error:
        raise Trouble(f"The request cannot be written to {file}: {error.strerror}.", "Its key is made and kept.",
                      "fleet init --csr, with another file", Exit.REFUSED) from error  # fmt: skip
    show.out(f"{file}\n")
    show.note("Have it signed as an issuing authority with path length 0. "
              "Next: fleet init --chain FILE, with our certificate and those above it, up to the root.")  # fmt: skip


def take_in(place: Home, file: Path, dry_run: bool) -> None:
    """Takes in what an authority elsewhere signed. Raises Trouble, OSError."""
    text, now_ms, folder = _text(file), SystemClock().wall_ms(), outside.request_folder(place)
    if dry_run:
        outside.rehearse(place, text, passphrase.given(folder), now_ms)
        return show.note(f"Would take in the chain of {file}: it is in order.")
    with place.locked():
        made = outside.install(place, text, passphrase.given(folder), now_ms)
    if made is not None:
        return show.note("The authority is ready. Next: fleet serve")
    show.note("The chain is the next authority; nodes are told its root from now on. "
              "When all know it: fleet init --roll-over")  # fmt: skip


def roll_over(place: Home, soon: bool, forget: bool, yes: bool, dry_run: bool) -> None:
    """The next root takes over. Raises Trouble, OSError."""
    now_ms = SystemClock().wall_ms()
    authority = Authority.open(place.authority, passphrase.given(place.authority))
    if dry_run:
        rollover.rehearse(authority, now_ms, soon, forget)
        place.check_idle()
        return show.note(_would_roll(rollover.ready_ms(authority), now_ms, forget))
    place.check_idle()
    _sure(yes, forget)
    with place.locked():
        rollover.roll(authority, now_ms, soon, forget)
    show.note("The next root took over. Take root.key and next-root.key away to a safe place. Next: fleet serve")


def _would_roll(ready_ms: int, now_ms: int, forget: bool) -> str:
    known = "all nodes know it since" if ready_ms <= now_ms else "there may be nodes that do not believe it until"
    void = " Every certificate of a node would be void at once." if forget else ""
    return f"Would let the next root take over; {known} {show.when(ready_ms)}.{void}"


def _sure(yes: bool, forget: bool) -> None:
    what = "make every certificate of a node void at once" if forget else "let the next root take over"
    if yes:
        return
    if not sys.stdin.isatty():
        raise Trouble(f"This would {what}, and nobody is there to ask.", UNCHANGED, "the same with --yes", Exit.REFUSED)
    if not typer.confirm(f"This will {what}. Go on?", err=True):
        raise Trouble("You did not want it.", UNCHANGED, "fleet init --help", Exit.REFUSED)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Trouble(f"{file} cannot be read: {why}.", UNCHANGED, "name another file", Exit.USAGE) from error
