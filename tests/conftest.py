"""What holds for every test."""

from __future__ import annotations

import gc
import os

import hypothesis

# A busy machine is no fault of the code: what must be fast is measured in bench/, against a peer in the same run.
hypothesis.settings.register_profile("mixedmode", deadline=None)
hypothesis.settings.load_profile("mixedmode")

# One process for a node, unless a test wants more: a process a core is for machines that do nothing else.
os.environ.setdefault("MIXEDMODE_NODE__WORKERS", "1")

# As the command does it: most of what the collector looks through in a test lives on.
gc.set_threshold(50_000, 20, 10)
