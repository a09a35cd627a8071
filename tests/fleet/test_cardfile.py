"""A card that gets a fresh token: whoever else does the same at that moment, what lies on it is good."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from fleet import cardfile
from fleet.registry import Node, Registry
from fleet.tokens import hashed, new_token

NOW_MS = 1_800_000_000_000


def test_of_many_at_once_the_token_on_the_card_is_one_that_counts(tmp_path: Path) -> None:
    registry, card = Registry(tmp_path / "registry.db"), tmp_path / "credentials.json"
    registry.add(Node("pole-1", "Plein"), new_token("pole-1", NOW_MS)[1])
    for _ in range(5):
        card.write_text(json.dumps({"node": "pole-1", "enrol": "https://office", "token": "old"}))
        barrier = threading.Barrier(4)

        def refresh(barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            cardfile.refresh(Registry(registry.path), "pole-1", card, NOW_MS)

        threads = [threading.Thread(target=refresh) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with registry.turn(writing=False) as ledger:
            known = ledger.token(hashed(json.loads(card.read_text())["token"]))
        assert known is not None and not known.used_ms
