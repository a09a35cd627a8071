"""Where do the secrets go? Everything that a demo leaves behind or shows is searched for them, in every dress.

A secret may stand in the file that is its home, and nowhere else: not in another file, a log, a command line, an
environment, a message, a byte on the wire, nor in what a fault prints. Each is looked for as it is, in hexadecimal, in
base64 wherever it begins, quoted for an URL, and a private key as DER, as PEM with and without line ends, and as the
bare number.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

SAMPLE_S = 0.02
SHORTEST = 12  # bytes of a dress; less could be there by chance
WITNESS = Path(__file__).with_name("witness.c")


@dataclass(frozen=True)
class Secret:
    """`homes`: patterns of the files in which it may stand, from the end of their paths."""

    name: str
    dresses: frozenset[bytes] = field(repr=False)
    homes: tuple[str, ...] = ()

    def at_home(self, path: Path) -> bool:
        """Whether it may stand there."""
        return any(fnmatch(str(path), f"*/{home}") for home in self.homes)


@dataclass(frozen=True)
class Leak:
    """A secret where it must not be. What it is stays unsaid: this goes into the output of a test."""

    secret: str
    where: str


def text(name: str, value: str, *homes: str) -> Secret:
    """A token, a password, a client id."""
    raw = value.encode()
    return Secret(name, frozenset(_long({*_dresses(raw), *_decoded(value), quote(value, safe="").encode()})), homes)


def key(name: str, pem: bytes, *homes: str) -> Secret:
    """A private key, from its PEM."""
    made = serialization.load_pem_private_key(pem, None)
    plain = serialization.NoEncryption()
    forms: set[bytes] = set()
    numbers = list(_numbers(made))
    for kind in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        try:
            der = made.private_bytes(serialization.Encoding.DER, kind, plain)
            lines = made.private_bytes(serialization.Encoding.PEM, kind, plain).splitlines()[1:-1]
        except ValueError:
            continue
        forms |= {*_dresses(der), *(line for line in lines if _tells(line, numbers))}
    for number in numbers:
        forms |= {*_dresses(number), str(int.from_bytes(number)).encode()}
    return Secret(name, frozenset(_long(forms)), homes)


def _tells(line: bytes, numbers: Sequence[bytes]) -> bool:
    """Whether a line of PEM holds a good piece of the secret; some hold nothing but the public half."""
    held = base64.b64decode(line)
    return any(number[at : at + 8] in held for number in numbers for at in range(len(number) - 7))


def _numbers(made: object) -> Iterator[bytes]:
    if isinstance(made, ec.EllipticCurvePrivateKey):
        yield made.private_numbers().private_value.to_bytes((made.curve.key_size + 7) // 8)
    elif isinstance(made, ed25519.Ed25519PrivateKey):
        yield made.private_bytes_raw()


def _dresses(raw: bytes) -> set[bytes]:
    figures = raw.hex()
    colons = ":".join(figures[at : at + 2] for at in range(0, len(figures), 2))
    each = {raw, *(form.encode() for one in (figures, colons) for form in (one, one.upper()))}
    return each | {form for start in range(3) for form in _based(raw, start)}


def _based(raw: bytes, start: int) -> Iterator[bytes]:
    """As it reads within base64 that began so many bytes before it: what of it does not depend on the neighbours."""
    whole = base64.b64encode(bytes(start) + raw)
    inner = whole[(start * 8 + 5) // 6 : (start + len(raw)) * 8 // 6]
    yield inner
    yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def _decoded(value: str) -> Iterator[bytes]:
    """The bytes that the text stands for."""
    if re.fullmatch(r"([0-9a-fA-F]{2}){12,}", value):
        yield bytes.fromhex(value)
    elif re.fullmatch(r"[A-Za-z0-9_-]{20,}", value) and len(value) % 4 != 1:
        yield base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _long(forms: Iterable[bytes]) -> Iterator[bytes]:
    return (form for form in forms if len(form) >= SHORTEST)


class Canary:
    """What is searched for, and what was found so far."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self.secrets = list(secrets)
        self.leaks: list[Leak] = []
        self.found_at_home: set[Path] = set()

    def search(self, what: bytes, where: str, path: Path | None = None) -> None:
        """Any bytes; those of a file may hold the secrets that are at home there."""
        for secret in self.secrets:
            if not any(dress in what for dress in secret.dresses):
                continue
            if path is not None and secret.at_home(path):
                self.found_at_home.add(path)
            else:
                self.leaks.append(Leak(secret.name, where))

    def open_homes(self, folder: Path) -> list[Path]:
        """Files below it in which a secret is at home although others can read them."""
        return [path for path in sorted(self.found_at_home) if not _private(path, folder)]

    def search_folder(self, folder: Path) -> int:
        """Every file below it, and its name; how many there were."""
        found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
        for path in found:
            self.search(path.read_bytes(), str(path.relative_to(folder)), path)
            self.search(os.fsencode(path.relative_to(folder)), f"the name of {path.parent}/…")
        return len(found)

    def search_notes(self, notes: Mapping[str, bytes]) -> None:
        """What else was overheard: output, messages, packets, by where it was."""
        for where, what in notes.items():
            self.search(what, where)


def _private(path: Path, folder: Path) -> bool:
    """Whether its own mode, or that of a folder on the way to it, keeps others out."""
    way = [path, *(parent for parent in path.parents if folder in parent.parents)]
    return path.stat().st_mode & 0o077 == 0 or any(each.stat().st_mode & 0o011 == 0 for each in way[1:])


# What processes show of themselves.


class Onlooker:
    """Reads /proc over and over: the command line and the environment of every process but this one."""

    def __init__(self) -> None:
        self.notes: dict[str, bytes] = {}
        self._last: dict[str, bytes] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="onlooker", daemon=True)

    def _watch(self) -> None:
        while not self._ending.wait(SAMPLE_S):
            self.look()

    def look(self) -> None:
        """Once."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                for what in ("cmdline", "environ"):
                    self._note(process / what)

    def _note(self, file: Path) -> None:
        try:
            shown = file.read_bytes()
        except OSError:
            return
        if shown and self._last.get(f"{file}") != shown:
            self._last[f"{file}"] = shown
            self.notes[f"{file}"] = self.notes.get(f"{file}", b"") + b"\0" + shown

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self.look()


@cache
def _witness() -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT TESTED: what short-lived processes show needs a C compiler: sudo apt-get install gcc")
    built = Path(mkdtemp(prefix="lantaarn-witness-")) / "witness.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(built), str(WITNESS)]
    subprocess.run(command, check=True)
    return built


@contextmanager
def witnessed(file: Path) -> Iterator[dict[str, str]]:
    """An environment in which every process, however short its life, writes its command line and environment there."""
    file.touch()
    before = os.environ.get("LD_PRELOAD", "")
    preload = " ".join(filter(None, [str(_witness()), before]))
    yield {**os.environ, "LD_PRELOAD": preload, "WITNESS": str(file)}
