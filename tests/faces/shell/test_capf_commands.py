"""``utils capf``: what phones hold of CAPF, what of it proves nobody, and revoking it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.certificates.profiles import KeyKind, issue_lsc
from tests.faces.conftest import PUBLISHER as PUB
from tests.pki.material import key


def typed(cluster: Cluster, line: str, *answers: str) -> tuple[int, list[str], str]:
    io = ScriptedIO(answers)
    outcome = asyncio.run(AdminSession(cluster, PUB, "anna").run(line, io))
    return outcome.exit_code, io.lines, str(outcome.error or "")


def give(cluster: Cluster, name: str, serial: int, *, since: int = 0, days: int = 365) -> None:
    capf = cluster.signer(PUB, "CAPF")
    made = issue_lsc(
        name,
        key(KeyKind.RSA_2048, 8).public_key(),
        authority=capf.certificate,
        authority_key=capf.key,
        now=datetime.now(UTC).replace(microsecond=0) - timedelta(days=since),
        serial=serial,
        days=days,
    )
    cluster.keep_lsc(name, made)


def test_what_phones_hold_is_listed_and_can_be_revoked(cluster: Cluster) -> None:
    first, second = "SEP0011223344A1", "SEP0011223344A2"
    cluster.devices.add([DeviceSpec(first), DeviceSpec(second)])
    assert typed(cluster, "utils capf lsc list") == (0, ["There is none."], "")
    give(cluster, first, 1)
    give(cluster, second, 2, since=40, days=30)
    _, lines, _ = typed(cluster, "utils capf lsc list")
    assert [line.split("  ")[:2] for line in lines] == [[first, "valid"], [second, "expired"]]
    assert all("CN=CAPF-" in line for line in lines)
    assert [line.split("  ")[0] for line in typed(cluster, "utils capf lsc expiring")[1]] == [second]
    assert [line.split("  ")[0] for line in typed(cluster, "utils capf lsc expiring 400")[1]] == [second, first]
    assert [line.split("  ")[0] for line in typed(cluster, "utils capf stale-lsc list")[1]] == [second]
    assert [line.split("  ")[0] for line in typed(cluster, f"utils capf lsc list {first.lower()}")[1]] == [first]

    code, lines, _ = typed(cluster, f"utils capf lsc revoke {first}", "n")
    assert cluster.revoked_lscs() == frozenset(), "a no is a no"
    code, lines, _ = typed(cluster, f"utils capf lsc revoke {first}", "y")
    assert code == 0
    assert f"The LSCs of {first} are revoked." in lines
    assert typed(cluster, f"utils capf lsc list {first}")[1][0].startswith(f"{first}  revoked")
    assert len(cluster.revoked_lscs()) == 1


def test_what_makes_no_sense_is_said(cluster: Cluster) -> None:
    cluster.devices.add([DeviceSpec("SEP0011223344A1")])
    for line, why in (
        ("utils capf lsc expiring soon", "no number of days"),
        ("utils capf lsc expiring -1", "no number of days"),
        ("utils capf lsc expiring 999999", "no number of days"),
        (f"utils capf lsc expiring {'9' * 5000}", "no number of days"),
        ("utils capf lsc expiring \u0663\u0660", "no number of days"),
        ("utils capf lsc list SEPFFFFFFFFFFFF", "there is no device SEPFFFFFFFFFFFF"),
        ("utils capf lsc revoke SEPFFFFFFFFFFFF", "there is no device SEPFFFFFFFFFFFF"),
        ("utils capf lsc revoke SEP0011223344A1", "no LSC that could be revoked"),
    ):
        code, _, error = typed(cluster, line, "y")
        assert code != 0, line
        assert why in error, line
