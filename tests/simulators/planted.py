"""Bugs that are planted into the code for a moment, to see that a story would find them."""

from __future__ import annotations

import pytest

from fleet.store import ingest


def a_store_that_files_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is filed once more: nobody looks for the receipt, and its key is not heeded."""
    monkeypatch.setattr(ingest.Ingest, "_here", lambda *_: set())
    monkeypatch.setattr(ingest, "ADD_RECEIPT", ingest.ADD_RECEIPT.replace("INSERT", "INSERT OR IGNORE"))
