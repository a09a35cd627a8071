"""The collector: gathers letters, commits them, and only then acknowledges them, to whoever brought them and to the
nodes. A dull thread between an inlet and a store.

Whatever goes wrong, it goes on. A store that takes nothing is tried again and nothing is acknowledged meanwhile. A
letter that can never be filed is found by taking the batch apart, then its records one by one; what is poisonous is
kept as it came and acknowledged as that, or its node would send it for ever and its watermark stand still.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from fleet.clock import steady_ms, sure_ms
from fleet.collect import LONGEST_WAIT_MS, Outgoing, acks, full, kept, sort
from fleet.inlet import Inlet, Letter
from fleet.live import Live
from fleet.postponed import Postponed
from fleet.store.store import (
    AckDue,
    Committed,
    Greeting,
    Parcel,
    PoisonError,
    Presence,
    Records,
    Store,
    StoreError,
    heard_ms,
)

LOG = logging.getLogger(__name__)
LOOK_UP_S = 1.0  # how long a thread that waits for letters says nothing
TRY_AGAIN_S = 1.0
SAY_AGAIN_MS, SAY_SELDOM_MS = 60_000, 3_600_000


def nothing(_node: str) -> Iterable[Outgoing]:
    """No orders and no desired state wait for any node."""
    return ()


def idle() -> bool:
    """No chores: nothing is left to do."""
    return False


class Complaint:
    """Says when it is time to complain, of what goes on and on: at once, after a minute, and ever less often."""

    def __init__(self) -> None:
        self._next_ms: int | None = None
        self._pause_ms = SAY_AGAIN_MS

    def due(self, now_ms: int) -> bool:
        """Whether to say it now; `now_ms` is any steady clock's."""
        if self._next_ms is not None and now_ms < self._next_ms:
            return False
        self._pause_ms = SAY_AGAIN_MS if self._next_ms is None else min(2 * self._pause_ms, SAY_SELDOM_MS)
        self._next_ms = now_ms + self._pause_ms
        return True

    def withdrawn(self) -> bool:
        """It is well: the next one is said at once. True when there was something to complain of."""
        was, self._next_ms = self._next_ms is not None, None
        return was


