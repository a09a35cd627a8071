"""`fleet serve`: runs the office until it is told to end."""

from __future__ import annotations

import logging
import os

from fleet import serve as office
from fleet import show
from fleet.cli.options import HomeFolder
from fleet.home import find, no_desk, no_url

ADDLESS = "It runs, and nodes that know an address are heard; none can be added."


def serve(home: HomeFolder = None) -> None:
    """Run the office: broker, collector, store and page."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    office.serve(find(home, os.environ), _told)
    show.note("The office has ended; everything that was acknowledged is stored.")


def _told(running: office.Office) -> None:
    ports = running.ports
    doors = [("Nodes", ports.node_url or f"any address, port {ports.broker_port}")]
    if running.gate is not None:
        doors.append(("Certificates", ports.enrol_url or f"any address, port {ports.enrol_port}"))
    told = "  ".join(f"{name}: {where}" for name, where in [*doors, ("Page", running.page)])
    show.note(f"The office runs in {running.home.folder}. {told}  End: Ctrl-C")
    if not ports.node_url:
        show.trouble(no_url(running.home, ADDLESS))
    if running.gate is not None and not ports.enrol_url:
        show.trouble(no_desk(running.home, ADDLESS))
