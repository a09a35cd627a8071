"""The office's page: a map of the sites, each node's state, and charts that move as readings arrive.

It answers only to names of this machine's loopback and to the host it was told to listen on (so that a page elsewhere
cannot look in by DNS rebinding; a reverse proxy asks for it by such a name), loads nothing from anybody else, and can
change nothing: there is no request here that writes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fleet.web.view import View

STATIC = Path(__file__).parent / "static"
MOST_POINTS = 2_000
LOOK_S = 0.5
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
HOSTS = ["localhost", "127.0.0.1", "[::1]"]
WHOLE = re.compile(r"-?[0-9]{1,15}")
Answer = Callable[[Request], Awaitable[Response]]


def app(view: View, look_s: float = LOOK_S, hosts: Sequence[str] = ()) -> Starlette:
    """The page over this view, under `hosts` too; `look_s` real seconds between two looks for something new."""
    routes = [
        Route("/", lambda request: FileResponse(STATIC / "index.html", headers=HEADERS)),
        Route("/api/nodes", _json(lambda request: view.nodes())),
        Route("/api/series", _json(lambda request: view.series(_text(request, "node")))),
        Route("/api/readings", _json(lambda request: _points(view, request))),
        Route("/api/streets", _json(lambda request: view.streets())),
        Route("/api/live", _live(view, look_s)),
        Mount("/static", _Static(directory=STATIC)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[*HOSTS, *hosts])])


class _Static(StaticFiles):
    """Our files, with the same headers as the page."""

    def file_response(self, *arguments: object, **keywords: object) -> Response:
        response: Response = super().file_response(*arguments, **keywords)  # type: ignore[arg-type]
        response.headers.update(HEADERS)
        return response


class _Refusal(Exception):
    """A request that cannot be answered: the sentence says what would be."""


def _json(answer: Callable[[Request], object]) -> Answer:
    async def respond(request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(answer, request), headers=HEADERS)
        except _Refusal as refusal:
            return JSONResponse({"error": str(refusal)}, status_code=400, headers=HEADERS)

    return respond


def _points(view: View, request: Request) -> object:
    series, points = _number(request, "series"), _number(request, "points", MOST_POINTS)
    if series is None:
        raise _Refusal("series: give the id of a series, as /api/series lists them")
    most = max(2, min(points or MOST_POINTS, MOST_POINTS))
    return view.points(series, _number(request, "from"), _number(request, "to"), most)


def _text(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise _Refusal(f"{name}: must be given")
    return value


def _number(request: Request, name: str, default: int | None = None) -> int | None:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not WHOLE.fullmatch(value):
        raise _Refusal(f"{name}: must be a whole number")
    return int(value)


def _live(view: View, look_s: float) -> Answer:
    async def events() -> AsyncIterator[str]:
        seen = -1
        while True:
            marker = await run_in_threadpool(view.marker)
            if marker != seen:
                seen = marker
                yield f"data: {marker}\n\n"
            await asyncio.sleep(look_s)

    async def respond(request: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    return respond
