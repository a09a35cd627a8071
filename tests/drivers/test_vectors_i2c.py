"""Published bytes in, published values out: through the simulated chip and the real driver."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import DriverError
from tests.drivers.i2c_bench import I2C, played, vectors
from tests.simulators.test_vectors import WITHOUT_VECTORS

PUBLIC = [vector for name in I2C for vector in vectors("vectors-readings.json", name)]


@pytest.mark.parametrize("vector", PUBLIC, ids=lambda vector: vector["id"])
def test_public_vector(vector: dict[str, Any]) -> None:
    if vector["expect_error"] or all(value is None for value in vector["expect"].values()):
        with pytest.raises(DriverError):
            played(vector)
        return
    found = played(vector)
    for name, value in vector["expect"].items():
        allowed = vector["tolerance"].get(name, vector["tolerance"].get("*", 0))
        assert found.get(name) == (None if value is None else pytest.approx(value, abs=allowed, rel=0)), name


def test_every_driver_has_vectors() -> None:
    assert {vector["driver"] for vector in PUBLIC} == set(I2C) - WITHOUT_VECTORS
