"""What we did not write is in the repository as its authors released it: named, licensed, and with its hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import fleet.web

VENDOR = Path(fleet.web.__file__).parent / "static" / "vendor"


def test_every_vendored_file_has_the_hash_of_the_lock_and_a_licence() -> None:
    packages = json.loads((VENDOR / "vendor.lock.json").read_text())["packages"]
    locked = {name: digest for package in packages for name, digest in package["sha256"].items()}
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} - {"vendor.lock.json"}
    assert there == locked.keys()
    for name, digest in locked.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, f"{name} was changed"
    for package in packages:
        assert package["licence"] and package["version"] and package["integrity"].startswith("sha512-")
        assert any(name.endswith("LICENSE") for name in package["sha256"])
