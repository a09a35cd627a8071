"""The way to the office of a node that is known by its certificate: fetches it, shows it, renews it, proves it.

To the agent it is a link like any other. Behind it stands the link of the certificate that is in use, or none while
there is none: then the node samples and journals as ever, and each attempt to connect says what is missing. What is to
be done when is decided in `renewal`; the work is done by a child, and sampling never waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.certcheck import CertificateView, certificate
from edge.effects import Ready
from edge.events import Claimed, Connected, Event, FromLink, Lost
from edge.identity import Held, Identity, Papers, Which, folder, private
from edge.link import Link
from edge.office import Card, OfficeError, read_card, wipe_token
from edge.renewal import Ask, Note, Promote, Reconnect, Renewal, Step
from edge.validity import Moment
from edge.wire.messages import CheckResult

ROOM = "Make room, or see why the card refuses: dmesg"
NOT_YET = "this node has no certificate yet"
Dial = Callable[[Which, Papers, Callable[[], Moment]], Link]  # raises OfficeError
Put = Callable[[Event], None]


class Asker(Protocol):
    """Who asks the desk, elsewhere; the answer comes by `told`, exactly once for each `start`."""

    def start(self, again: bool, told: Callable[[Claimed], None]) -> None: ...
    def stop(self) -> None: ...


class Place(Protocol):
    """The credentials file and what lies beside it. Raises OfficeError, OSError."""

    def identity(self) -> Identity: ...
    def wipe(self) -> bool: ...


class Beside:
    """The real one."""

    def __init__(self, credentials: Path, node: str) -> None:
        self.credentials, self._node = credentials, node

    def identity(self) -> Identity:
        """The folder as it is now, with the trust of the card as it is now."""
        card = read_card(self.credentials, self._node)
        private(self.credentials)
        disk = folder(self.credentials)
        if not isinstance(card, Card):
            return Identity(disk)
        return Identity(disk, card.trust, bool(card.token), card.vouched_ms)

    def wipe(self) -> bool:
        """Take the token out of the card; whether there was one."""
        return wipe_token(self.credentials, self._node)


class Registrar:
    """A Link. Called by the agent's thread only; `moment` is set by whoever knows the time."""

    def __init__(
        self, place: Place, dial: Dial, asker: Asker, put: Put, random: Callable[[], float], now_ms: int = 0
    ) -> None:
        self.moment: Callable[[], Moment] = lambda: Moment(None, 0, 0)
        self._place, self._dial, self._asker, self._put = place, dial, asker, put
        self.trouble: OfficeError | None = None
        self._card_ms: int | None = None  # what a card with a token says of the time
        self._honoured_ms: int | None = None  # ... and said when we last did what it says
        self._renewal = Renewal(self._held() or Held(), random, now_ms)
        self._links: dict[Papers, Link] = {}
        self._link: Link | None = None
        self._papers: Papers | None = None  # what we connected with
        self._unkept: Papers | None = None  # proven, and not yet written down
        self._unwiped = False
        self._note: Callable[..., None] = lambda what, now_ms, /, **details: None
        self._tell: Callable[[Ready, int], None] = lambda ready, now_ms: None
        self._vouched: Callable[[int], bool] = lambda unix_ms: False

    def attached(
        self, note: Callable[..., None], tell: Callable[[Ready, int], None], vouched: Callable[[int], bool]
    ) -> Registrar:
        """`note(what, now_ms, **details)` is told what is worth an event, `tell(Ready(), now_ms)` that there is
        something new to connect with, `vouched(unix_ms)` what time a new card says; it answers whether the floor sank.
        """
        self._note, self._tell, self._vouched = note, tell, vouched
        return self

    def _identity(self) -> Identity | None:
        """The folder; None when it cannot be used, which is then the trouble."""
        try:
            identity = self._place.identity()
        except OfficeError as error:
            self.trouble = error
            return None
        except OSError as error:
            self._ail("The certificate cannot be read", error)
            return None
        self.trouble, self._card_ms = None, identity.vouched_ms
        return identity

    def _held(self) -> Held | None:
        identity = self._identity()
        try:
            return identity.held() if identity is not None else None
        except OSError as error:
            self._ail("The certificate cannot be read", error)
            return None

    def _ail(self, what: str, error: OSError) -> None:
        self.trouble = OfficeError(f"{what}: {error.strerror or error}.", ROOM)

    # As a link.

    def connect(self, broker: int = 0) -> None:
        self.disconnect()
        self._look()
        which = self._renewal.choose()
        try:
            link = self._chosen(which) if which is not None else None
        except OfficeError as error:
            self._put(Lost(error.what.rstrip("."), "certificate"))
            return
        if link is None:
            self._put(Lost(self.trouble.what.rstrip(".") if self.trouble else NOT_YET, "certificate"))
            return
        self._link = link
        link.connect(broker)

    def _chosen(self, which: Which) -> Link | None:
        """The link of this certificate, which is dear to make. Raises OfficeError."""
        identity = self._identity()
        try:
            papers = identity.papers(which) if identity is not None else None
        except OSError as error:
            self._ail("The certificate cannot be read", error)
            return None
        if papers is None:
            return None
        if papers not in self._links:
            self._links = {papers: self._dial(which, papers, lambda: self.moment())}
        self._papers = papers
        return self._links[papers]

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        return self._link.publish(kind, payload, qos, retain) if self._link is not None else None

    def disconnect(self, wait_s: float = 0.0) -> None:
        if self._link is not None:
            self._link.disconnect(wait_s)
        self._link = None

    # As who has a certificate.

    @property
    def due_ms(self) -> int | None:
        """When `tick` is wanted."""
        return self._renewal.due_ms

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        if self._unkept is not None or self._unwiped:
            self._keep()
        due = (due_ms := self._renewal.due_ms) is not None and now_ms >= due_ms
        if due:
            self._look()
        self._honour(now_ms)
        if due:
            self._take(self._renewal.tick(self.moment(), now_ms), now_ms)

    def told(self, event: FromLink | Claimed, now_ms: int) -> None:
        """Something came from the link, or the desk answered, or did not."""
        steps: list[Step] = []
        match event:
            case Connected():
                steps = self._renewal.took(now_ms)
            case Lost(reason, cause):
                steps = self._renewal.lost(cause, reason, now_ms)
            case Claimed():
                held = self._held()
                steps = self._renewal.claimed(event, self._renewal.held if held is None else held, now_ms)
        self._take(steps, now_ms)

    def stop(self) -> None:
        """End the child, if one is at work."""
        self._asker.stop()

    def check(self) -> CheckResult:
        """How it stands."""
        held, renewal = self._renewal.held, self._renewal
        trouble = (self.trouble.what, self.trouble.remedy) if self.trouble is not None else ("", "")
        now = self.moment()
        not_taken = renewal.wanted(now) == "not taken"
        return certificate(CertificateView(now, held.next or held.own, renewal.last, not_taken, *trouble))

    def _look(self) -> None:
        """At the folder, which others write too."""
        if (held := self._held()) is not None:
            self._renewal.hold(held)

    def _honour(self, now_ms: int) -> None:
        """What the time on a new card voids, is void; and with its token there may be more luck than before."""
        unix_ms = self._card_ms
        if unix_ms is None or unix_ms == self._honoured_ms:
            return
        self._honoured_ms = unix_ms
        if self._vouched(unix_ms):
            self._note("floor lowered", now_ms, to_ms=unix_ms)
        self._take(self._renewal.carded(now_ms), now_ms)

    def _take(self, steps: list[Step], now_ms: int) -> None:
        for step in steps:
            match step:
                case Ask(again):
                    self._asker.start(again, self._put)
                case Reconnect():
                    self._tell(Ready(), now_ms)
                case Promote():
                    self._unkept, self._unwiped = self._papers, True
                    self._keep()
                case Note(what, details):
                    self._note(what, now_ms, **details)

    def _keep(self) -> None:
        """Write down what was proven, and wipe what was used up; again at the next tick while the disk refuses."""
        identity = self._identity()
        if identity is None:
            return
        try:
            if self._unkept is not None:
                identity.promote(self._unkept)
                self._unkept = None
                self._renewal.hold(identity.held())
            if self._unwiped:
                self._place.wipe()
                self._unwiped = False
        except OfficeError as error:
            self.trouble = error
        except OSError as error:
            self._ail("The certificate that was proven cannot be kept, or the token not be wiped", error)
