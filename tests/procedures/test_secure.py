"""Secure phones, rehearsed: certificates, profiles, calls; what is foreseen and what phones do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mixedmode.pki.certificates.profiles import KeyKind, generate_key
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.secure import SECURE
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.rehearse import rehearse
from tests.pki.material import key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

CALLS = {
    "secure-phones": "SRTP, lock",
    "back-to-non-secure": "RTP, no icon",
    "lsc-expired": "SRTP, lock",
    "capf-regenerated": "SRTP, lock",
}
A, B = "SEP001122334401", "SEP001122334402"


def known_keys() -> Callable[[KeyKind], PrivateKey]:
    numbers = count(20)
    return lambda kind: key(kind, next(numbers)) if kind is KeyKind.RSA_2048 else generate_key(kind)


@pytest.mark.parametrize("name", [each.name for each in SECURE])
def test_a_rehearsal_ends_as_it_was_foreseen(name: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", LabSpec(nodes=1, models=("7975", "7940")), make_key=known_keys())
    report = asyncio.run(rehearse(PROCEDURES[name], lab))
    assert report.held, [finding for finding in report.checks if not finding.held]
    assert "# Forecast: 2 of 2 phones did what was foreseen" in report.transcript
    forecast = report.transcript.index("# Forecast: what every phone will do")
    orders = [at for at, line in enumerate(report.transcript) if line.startswith("$ mixedmode capf set NAME install")]
    assert orders
    assert f"# {A} calls {B}: {CALLS[name]}" in report.transcript
    if name == "secure-phones":
        assert forecast < orders[0], "what phones will do is printed before anything is done"


def test_each_of_them_checks_how_phones_are_registered_and_call() -> None:
    assert list(CALLS) == [each.name for each in SECURE]
    for procedure in SECURE:
        checks = {check.name for step in procedure.own_steps() for check in step.after}
        assert checks & {"every-phone-encrypted", "every-phone-in-the-clear"}
        assert checks & {"every-call-encrypted", "every-call-in-the-clear"}
