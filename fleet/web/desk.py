"""The desk's door: two questions over HTTPS, may I have a certificate, and what time is it.

Whoever comes here is nobody yet, so everything is bounded before it is believed: how long a connection lives, how many
one address may hold, how long and how large a body may be. No answer and no log repeats what was sent, and no fault of
ours is shown. A forwarded address is not believed either: the nodes pin this very certificate, so nobody stands
between. The certificate is looked at for each handshake, for it is renewed while the office runs.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.wire.enrolment import CLAIM_PATH, LARGEST_CLAIM, TIME_PATH, Claim, Granted, Refused, TimeTold, Why
from edge.wire.jsontext import MessageError, from_json, to_json
from fleet.broker import check_free, see_port
from fleet.clock import Clock, sure_ms
from fleet.desk import Desk, neighbourhood, refused

LOG = logging.getLogger(__name__)
BODY_S = 10.0  # a claim is two kilobytes
LONGEST_S = 30.0  # for a connection, whatever happens on it
MOST_CONNECTIONS, MOST_OF_ONE = 1024, 256
STOP_S = 5.0
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Connection": "close"}
NO_TIME = Refused(Why.BUSY, "The office is not sure of the time itself.", "wait, or ask another source")
NO_CLAIM = Refused(Why.REQUEST, "What came is no claim.", "edge enrol")
TOO_LARGE = Refused(Why.REQUEST, f"A claim has at most {LARGEST_CLAIM} bytes.", "edge enrol")
TOO_SLOW = Refused(Why.BUSY, "The claim did not come in time.", "wait: it is asked again")
Answer = Callable[[Request], Awaitable[Response]]


class TooLarge(Exception):
    """A body beyond what a claim can need."""


def app(desk: Desk, sure: Callable[[], int | None], body_s: float = BODY_S) -> Starlette:
    """The desk over HTTP; `sure` tells Unix ms or None, a body may take `body_s` real seconds."""

    async def claim(request: Request) -> Response:
        async with asyncio.timeout(body_s):
            body = await _body(request)
        peer = request.client.host if request.client else ""
        return _said(await run_in_threadpool(desk.claim, from_json(Claim, body), peer))

    async def time(_request: Request) -> Response:
        now_ms = await run_in_threadpool(sure)
        return _said(NO_TIME if now_ms is None else TimeTold(now_ms))

    routes = [Route(CLAIM_PATH, _kept(claim), methods=["POST"]), Route(TIME_PATH, _kept(time), methods=["GET"])]
    page = Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})
    page.router.redirect_slashes = False  # it would repeat what was asked
    return page


def _kept(answer: Answer) -> Answer:
    """The answer, or a refusal: no fault of theirs or ours goes beyond this."""

    async def respond(request: Request) -> Response:
        try:
            return await answer(request)
        except MessageError:
            return _said(NO_CLAIM)
        except TooLarge:
            return _said(TOO_LARGE, 413)
        except TimeoutError:
            return _said(TOO_SLOW, 408)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            LOG.error("The desk could not answer: %s.", type(error).__name__)
            return _said(refused(Why.BUSY))

    return respond


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_CLAIM:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


async def _elsewhere(_request: Request, error: Exception) -> Response:
    """Another path, or another method."""
    assert isinstance(error, HTTPException)
    response = _said(NO_CLAIM, error.status_code)
    response.headers.update(error.headers or {})
    return response


def _said(answer: Granted | Refused | TimeTold, status: int = 0) -> Response:
    if not status:
        status = 200 if not isinstance(answer, Refused) else {Why.REQUEST: 400, Why.BUSY: 503}.get(answer.why, 403)
    return Response(to_json(answer), status, HEADERS, "application/json")


class FreshContext(ssl.SSLContext):
    """A server's context that shows in each handshake the certificate that lies in the files by then."""

    def __new__(cls, certificate: Path, key: Path) -> FreshContext:
        """Raises OSError when the files cannot be used; later the last good ones are used on."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        _load(context, certificate, key)
        shown, stamp = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), None

        def freshen(connection: ssl.SSLObject | ssl.SSLSocket, _name: str, _context: ssl.SSLContext) -> None:
            nonlocal shown, stamp
            try:
                found = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in (certificate, key)]
                if found != stamp:
                    renewed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    _load(renewed, certificate, key)
                    shown, stamp = renewed, found
            except OSError as error:
                LOG.error("The desk's certificate cannot be read anew: %s.", error.strerror)
            if stamp is not None:
                connection.context = shown

        context.sni_callback = freshen  # OpenSSL calls it for every hello, whether it names a host or not
        return context

    def __init__(self, certificate: Path, key: Path) -> None:
        pass


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)


def brief(longest_s: float) -> type[H11Protocol]:
    """Connections that end after so many seconds."""

    class Brief(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.end = self.loop.call_later(longest_s, transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.end.cancel()

    return Brief


class Call(socket.socket):
    """A connection that says when it is closed."""

    ended: Callable[[], None] = staticmethod(lambda: None)

    def close(self) -> None:
        super().close()
        ended, self.ended = self.ended, lambda: None
        ended()


class Doorway(socket.socket):
    """A listening socket through which so many come at a time, and so many of one address.

    They are counted from the first moment: who never says hello in TLS holds a file of this process as well, and
    without files registry and store cannot be opened.
    """

    held: Counter[str]
    most, most_of_one = MOST_CONNECTIONS, MOST_OF_ONE

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises ConnectionAbortedError when there is no room, which asyncio passes over."""
        handle, address = self._accept()  # type: ignore[attr-defined]
        call = Call(self.family, self.type, self.proto, handle)
        whose = neighbourhood(address[0])
        if self.held.total() >= self.most or self.held[whose] >= self.most_of_one:
            call.close()
            raise ConnectionAbortedError
        self.held[whose] += 1
        call.ended = lambda: self._gone(whose)
        return call, address

    def _gone(self, whose: str) -> None:
        self.held[whose] -= 1
        if not self.held[whose]:
            del self.held[whose]


