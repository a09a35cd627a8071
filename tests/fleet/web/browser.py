"""A headless Chromium, driven through Debian's chromedriver in the words of the W3C WebDriver standard."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from fleet.broker import free_port
from tests.fleet.pole import wait_for

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    """One window. Use as a context manager."""

    def __init__(self, profile: Path, size: tuple[int, int] = (1400, 900)) -> None:
        self._port, self._profile, self._size = free_port(), profile, size
        self._session = ""

    def __enter__(self) -> Browser:
        quiet = subprocess.DEVNULL
        self._driver = subprocess.Popen(["chromedriver", f"--port={self._port}"], stdout=quiet, stderr=quiet)
        wait_for(self._ready, "chromedriver")
        flags = [*FLAGS, f"--user-data-dir={self._profile}", "--window-size={},{}".format(*self._size)]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": flags}}
        self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._call("DELETE", f"/session/{self._session}")
        finally:
            self._driver.terminate()
            self._driver.wait(10)

    def _ready(self) -> bool:
        try:
            return bool(self._call("GET", "/status")["ready"])
        except OSError:
            return False

    def _call(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if verb != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, method=verb)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        """Load a page."""
        self._call("POST", f"/session/{self._session}/url", {"url": address})

    def run(self, script: str) -> Any:
        """What this JavaScript returns, in the page."""
        return self._call("POST", f"/session/{self._session}/execute/sync", {"script": script, "args": []})

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._call("GET", f"/session/{self._session}/screenshot"))
