"""The configurations of all devices, built and signed before the phones ask.

Rules:

1. A thread goes through the devices whenever the cluster has changed, and begins again when it changes meanwhile.
2. It works for a share of the time only, a few milliseconds at once: phones that ask are served meanwhile.
3. What it has not come to is built when a phone asks, as is what finds no room: it turns nothing out.
4. A database that is down is asked again after a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Event, Thread
from time import perf_counter
from typing import Final

from mixedmode.cluster.model.records import Device
from mixedmode.errors import MixedModeError
from mixedmode.services.files.configs import ConfigStore

SHARE: Final = 0.3
"""Of the time, at most."""
_AT_ONCE_SECONDS: Final = 0.004
_AGAIN_SECONDS: Final = 1.0
"""How often a database that is down is asked."""


class Ahead:
    """Keeps configurations ready.

    Args:
        configs: Builds and keeps them.
        devices: Reads the devices of the cluster.
        share: Of the time that it may work.
    """

    def __init__(self, configs: ConfigStore, devices: Callable[[], Iterable[Device]], *, share: float = SHARE) -> None:
        self._configs, self._devices, self._share = configs, devices, share
        self._ended = Event()
        self._thread: Thread | None = None

    @property
    def levels(self) -> Mapping[str, int]:
        """How many files are ready, and how many signatures were made."""
        return {"configurations_ready": self._configs.ready_count, "configurations_signed": self._configs.signed}

    def start(self) -> None:
        """Begin, unless it runs."""
        if self._thread is None:
            self._ended.clear()
            self._thread = Thread(target=self._run, name="configurations", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            self._configs.wake()
            thread.join()

    def _run(self) -> None:
        done = -1
        while not self._ended.is_set():
            state = self._configs.state
            if state == done:
                self._configs.wait_for_change(done, self._ended.is_set)
                continue
            try:
                if self._go_through(state):
                    done = state
            except MixedModeError:
                self._ended.wait(_AGAIN_SECONDS)

    def _go_through(self, state: int) -> bool:
        """Go through all devices; return whether the cluster is still in that state."""
        begun = perf_counter()
        for device in self._devices():
            if not self._configs.make_ready(device, state):
                return True
            spent = perf_counter() - begun
            if spent >= _AT_ONCE_SECONDS:
                if self._ended.wait(spent * (1 - self._share) / self._share):
                    return False
                begun = perf_counter()
            if state != self._configs.state:
                return False
        self._configs.drop_older(state)
        return True
