"""``python -m mixedmode.services.workers DESCRIPTOR``: a worker; only :mod:`.process` starts it."""

from __future__ import annotations

import sys

from mixedmode.services.workers.worker import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
