"""The line to the office's desk: HTTPS to the one address on the card, and nothing believed that is not the office's.

Whatever else may answer there (a network with a login page, a proxy, another service, somebody in between) is a network
that does not let us through: it is told so, and asked again later. No redirect is followed, no proxy asked, answers are
bounded in length and time. Only the short-lived `edge enrol` speaks here, never the agent.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse, HTTPSConnection, InvalidURL
from typing import TypeVar
from urllib.parse import urlsplit

from edge.office import ANEW, OfficeError, shown
from edge.tls import NO_TLS, Pinned, Untimely
from edge.wire.enrolment import CLAIM_PATH, TIME_PATH, Claim, Granted, Refused, TimeTold
from edge.wire.messages import MessageError, from_json, to_json

LARGEST_ANSWER = 64 * 1024
PIECE = 4096
CALM_S = 20.0  # without a byte for so long, nobody is there
WHOLE_MS = 60_000
NETWORK = "Check the network; this node tries again by itself."
OK = 200
T = TypeVar("T", TimeTold, Granted, Refused)


class Unreachable(Exception):
    """The desk did not answer: `why` in one word ("network" or "trust"), `what` and `remedy` in sentences."""

    def __init__(self, why: str, what: str, remedy: str = NETWORK) -> None:
        super().__init__(what)
        self.why, self.what, self.remedy = why, what, remedy


class DeskLine:
    """Raises OfficeError for an address that is none."""

    def __init__(self, url: str, context: Pinned, boot_ms: Callable[[], int], calm_s: float = CALM_S) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 443
            HTTPSConnection(host, port, context=context)  # which knows what no host can be called
        except (ValueError, InvalidURL):
            parts, host, port = None, "", 0
        if parts is None or parts.scheme != "https" or not host:
            raise OfficeError("The card names no desk: what stands under enrol is no https:// address.", ANEW)
        self._host, self._port, self._context = host, port, context
        self._boot_ms, self._calm_s = boot_ms, calm_s

    @property
    def where(self) -> str:
        """For people."""
        return shown(self._host, self._port)

    def time_ms(self) -> int | None:
        """Unix ms as the office is sure of them; None when it is not. No secret is sent. Raises Unreachable."""
        status, body = self._ask("GET", TIME_PATH, None)
        told = _read(TimeTold, body) if status == OK else None
        return told.now_ms if told is not None else None

    def claim(self, claim: Claim) -> Granted | Refused:
        """What the office says to it. Raises Unreachable."""
        status, body = self._ask("POST", CLAIM_PATH, to_json(claim))
        answer = _read(Granted, body) if status == OK else _read(Refused, body)
        if answer is None:
            raise Unreachable("network", f"What answers at {self.where} is not the office's desk (status {status}): "
                              "another service, or a network with a login.")  # fmt: skip
        return answer

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        line = HTTPSConnection(self._host, self._port, timeout=self._calm_s, context=self._context)
        until_ms = self._boot_ms() + WHOLE_MS
        try:
            line.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = line.getresponse()
            return answer.status, self._body(answer, until_ms)
        except Untimely as error:
            raise Unreachable("trust", f"The certificate of the desk at {self.where} is not good now: {error.args[0]}.",
                              "See whether the office is well (fleet health), and this node's clock (edge status). If "
                              "it once learnt a wrong time: fleet card token NODE DIR in the office, and put the file "
                              "here; no reading is lost by that.") from None  # fmt: skip
        except ssl.SSLCertVerificationError:
            raise Unreachable("trust", f"What answers at {self.where} is not the office that the card names: a network "
                              "with a login, or somebody in between. Nothing was told to it.") from None  # fmt: skip
        except ssl.SSLError as error:
            raise Unreachable("network", _no_desk(error.reason or "it broke", self.where)) from None
        except (OSError, HTTPException, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable("network", f"The desk at {self.where} cannot be reached: {why}.") from None
        finally:
            line.close()

    def _body(self, answer: HTTPResponse, until_ms: int) -> bytes:
        """Raises HTTPException when it is too long, or takes too long."""
        body = b""
        while piece := answer.read1(PIECE):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise HTTPException("the answer is too long")
            if self._boot_ms() > until_ms:
                raise HTTPException("the answer takes too long")
        return body


def _no_desk(reason: str, where: str) -> str:
    """What OpenSSL says of who answers there, in a sentence."""
    if any(word in reason for word in NO_TLS):
        return f"What answers at {where} speaks no TLS: another service, or a network with a login."
    if "CERTIFICATE_REQUIRED" in reason:
        return f"What answers at {where} asks for a certificate, as brokers do and no desk does: look at the port."
    return f"There is no TLS with {where}: {reason}."


def _read(kind: type[T], body: bytes) -> T | None:
    try:
        return from_json(kind, body)
    except MessageError:
        return None