class Collector:
    """One thread; the only one that writes to the store."""

    def __init__(self, inlet: Inlet, store: Store, live: Live) -> None:
        self.pending: Callable[[str], Iterable[Outgoing]] = nothing  # what is sent again at every hello
        self.chores: Callable[[], bool] = idle  # a bounded turn of the store's housekeeping; whether there is more
        self.sure_ms: Callable[[], int | None] = sure_ms  # what the office tells nodes that ask for the time
        self.back_ms: Callable[[], int | None] = lambda: None  # how long a node may take to come back
        self.inlet, self.store, self.live = inlet, store, live
        self._complaint, self._untidy = Complaint(), Complaint()
        self._postponed = Postponed()
        self._more_chores = False
        self._ending = threading.Event()
        self._worker = threading.Thread(target=self._work, name="collector", daemon=True)

    def start(self) -> None:
        """Collects until `stop`."""
        self.live.turned()
        self._worker.start()

    def stop(self) -> None:
        """Commits what came in, acknowledges it, and ends."""
        self.inlet.shut()
        self._ending.set()
        self._worker.join()

    def _work(self) -> None:
        batch: Sequence[Letter] = ()
        while True:
            self.live.turned()
            try:
                batch = batch or self._gather()
                if not batch and self._ending.is_set():
                    self._say(self._postponed.all())
                    return
                batch = self.take(batch)
                self._say(self._postponed.ripe(steady_ms()))
                self.tidy()
            except Exception as error:
                self._stumble(error)
            if (batch or self.live.fault) and self._ending.wait(TRY_AGAIN_S):
                return

    def _stumble(self, error: Exception) -> None:
        LOG.error("The collector met what it did not expect. It goes on.", exc_info=error)
        self.live.failed(f"It met what it did not expect, {type(error).__name__}: {error}.")

    def _gather(self) -> list[Letter]:
        """The next batch; empty when nothing came for a while."""
        batch: list[Letter] = []
        since, size, wait_s = 0, 0, 0 if self._more_chores else LOOK_UP_S
        while letter := self.inlet.receive(wait_s):
            since = since if batch else steady_ms()
            batch.append(letter)
            size += len(letter.message.payload)
            now = steady_ms()
            if full(len(batch), since, now, size):
                break
            wait_s = (since + LONGEST_WAIT_MS - now) / 1000
        return batch

    def tidy(self) -> None:
        """One turn of the chores. What goes wrong with them costs no letter, and is tried again."""
        try:
            self._more_chores = self.chores()
            self._untidy.withdrawn()
        except Exception as error:
            self._more_chores = False
            if self._untidy.due(steady_ms()):
                LOG.error("The store's housekeeping failed (%s). Nothing is lost; it is tried again.", error)

    def take(self, batch: Sequence[Letter]) -> Sequence[Letter]:
        """Files a batch; what is left of it when the store could take nothing just now."""
        try:
            if batch:
                self._file(batch)
        except PoisonError as error:
            return self._take_apart(batch, error)
        except StoreError as error:
            return self._later(batch, error)
        except Exception as error:
            self._stumble(error)
            return self._take_apart(batch, error)
        return ()

    def _later(self, batch: Sequence[Letter], error: StoreError) -> Sequence[Letter]:
        if self._complaint.due(steady_ms()):
            LOG.error("The store took nothing (%s). Nothing is acknowledged, nodes keep their readings.", error)
        self.live.failed(f"The store took nothing, {error}.")
        return batch

    def _take_apart(self, batch: Sequence[Letter], error: Exception) -> Sequence[Letter]:
        if len(batch) == 1:
            return self._set_aside(batch[0], f"{type(error).__name__}: {error}")
        for number, letter in enumerate(batch):
            if self.take([letter]):
                return batch[number:]
        return ()

    def _file(self, batch: Sequence[Letter]) -> None:
        parcels = [parcel for letter in batch if (parcel := sort(letter.message)) is not None]
        self._answer(parcels, self.store.commit(parcels), batch)

    def _set_aside(self, letter: Letter, why: str) -> Sequence[Letter]:
        """Keeps what can be kept of a letter that cannot be filed whole; the letter again to try it later."""
        LOG.error("A message on %s cannot be filed (%s). It is kept as it came.", letter.message.topic, why)
        try:
            for parcel in kept(letter.message, why):
                self._answer([parcel], self._keep(parcel))
        except PoisonError as error:
            LOG.error("A message on %s can be neither filed nor kept (%s).", letter.message.topic, error)
            self.live.unkeepable()
        except StoreError as error:
            return self._later([letter], error)
        self.inlet.accept([letter])
        return ()

    def _keep(self, parcel: Parcel) -> Committed:
        """Files one record, or a message that is not one; a record that is poison is set aside."""
        try:
            return self.store.commit([parcel])
        except PoisonError as error:
            if not isinstance(parcel, Records):
                raise
            return self.store.quarantine(parcel, str(error))

    def _acks(self, parcels: Sequence[Parcel], done: Committed) -> list[Outgoing]:
        greeted = any(isinstance(parcel, Greeting) for parcel in parcels)
        due = self._postponed.sift(done.acks, parcels, steady_ms())
        return acks(due, parcels, self.sure_ms(), self.back_ms()) if greeted else acks(due)

    def _say(self, due: Sequence[AckDue]) -> None:
        """Acks that have waited long enough."""
        for message in acks(due):
            self.inlet.publish(message, qos=0)

    def _answer(self, parcels: Sequence[Parcel], done: Committed, letters: Sequence[Letter] = ()) -> None:
        """Tells broker, nodes and watchers. It is committed: what fails here is asked again."""
        try:
            self.inlet.accept(letters)
            for message in self._acks(parcels, done):
                self.inlet.publish(message, qos=0)
            for parcel in parcels:
                self.live.heard(parcel.node, heard_ms(parcel), online_of(parcel))
                if isinstance(parcel, Greeting):
                    for message in self.pending(parcel.node):
                        self.inlet.publish(message)
        except Exception:
            LOG.exception("An answer could not be given. Everything is stored; nodes ask again.")
        if self._complaint.withdrawn():
            LOG.info("The store takes what comes in again.")
        self.live.stored(done.rows, done.duplicates, done.quarantined)


def online_of(parcel: Parcel) -> bool | None:
    """What a parcel says of its node's presence."""
    if isinstance(parcel, Presence):
        return parcel.status.online
    return True if isinstance(parcel, Greeting) else None
