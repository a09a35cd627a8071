"""Two nodes, each behind a wire of its own, one of them awake in 1970: both enrol, connect, deliver."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.enrolment.namespaces import neighbourhood
from tests.enrolment.real import RealNode, RealOffice, first_stored
from tests.enrolment.shift import shifted

pytestmark = [pytest.mark.once, pytest.mark.root]


def test_both_deliver_and_no_token_is_left(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(neighbourhood(2))
        office = RealOffice(tmp_path / "office", host=place.office)
        stack.callback(office.stop)
        office.open()
        clocks = {"pole-now": shifted(0), "pole-1970": shifted(-round(time.time()), synced=False)}
        nodes = [RealNode(tmp_path / name, office, clock, pole.inside([]))
                 for (name, clock), pole in zip(clocks.items(), place.poles, strict=True)]  # fmt: skip
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        for name, seconds in first_stored(nodes).items():
            print(f"{name}: {seconds:.1f} s from start to the first stored reading")
        for node in nodes:
            assert "Traceback" not in node.said()
