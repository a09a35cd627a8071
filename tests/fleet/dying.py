"""Processes that die at a step of their work, as in a power cut, so that one can look at what they left.

They are forked by a server that has no threads and knows what they need: a process with threads may not be copied.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa

from edge.wire.enrolment import Claim, Granted
from fleet.registry import Registry
from tests.fleet.desks import office

KILLED, UNHEARD = 9, 4
EVENTS = ("before_cursor_execute", "commit")
Step = Callable[..., None]

_server = get_context("forkserver")
_server.set_forkserver_preload([__name__])


def amid_a_claim(place: Path, authority_folder: Path, now_ms: int, claim: Claim, at: int) -> bool:
    """Whether an office that answers the claim came to its step number `at`, where it is killed."""
    return _dies(_answer, place, authority_folder, now_ms, claim, at)


def amid_a_renewal(registry: Path, at: int) -> bool:
    """Whether who opens this registry came to its statement number `at`, where it is killed."""
    return _dies(_renew, registry, at)


def _dies(work: Callable[..., None], *arguments: object) -> bool:
    process = _server.Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in (0, KILLED), process.exitcode
    return process.exitcode == KILLED


def _killed_at(at: int) -> Step:
    steps = itertools.count(1)

    def step(*_: object) -> None:
        if next(steps) == at:
            os._exit(KILLED)

    return step


def _answer(place: Path, authority_folder: Path, now_ms: int, claim: Claim, at: int) -> None:
    mine, step = office(place, authority_folder), _killed_at(at)
    mine.time.now_ms, mine.desk.told = now_ms, step
    for name in ("node_certificate", "trust"):
        setattr(mine.authority, name, _interrupted(getattr(mine.authority, name), step))
    for event in EVENTS:
        sa.event.listen(mine.registry.engine, event, step)
    os._exit(0 if isinstance(mine.desk.claim(claim, "::1"), Granted) else UNHEARD)


def _interrupted(work: Callable[..., object], step: Step) -> Callable[..., object]:
    def run(*arguments: object) -> object:
        step()
        result = work(*arguments)
        step()
        return result

    return run


def _renew(registry: Path, at: int) -> None:
    step = _killed_at(at)

    def die(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("SELECT", "PRAGMA main.")):
            step()

    sa.event.listen(sa.Engine, "before_cursor_execute", die)
    Registry(registry)
    os._exit(0)
