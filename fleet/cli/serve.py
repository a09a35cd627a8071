"""`fleet serve`: runs the office until it is told to end."""

from __future__ import annotations

import logging
import os

from fleet import serve as office
from fleet import show
from fleet.cli.options import HomeFolder
from fleet.home import find, no_url


def serve(home: HomeFolder = None) -> None:
    """Run the office: broker, collector, store and page."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    office.serve(find(home, os.environ), _told)
    show.note("The office has ended; everything that was acknowledged is stored.")


def _told(running: office.Office) -> None:
    nodes = running.ports.node_url or f"any address, port {running.ports.broker_port}"
    show.note(f"The office runs in {running.home.folder}. Nodes: {nodes}  Page: {running.page}  End: Ctrl-C")
    if not running.ports.node_url:
        show.trouble(no_url(running.home, "It runs, and nodes that know an address are heard; none can be added."))
