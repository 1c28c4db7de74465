"""The ways in which phones are lost in real life (phone-trust.md 7, field-notes.md A), as small forecasts.

``python -m tests.forecast.stories`` writes them again into docs/examples/forecast/stories; keys are new each time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.roles import Role
from tests.phone.site import identity

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "forecast" / "stories"
OLD, NEW = 1_500_000_000, 1_700_000_000


@dataclass(frozen=True)
class Phone:
    """A row: what it holds is named as the files of the story are."""

    model: str
    ctl: str
    itl: str
    mode: str
    expected: str
    proposed: str
    lsc_issuer: str = ""


@dataclass(frozen=True)
class Story:
    """One of them."""

    name: str
    why: str
    held: dict[str, bytes]
    published: dict[str, bytes]
    arguments: tuple[str, ...]
    phones: tuple[Phone, ...]
    tvs: tuple[str, ...] = ()
    tvs_roles: dict[str, str] = field(default_factory=dict)
    does: str = ""


def made(
    kind: str,
    sast: Iterable[str],
    servers: Iterable[str],
    *,
    tvs: Iterable[str] = (),
    capf: str = "",
    blanked: bool = False,
    timestamp: int = OLD,
    more: int = 0,
) -> bytes:
    """A list signed by the first SAST."""
    signers = list(sast)
    specs = [RecordSpec(Role.SAST, identity(name).certificate, dns_name=name) for name in signers]
    roles = [(Role.CCM_TFTP, name) for name in servers] + [(Role.TVS, name) for name in tvs]
    roles += [(Role.CAPF, capf)] if capf else []
    for role, name in roles:
        certificate = None if blanked else identity(name).certificate
        form = RecordForm.ADDRESS if blanked else RecordForm.FULL
        specs.append(RecordSpec(role, certificate, dns_name=name, form=form))
    specs += [RecordSpec(Role.APP_SERVER, identity(f"app{each}").certificate, dns_name="app") for each in range(more)]
    return build_trust_list(specs, identity(signers[0]), timestamp=timestamp, filename=f"{kind}File.tlv")


def stories() -> list[Story]:
    """All of them."""
    old_ctl = made("CTL", ["cm", "rec"], ["cm"], capf="capf")
    old_itl = made("ITL", ["cm", "rec"], ["cm"], tvs=["tvs"])
    held = {"ctl": old_ctl, "itl": old_itl}
    all_new_ctl = made("CTL", ["cm-new", "rec-new"], ["cm-new"], capf="capf-new", timestamp=NEW)
    all_new_itl = made("ITL", ["cm-new", "rec-new"], ["cm-new"], tvs=["tvs-new"], timestamp=NEW)
    other_ctl = made("CTL", ["other", "other-rec"], ["other"], capf="other-capf", timestamp=NEW)
    other_itl = made("ITL", ["other", "other-rec"], ["other"], tvs=["other-tvs"], timestamp=NEW)
    token_ctl = made("CTL", ["token", "token2"], ["cm"], timestamp=NEW)
    one, both = "publish/CTLFile.tlv,publish/ITLFile.tlv", ("--publish", "publish/CTLFile.tlv,publish/ITLFile.tlv")
    itl_only = ("--publish", "publish/ITLFile.tlv")
    secure, plain = "encrypted", "non-secure"
    lost = ("frozen", "frozen")
    return [
        Story(
            "a1-off-during-the-first-of-two-changes",
            "CallManager was renewed while phones were off, ITLRecovery and TVS before they came back",
            {"itl": old_itl},
            {
                "1/ITLFile.tlv": made("ITL", ["cm-new", "rec"], ["cm-new"], tvs=["tvs"], timestamp=OLD + 1),
                "2/ITLFile.tlv": all_new_itl,
            },
            ("--publish", "publish/1/ITLFile.tlv", "--off", "SEP0011223344A0", "--publish", "publish/2/ITLFile.tlv",
             "--tvs-trust", "tvs"),
            (
                Phone("8841", "none", "itl", plain, "frozen", "follows-by-tvs"),
                Phone("8841", "none", "itl", plain, "follows-by-tvs", "follows-by-tvs"),
            ),
            ("cm-new",),
            does="wait until every phone is on between the two",
        ),
        Story(
            "a2-move-to-another-cluster",
            "the new cluster's signer was put into no trust store of the old one",
            held,
            {"CTLFile.tlv": other_ctl, "ITLFile.tlv": other_itl},
            (*both, "--tvs", "old"),
            (
                Phone("8841", "ctl", "itl", plain, "behind", "follows-by-tvs"),
                Phone("7975", "ctl", "itl", secure, "locked-out", "follows-by-tvs"),
                Phone("7960", "ctl", "none", secure, "locked-out", "locked-out"),
            ),
            does="upload the new signer as Phone-SAST-trust of the old cluster first",
        ),
        Story(
            "a2-callmanager-trust-alone",
            "the new signer went into CallManager-trust alone: TVS gives it no right to sign lists",
            {"itl": old_itl},
            {"ITLFile.tlv": other_itl},
            (*itl_only, "--tvs", "old", "--tvs-trust", "tvs"),
            (Phone("8841", "none", "itl", plain, "behind", "follows-by-tvs"),),
            ("other",),
            {"other": "TFTP"},
            does="upload it as Phone-SAST-trust too",
        ),
        Story(
            "a3-itlrecovery-renewed-by-an-upgrade",
            "field notice FN70613: the upgrade renewed ITLRecovery, then CallManager was renewed; the CTL between the "
            "two was published too late",
            held,
            {
                "1/CTLFile.tlv": made("CTL", ["rec-new", "cm-new"], ["cm-new"], capf="capf", timestamp=NEW),
                "2/CTLFile.tlv": made("CTL", ["cm", "rec-new"], ["cm"], capf="capf", timestamp=NEW - 1),
                "3/CTLFile.tlv": made("CTL", ["rec-new", "cm-new"], ["cm-new"], capf="capf", timestamp=NEW),
            },
            (
                "--publish", "publish/1/CTLFile.tlv", "--publish", "publish/2/CTLFile.tlv", "--off", "SEP0011223344A1",
                "--publish", "publish/3/CTLFile.tlv", "--tvs", "down",
            ),
            (
                Phone("7960", "ctl", "none", secure, "follows", "follows"),
                Phone("7975", "ctl", "itl", secure, "locked-out", "follows"),
            ),
            does="utils ctl update CTLFile between the two, and every phone restarted",
        ),
        Story(
            "a5-everything-made-again-by-a-new-host-name",
            "the host name changed: CallManager, ITLRecovery and TVS were made again together",
            held,
            {"CTLFile.tlv": all_new_ctl, "ITLFile.tlv": all_new_itl},
            (*both, "--tvs-trust", "tvs"),
            (
                Phone("8841", "ctl", "itl", plain, *lost),
                Phone("7965", "ctl", "itl", secure, "locked-out", "locked-out"),
                Phone("8841", "none", "none", plain, "follows", "follows"),
            ),
            ("cm-new", "rec-new"),
            does="none: nothing that phones hold vouches for anything; renew one certificate at a time",
        ),
        Story(
            "a6-moved-to-another-pbx",
            "phones with the ITL of a cluster meet the ITL of an open PBX, which has no TVS",
            {"itl": old_itl},
            {"ITLFile.tlv": made("ITL", ["pbx"], ["pbx"], timestamp=NEW)},
            (*itl_only,),
            (Phone("8945", "none", "itl", plain, *lost), Phone("7942", "none", "itl", plain, *lost)),
            does="none: erase the lists by hand",
        ),
        Story(
            "a9-proxy-tftp",
            "a proxy TFTP offers the ITL of another cluster, whose signer the home cluster's TVS does not know",
            {"itl": old_itl},
            {"ITLFile.tlv": made("ITL", ["proxy", "proxy-rec"], ["proxy"], tvs=["tvs"], timestamp=NEW)},
            (*itl_only, "--tvs-trust", "tvs"),
            (Phone("8861", "none", "itl", plain, "behind", "follows-by-tvs"),),
            ("cm",),
            does="upload the proxy's CallManager as Phone-SAST-trust of the home cluster",
        ),
        Story(
            "a11-trust-certificates-cleaned-up",
            "the signer was deleted from the trust stores before the last phones came back",
            held,
            {"CTLFile.tlv": made("CTL", ["cm-new"], ["cm-new"], capf="capf", timestamp=NEW)},
            ("--publish", "publish/CTLFile.tlv", "--tvs-trust", "tvs"),
            (
                Phone("7975", "ctl", "itl", plain, "behind", "follows-by-tvs"),
                Phone("7975", "ctl", "itl", secure, "locked-out", "follows-by-tvs"),
            ),
            ("cm",),
            does="upload it again first",
        ),
        Story(
            "a12-secure-phone-between-clusters",
            "the lists were prepared for the move, but the LSC is from the old cluster's CAPF",
            held,
            {"CTLFile.tlv": other_ctl, "ITLFile.tlv": other_itl},
            (*both, "--tvs", "old", "--tvs-trust", "tvs"),
            (
                Phone("8841", "ctl", "itl", secure, "locked-out", "locked-out", "capf"),
                Phone("8841", "ctl", "itl", secure, "follows-by-tvs", "follows-by-tvs", "other-capf"),
            ),
            ("other",),
            does="none: issue the LSC anew",
        ),
        Story(
            "a13-backup-older-than-the-certificate",
            "a restore brought the old CallManager back, which phones do not know any more",
            {"itl": made("ITL", ["cm-new", "rec"], ["cm-new"], tvs=["tvs-new"], timestamp=NEW)},
            {"ITLFile.tlv": old_itl},
            (*itl_only, "--tvs", "down"),
            (Phone("8841", "none", "itl", plain, "behind", "follows"),),
            does="utils itl reset localkey: the recovery key is in both lists",
        ),
        Story(
            "a14-a-wrong-itl-since-long-ago",
            "phones hold the list of a cluster that nobody has any more",
            {"itl": old_itl, "ancient": made("ITL", ["ancient"], ["ancient"], tvs=["ancient-tvs"])},
            {"ITLFile.tlv": old_itl},
            (*itl_only, "--tvs-trust", "tvs"),
            (Phone("8841", "none", "ancient", plain, *lost), Phone("8841", "none", "itl", plain, "follows", "follows")),
            ("cm",),
            does="none: list them first, and erase their lists by hand",
        ),
        Story(
            "a15-jtapi-client-with-an-old-ctl",
            "a client that takes the first CTL unchecked keeps an old one, and TLS fails",
            {"ctl": made("CTL", ["ancient"], ["ancient"])},
            {"CTLFile.tlv": all_new_ctl},
            ("--publish", "publish/CTLFile.tlv"),
            (Phone("CTI Port", "ctl", "none", secure, "locked-out", "locked-out"),),
            does="none: delete the client's CTL",
        ),
        Story(
            "7-etokens-forgotten-in-the-trust-store",
            "back to eTokens, but nobody put them into Phone-SAST-trust",
            held,
            {"CTLFile.tlv": token_ctl},
            ("--publish", "publish/CTLFile.tlv", "--tvs-trust", "tvs"),
            (
                Phone("7975", "ctl", "itl", plain, "behind", "follows-by-tvs"),
                Phone("7960", "ctl", "none", plain, *lost),
            ),
            ("cm",),
            does="upload the token as Phone-SAST-trust first",
        ),
        Story(
            "7-rollback-flag-between-secure-clusters",
            "the rollback flag blanks the ITL and not the CTL: TVS cannot be asked any more",
            held,
            {
                "1/ITLFile.tlv": made("ITL", ["cm", "rec"], ["cm"], tvs=["tvs"], blanked=True, timestamp=OLD + 1),
                "CTLFile.tlv": other_ctl,
                "ITLFile.tlv": other_itl,
            },
            ("--publish", "publish/1/ITLFile.tlv", "--publish", one, "--tvs", "old"),
            (
                Phone("8841", "ctl", "itl", plain, "frozen", "follows-by-tvs"),
                Phone("8841", "ctl", "itl", secure, "locked-out", "follows-by-tvs"),
            ),
            does="leave the flag alone, and upload the new signer first",
        ),
        Story(
            "7-callmanager-renewed-under-tokenless",
            "a tokenless CTL and a new CallManager: phones without Security by Default cannot ask TVS",
            held,
            {"CTLFile.tlv": made("CTL", ["cm-new"], ["cm-new"], capf="capf", timestamp=NEW)},
            ("--publish", "publish/CTLFile.tlv", "--tvs-trust", "tvs"),
            (
                Phone("7975", "ctl", "itl", secure, "follows-by-tvs", "follows-by-tvs"),
                Phone("7940", "ctl", "none", plain, *lost),
            ),
            ("cm-new",),
            does="none: delete their CTL by hand",
        ),
        Story(
            "7-lists-in-the-wrong-order",
            "the CTL of the new signer goes out before the ITL that vouches for it",
            held,
            {
                "ITLFile.tlv": made("ITL", ["cm", "cm-new"], ["cm", "cm-new"], tvs=["tvs"], timestamp=NEW),
                "CTLFile.tlv": made("CTL", ["cm-new"], ["cm-new"], capf="capf", timestamp=NEW),
            },
            ("--publish", "publish/CTLFile.tlv", "--off", "SEP0011223344A1", "--publish", "publish/ITLFile.tlv",
             "--off", "SEP0011223344A1", "--tvs", "down"),
            (
                Phone("7975", "ctl", "itl", secure, "behind", "follows"),
                Phone("7975", "ctl", "itl", plain, "behind", "follows"),
            ),
            does="the ITL first",
        ),
    ]  # fmt: skip


def write(folder: Path, story: Story) -> None:
    """Write one story's files."""
    place = folder / story.name
    for where, files in (("lists", story.held), ("publish", story.published)):
        for name, data in files.items():
            path = place / where / (name if name.endswith(".tlv") else f"{name}.tlv")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    rows = ["name,model,ctl,itl,security_mode,lsc_issuer"]
    for number, phone in enumerate(story.phones):
        cells = [each if each == "none" else f"lists/{each}.tlv" for each in (phone.ctl, phone.itl)]
        rows.append(f"SEP0011223344A{number},{phone.model},{cells[0]},{cells[1]},{phone.mode},{phone.lsc_issuer}")
    (place / "inventory.csv").write_text("\n".join(rows) + "\n")
    for name in story.tvs:
        (place / "tvs").mkdir(exist_ok=True)
        (place / "tvs" / f"{name}.pem").write_bytes(identity(name).certificate.pem())
    if story.tvs_roles:
        records = [{"file": f"{name}.pem", "role": role} for name, role in story.tvs_roles.items()]
        (place / "tvs" / "index.json").write_text(json.dumps({"records": records}) + "\n")
    names = [f"SEP0011223344A{number}" for number in range(len(story.phones))]
    document = {
        "why": story.why,
        "does": story.does,
        "arguments": ["--inventory", "inventory.csv", *story.arguments],
        "expected": dict(zip(names, (phone.expected for phone in story.phones), strict=True)),
        "proposed": dict(zip(names, (phone.proposed for phone in story.phones), strict=True)),
    }
    (place / "case.json").write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    """Write them all again."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for story in stories():
        write(FOLDER, story)


if __name__ == "__main__":
    main()
