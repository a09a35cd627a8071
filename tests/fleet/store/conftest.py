"""A store in a folder of its own, and who reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    return SqliteStore(path)


@pytest.fixture
def reader(store: SqliteStore, path: Path) -> StoreReader:
    return StoreReader(path)
