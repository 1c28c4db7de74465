"""Signing requests and imported certificates survive an interruption at any step: all of it happened, or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.engine.journal import Journal
from mixedmode.cluster.engine.results import DONE, RUNNING
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.operations.identity.certificate_import import (
    ImportCertificate,
    ImportRefusedError,
    chain_of,
)
from mixedmode.cluster.operations.identity.certificates import ImportTrust
from mixedmode.cluster.operations.identity.csr import RequestCertificate, needed_request, pending_request
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from tests.cluster.building import PUB, itl_of
from tests.openssl_ca import OpenSslAuthority
from tests.pki.zoo import CA_FALSE, CERT_SIGN, MICROSOFT, PLAIN, certificate

TOMCAT: dict[str, Any] = {"node": PUB, "unit": "tomcat"}
CALLMANAGER: dict[str, Any] = {"node": PUB, "unit": "CallManager"}


def interrupt(patch: pytest.MonkeyPatch, position: int, state: str) -> None:
    """Cut the process off when a step begins, or when it ended and was not yet marked."""
    real = Journal.step

    def step(self: Journal, number: int, at: int, now: str, *rest: Any) -> None:
        if (at, now) == (position, state):
            raise KeyboardInterrupt
        real(self, number, at, now, *rest)

    patch.setattr(Journal, "step", step)


def settle(cluster: Cluster) -> str:
    result = cluster.operations.resume_or_rollback()
    assert result is not None
    return result.outcome


@pytest.mark.parametrize("state", [RUNNING, DONE])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_interrupted_request(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, position: int, state: str) -> None:
    cluster.run(RequestCertificate(**TOMCAT))
    folder = cluster.folder(PUB)
    before = needed_request(folder, Purpose.TOMCAT).request.pem
    with monkeypatch.context() as patch:
        interrupt(patch, position, state)
        with pytest.raises(KeyboardInterrupt):
            cluster.run(RequestCertificate(**TOMCAT))
    done = settle(cluster) == "done"
    assert done is ((position, state) >= (1, DONE) and (position, state) != (1, RUNNING))
    assert (needed_request(folder, Purpose.TOMCAT).request.pem != before) is done
    assert [path.name for path in folder.keys.glob("*request*")] == ["tomcat.request"]


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("state", [RUNNING, DONE])
@pytest.mark.parametrize("position", [0, 1, 2, 3, 4])
def test_an_interrupted_import(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, position: int, state: str
) -> None:
    authority = OpenSslAuthority.make(tmp_path, "Root")
    cluster.run(ImportTrust("CallManager-trust", authority.pem))
    cluster.run(RequestCertificate(**CALLMANAGER))
    folder, before = cluster.folder(PUB), cluster.own_certificate(PUB, "CallManager")
    signed = authority.sign(needed_request(folder, Purpose.CALLMANAGER).request.pem.decode())
    with monkeypatch.context() as patch:
        interrupt(patch, position, state)
        with pytest.raises(KeyboardInterrupt):
            cluster.run(ImportCertificate(pem=signed, **CALLMANAGER))
    done = settle(cluster) == "done"
    now = cluster.own_certificate(PUB, "CallManager")
    assert (now != before) is done
    assert cluster.signer(PUB, "CallManager").certificate == now
    assert itl_of(cluster).header.signer_serial == now.serial
    assert (pending_request(folder, Purpose.CALLMANAGER) is None) is done
    assert len(folder.key_names()) == 6
    if not done:  # and then it can be tried again
        cluster.run(ImportCertificate(pem=signed, **CALLMANAGER))
        assert cluster.own_certificate(PUB, "CallManager") != before


@pytest.mark.interop("openssl")
def test_the_plan_tells_what_an_import_does(cluster: Cluster, tmp_path: Path) -> None:
    authority = OpenSslAuthority.make(tmp_path, "Root")
    cluster.run(RequestCertificate(**TOMCAT))
    signed = authority.sign(needed_request(cluster.folder(PUB), Purpose.TOMCAT).request.pem.decode())
    refused = cluster.operations.plan(ImportCertificate(pem=signed, **TOMCAT))
    assert refused.refusal is not None
    assert refused.refusal.code == "issuer"
    cluster.run(ImportTrust("tomcat-trust", authority.pem))
    plan = cluster.operations.plan(ImportCertificate(pem=signed, **TOMCAT))
    assert plan.refusal is None
    assert plan.steps[0] == f"Put the certificate beside the key of the signing request for tomcat on {PUB}"


@pytest.mark.parametrize(("extensions", "why"), [(b"", "no basic constraints"), (CA_FALSE, "CA:FALSE")])
def test_an_issuer_that_may_not_sign_is_named_as_such(extensions: bytes, why: str) -> None:
    authority = Certificate.from_der(certificate(MICROSOFT, extensions=extensions))
    signed = Certificate.from_der(certificate(PLAIN, issuer=MICROSOFT, number=1, issuer_number=0))
    stored = StoredCertificate("tomcat-trust", "", "ca.pem", authority, datetime(2026, 1, 1, tzinfo=UTC), True)
    with pytest.raises(ImportRefusedError, match="may not sign others") as caught:
        chain_of(signed, [stored])
    assert caught.value.code == "no-authority"
    assert why in (caught.value.why or "")
    good = Certificate.from_der(certificate(MICROSOFT, extensions=CERT_SIGN))
    assert chain_of(signed, [replace(stored, certificate=good)]) == [good]
