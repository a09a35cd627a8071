"""Draws docs/page.png: `python -m tests.fleet.web.picture FILE`, a street of twelve after some simulated minutes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from simulators.street import Plan, Street
from tests.fleet.pole import wait_for
from tests.fleet.web.browser import Browser

MINUTES = 12
SPEED = 20.0


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        street = Street(Plan(nodes=12, seconds=MINUTES * 60, speed=SPEED), Path(folder) / "street", print)
        try:
            street.open()
            street.live()
            street.residents["pole-005"].kill()
            with Browser(Path(folder) / "profile", (1400, 1010)) as browser:
                assert street.office.page
                browser.open(street.office.page + "#pole-001")
                wait_for(lambda: browser.run("return document.querySelector('#link').className") == "live", "live")
                wait_for(lambda: "bad" in browser.run("return document.querySelector('#nodes').innerHTML"), "red")
                wait_for(lambda: len(browser.run("return [...document.querySelectorAll('.chart')]")) > 9, "charts")
                target.write_bytes(browser.picture())
        finally:
            street.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