class OpenDesk:
    """The desk while it can be reached: a thread of its own, until `close`. Raises Trouble, OSError."""

    def __init__(
        self, desk: Desk, authority: Path, host: str, port: int, clock: Clock | None = None,
        body_s: float = BODY_S, longest_s: float = LONGEST_S, most_of_one: int = MOST_OF_ONE,
        sure: Callable[[], int | None] | None = None,
    ) -> None:  # fmt: skip
        context = FreshContext(authority / "desk.pem", authority / "desk.key")
        self._door = _listening(host, port, most_of_one)
        self.port: int = self._door.getsockname()[1]
        config = _config(app(desk, sure or (lambda: sure_ms(clock)), body_s), brief(longest_s))
        config.load()
        config.ssl = context
        self._server = uvicorn.Server(config)
        work: dict[str, Any] = {"sockets": [self._door]}
        self._thread = threading.Thread(target=self._server.run, kwargs=work, name="desk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No further claims; those that are being answered still are."""
        self._server.should_exit = True
        self._thread.join(STOP_S)
        self._door.close()


def _config(page: Starlette, protocol: type[H11Protocol]) -> uvicorn.Config:
    return uvicorn.Config(page, http=protocol, ws="none", loop="asyncio", lifespan="off", log_config=None,
                          log_level="error", access_log=False, server_header=False, proxy_headers=False,
                          timeout_keep_alive=1, timeout_graceful_shutdown=1,
                          limit_concurrency=MOST_CONNECTIONS)  # fmt: skip


def _listening(host: str, port: int, most_of_one: int) -> Doorway:
    if port:
        check_free(host, port, "The desk", see_port(port, "enrol"))
    family, both = socket.AF_INET6 if ":" in host else socket.AF_INET, host == "::" and socket.has_dualstack_ipv6()
    plain = socket.create_server((host, port), family=family, dualstack_ipv6=both)
    door = Doorway(plain.family, plain.type, plain.proto, plain.detach())
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    door.held, door.most, door.most_of_one = Counter(), min(MOST_CONNECTIONS, files // 2), most_of_one
    return door
