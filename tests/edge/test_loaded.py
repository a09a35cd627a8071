"""What `edge run` loads: the drivers that its board names, and what all drivers lean on. A pole has little memory."""

from __future__ import annotations

import json
import subprocess
import sys

from edge.board import check
from edge.wiring import Wiring

BOARD = """[node]
id = "pole-1"
[[sensor]]
name = "air"
driver = "sht31"
bus = "i2c-1"
[[sensor]]
name = "dust"
driver = "pms5003"
port = "/dev/ttyUSB0"
"""
RUN = """import json, sys
import edge.running, edge.mqtt
from edge.agent import Agent
from edge.buses.system import system_ports
from edge.clock import SystemClock, chance
from edge.wiring import Wiring
from simulators.disk import MemoryDisk
wiring = Wiring.from_json(sys.stdin.read())
Agent(wiring, SystemClock(), MemoryDisk(), system_ports(wiring.buses), None, chance)
print(json.dumps([*sys.modules]))
"""
OWN = {"drivers.sht31", "drivers.sensirion", "drivers.pms5003"}
FLOOR = {  # what every driver, or every bus, leans on
    "catalog", "checks", "driver", "errors", "guests", "landlord", "lines", "ongoing", "reading", "setting", "stream",
    "talk", "tca9548a", "timepiece", "window",
}  # fmt: skip
NEVER = {"pydantic", "typer", "rich", "cryptography", "starlette", "sqlalchemy", "importlib.metadata", "tuf",
         "edge.board", "edge.fit", "edge.buses.bridge", "edge.buses.expander"}  # fmt: skip


def loaded(wiring: Wiring) -> set[str]:
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, input=wiring.to_json(), capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_an_agent_loads_the_drivers_that_it_has_and_no_others() -> None:
    wiring = check(BOARD, "node.toml").wiring
    assert wiring is not None
    modules = loaded(wiring)
    ours = {name for name in modules if name.startswith("drivers.")}
    assert ours >= OWN
    assert ours - OWN <= {f"drivers.{name}" for name in FLOOR}, ours - OWN
    assert not NEVER & modules
