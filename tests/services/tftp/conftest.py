"""The tests of the compiled loop need it; a machine without a compiler runs all others."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("mixedmode.services.tftp._lockstep") else ["test_tftp_lanes.py"]


def pytest_report_header() -> list[str]:
    return [f"not compiled, so not tested: {', '.join(collect_ignore)}"] if collect_ignore else []
