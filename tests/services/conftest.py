"""The tests of the compiled parts need them; a machine without a compiler or OpenSSL's headers runs all others."""

from __future__ import annotations

from importlib.util import find_spec

_NEEDS = {
    "test_tftp_lanes.py": "_lockstep",
    "test_tls_pump.py": "_tls",
    "test_tls_transport.py": "_tls",
}

collect_ignore = [name for name, module in _NEEDS.items() if find_spec(f"mixedmode.services.{module}") is None]


def pytest_report_header() -> list[str]:
    return [f"not compiled, so not tested: {', '.join(collect_ignore)}"] if collect_ignore else []
