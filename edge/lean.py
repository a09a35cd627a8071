"""paho without what a node never uses of it.

paho loads `urllib.request` to ask for the proxies of PySocks, and with it the standard library's HTTP and e-mail: forty
modules, 2 MB, and a tenth of the agent's start. Where PySocks is not installed, paho never looks at it, so an empty
module stands in its place for as long as paho is loading.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

PROXIES = "urllib.request"

_unused = PROXIES not in sys.modules and find_spec("socks") is None
if _unused:
    sys.modules[PROXIES] = ModuleType(PROXIES)

import paho.mqtt.client as paho  # noqa: E402

if _unused:
    del sys.modules[PROXIES]

__all__ = ["paho"]
