"""The schemas that this node ever declared, kept beside the journal for whoever asks for one again.

A chunk names its schema by a key and may reach the office long after its run has ended; the office may then ask for
that schema. The journal forgets what was acked, so the bodies are remembered here, the newest of them, in one small
file that is written only when a schema is new.
"""

from __future__ import annotations

import json

from edge.journal.disk import Disk
from edge.wire.schema import Schema

FILE = "schemas.json"
REMEMBERED = 64


class Schemas:
    """Bodies of SCHEMA records by hex key. A disk that refuses costs only what earlier runs declared."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._bodies: dict[str, bytes] = {}
        self._unsaved = False
        self._recalled = self._recall()

    def _recall(self) -> bool:
        """What earlier runs declared; False when the disk does not let us read now."""
        try:
            self._bodies = _read(self._disk) | self._bodies
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def remember(self, body: bytes) -> None:
        """This one is in use."""
        key = Schema.decode(body).key.hex()
        self._unsaved |= self._bodies.pop(key, None) is None
        self._bodies[key] = body
        if len(self._bodies) > REMEMBERED:
            del self._bodies[next(iter(self._bodies))]

    def body(self, key: str) -> bytes | None:
        """The schema of this hex key, if it was ever declared here and not too many others since."""
        return self._bodies.get(key)

    def save(self) -> None:
        """Write down what is new; what the disk refuses is tried again next time."""
        self._recalled = self._recalled or self._recall()
        if not self._unsaved:
            return
        try:
            self._disk.write_small(FILE, json.dumps([body.hex() for body in self._bodies.values()]).encode())
        except OSError:
            return
        self._unsaved = False


def _read(disk: Disk) -> dict[str, bytes]:
    """Nothing when the file holds none that can be understood. Raises OSError."""
    content = disk.read_small(FILE)
    try:
        bodies = [bytes.fromhex(text) for text in json.loads(content)]
        return {Schema.decode(body).key.hex(): body for body in bodies}
    except (ValueError, TypeError):
        return {}
