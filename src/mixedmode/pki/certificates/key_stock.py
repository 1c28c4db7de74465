"""Keys that are made while something else goes on: RSA keys take long, and another core has time."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mixedmode.pki.certificates.profiles import generate_key

if TYPE_CHECKING:
    from mixedmode.pki.certificates.purposes import KeyKind
    from mixedmode.pki.signing.signer import PrivateKey


class KeyStock:
    """So many keys of one kind, made in threads from now on. What is left at the end was never anybody's.

    Args:
        kind: Their kind.
        count: How many.
    """

    def __init__(self, kind: KeyKind, count: int) -> None:
        self._kind = kind
        # One core is left to who waits for the keys; OpenSSL makes them without Python's lock.
        self._pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="key-stock")
        self._coming: deque[Future[PrivateKey]] = deque(self._pool.submit(generate_key, kind) for _ in range(count))

    def take(self, kind: KeyKind) -> PrivateKey:
        """Return a key that nobody else gets: one of the stock, or a new one; several threads may ask."""
        try:
            coming = self._coming.popleft() if kind is self._kind else None
        except IndexError:
            coming = None
        # One that no thread has begun is sooner made here.
        return generate_key(kind) if coming is None or coming.cancel() else coming.result()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        """Begin no more keys."""
        self._pool.shutdown(wait=False, cancel_futures=True)
