"""Trust lists: parsing, and parse plus verify against one bare RSA verification in the same run.

The peer does the least that any reader must: load the list's four certificates with the same library and verify one
RSA-2048 signature over the same bytes, with a key that is ready. Ours keeps the keys of signers that it has seen, as
phones and services meet the same few; the cost for a signer never seen before is measured beside it.

Goals: parse plus verify at most 1.5 times the peer, and 20,000 parses a second on one core.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.timing import Effort, Goal, Report, time_in_turn


def four_record_list() -> bytes:
    """Build a tokenless CTL of a two-node cluster with RSA-2048 keys."""
    from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
    from mixedmode.pki.signing.signer import SoftwareSigner
    from mixedmode.trustlist import Role
    from mixedmode.trustlist.build import RecordSpec, build_trust_list

    now = datetime(2026, 1, 1, tzinfo=UTC)
    keys = [generate_key(KeyKind.RSA_2048) for _ in range(3)]
    purposes = (Purpose.CALLMANAGER, Purpose.CAPF, Purpose.CALLMANAGER)
    names = ("cucm-pub", "CAPF-e41e7d87", "cucm-sub1")
    publisher, capf, subscriber = (
        self_signed(purpose, subject=Subject(name), key=key, now=now, serial=0x7000 + number)
        for number, (purpose, name, key) in enumerate(zip(purposes, names, keys, strict=True))
    )
    specs = [
        RecordSpec(Role.SAST, publisher, "cucm-pub", "10.0.0.1"),
        RecordSpec(Role.CCM_TFTP, publisher, "cucm-pub", "10.0.0.1"),
        RecordSpec(Role.CAPF, capf, "cucm-pub", "10.0.0.1"),
        RecordSpec(Role.CCM_TFTP, subscriber, "cucm-sub1", "10.0.0.2"),
    ]
    return build_trust_list(specs, SoftwareSigner(publisher, keys[0]), timestamp=int(now.timestamp()))


def run(effort: Effort) -> Report:
    """Measure."""
    effort.say("parsing and verifying, in turn with the peer")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    from mixedmode.pki.reading.public_keys import forget_signers
    from mixedmode.trustlist import TrustList
    from mixedmode.trustlist.fields import compiled

    data = four_record_list()
    parsed = TrustList.parse(data)
    certificates = [record.certificate_der or b"" for record in parsed.records]
    signature, signed = parsed.header.signature or b"", parsed.header.signed_bytes()
    scheme, digest = padding.PKCS1v15(), hashes.SHA1()

    key = x509.load_der_x509_certificate(certificates[0]).public_key()
    assert isinstance(key, rsa.RSAPublicKey)

    def peer() -> None:
        for der in certificates:
            x509.load_der_x509_certificate(der)
        key.verify(signature, signed, scheme, digest)

    def ours() -> None:
        assert TrustList.parse(data).verify()

    def ours_cold() -> None:
        forget_signers()
        assert TrustList.parse(data).verify()

    timings = time_in_turn(
        {
            "load 4 certificates + verify by a ready RSA key (peer)": peer,
            "parse + verify": ours,
            "parse + verify, a signer never seen before": ours_cold,
            "parse": lambda: TrustList.parse(data),
        },
        rounds=effort.of(25, 7),
    )
    peer_time, our_time, cold_time, parse_time = (timing.median for timing in timings.values())
    walked = "compiled walk" if compiled is not None else "walk in Python"
    lines = [f"A list of {len(data)} bytes and {len(parsed.records)} records, RSA 2048, SHA-1, {walked}", ""]
    lines += [f"{t.name:<56} {t.median * 1e6:8.1f} us  (best {t.best * 1e6:.1f})" for t in timings.values()]
    start = _start_up(data)
    lines.append(f"{'mixedmode show FILE, start to end':<56} {start * 1e3:8.1f} ms")
    goals = [
        Goal("parse + verify / peer", our_time / peer_time, 1.5, at_most=True),
        Goal("parse + verify / peer, a signer never seen before", cold_time / peer_time, 2.0, at_most=True),
        Goal("parses a second", 1 / parse_time, 20_000, at_most=False),
        Goal("mixedmode show, seconds", start, 0.35, at_most=True),
    ]
    return Report("Trust lists", lines, goals)


def _start_up(data: bytes) -> float:
    """Return the median wall time of ``mixedmode show FILE``."""
    command = Path(sys.executable).with_name("mixedmode")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "CTLFile.tlv"
        path.write_bytes(data)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([command, "show", path], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
