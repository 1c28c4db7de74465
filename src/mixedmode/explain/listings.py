"""What a pasted listing of a list says to people, and what one after another means for phones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.values import Event, Grade
from mixedmode.printable import one_line
from mixedmode.trustlist.pasted.values import ShownList
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Role

SOURCE: Final = "listing"
_RSA_2048: Final = 270
"""Bytes of a public key of 2048 bits."""
_SLACK: Final = 12
_POINTS: Final = frozenset({65, 97, 133})
_NAMES: Final = 10
_FILE_SIGNERS: Final = {Role.TFTP, Role.CCM_TFTP}
_MANUFACTURER: Final = "cisco manufacturing ca"


def listing_events(shown: ShownList, before: ShownList | None) -> Iterator[Event]:
    """Yield what a listing says.

    Args:
        shown: The listing.
        before: The one of the same kind before it, None if there is none.
    """
    kind = shown.kind
    lead = f"a listing of {_an(kind)}"
    parts = [f"{shown.length} bytes" if shown.length is not None else "", f"MD5 {shown.md5}" if shown.md5 else "",
             f"SHA-1 {shown.sha1}" if shown.sha1 else "", f"changed "
             f"{one_line(shown.modified)}" if shown.modified else ""]  # fmt: skip
    counts = Counter(record.role_label for record in shown.records)
    roles = ", ".join(f"{count} {one_line(role)}" for role, count in counts.items())
    parts.append(f"{len(shown.records)} records shown ({roles})" if shown.records else "no record shown")
    if not shown.complete:
        parts.append("not the whole list")
    text = f"{lead}: {', '.join(each for each in parts if each)}; signed by {one_line(shown.signer())}"
    grade = Grade.OK if shown.verified else Grade.NOTE
    yield _event(
        shown, "listing", grade, text, "" if shown.verified is not None else "whether it verifies is not shown"
    )
    if shown.verified is False:
        yield _event(shown, "list-unverified", Grade.REFUSED, f"this {kind} does not verify", "no phone that holds a "
             "list "
                     "takes one whose signature does not hold", remedies.LIST_AGAIN)  # fmt: skip
    servers = [record for record in shown.records if record.role in _FILE_SIGNERS]
    tvs = [record for record in shown.records if record.role is Role.TVS]
    if servers and not any(record.has_certificate for record in servers):
        if kind == "CTL":
            yield _event(shown, "non-secure-ctl", Grade.NOTE, "this is the CTL of a cluster that is not in mixed "
                 "mode: its "
                         "server records have no certificate")  # fmt: skip
        elif not any(record.has_certificate for record in tvs):
            yield _event(shown, "blank-itl", Grade.WARNING, "this ITL is blank: its TVS and TFTP records have no "
                 "certificate",
                         "phones that hold it take any ITL and any unsigned "
                         "configuration", remedies.ROLLBACK)  # fmt: skip
    yield from _measures(shown)
    signer = next((record for record in shown.records if record.signed), None)
    issuer = (shown.signer_issuer or (signer.issuer if signer is not None else "") or "").lower()
    if _MANUFACTURER in issuer:
        yield _event(shown, "token-signed", Grade.NOTE, f"this {kind} was signed by a security token", "from 14SU3 "
             "tokens "
                     "are not supported any more; without its token nobody can sign a list that these phones take "
                     "unasked")  # fmt: skip
    if before is not None:
        yield from _after(before, shown)


def _measures(shown: ShownList) -> Iterator[Event]:
    """Yield what the lengths of a listing say: of the file, of keys (wire-formats.md: 140 bytes are 1024 bits)."""
    if shown.length is not None and shown.length > MAX_PHONE_FILE:
        yield _event(
            shown,
            "too-large",
            Grade.WARNING,
            f"this {shown.kind} has {shown.length} bytes: phones do not load more than {MAX_PHONE_FILE}",
            "some 39 certificates are the most for one list",
            remedies.SMALLER,
        )
    small = [record for record in shown.records if record.lengths.get("PUBLICKEY", _RSA_2048) < _RSA_2048 - _SLACK]
    names = dict.fromkeys(one_line(record.name) for record in small if not _is_ec(record.lengths))
    if names:
        yield _event(
            shown,
            "small-keys",
            Grade.NOTE,
            f"keys of fewer than 2048 bits: {', '.join(list(names)[:_NAMES])}",
            "phones in FIPS mode refuse them",
        )


def _is_ec(lengths: dict[str, int]) -> bool:
    """Return whether a public key is a point of a curve: 65, 97 or 133 bytes."""
    return lengths.get("PUBLICKEY") in _POINTS


def _after(before: ShownList, shown: ShownList) -> Iterator[Event]:
    """Yield what it means that one list followed another."""
    serial = shown.serial_of_signer()
    known = {record.serial for record in before.records if record.is_sast and record.serial}
    if serial is None or not known or (before.md5 is not None and before.md5 == shown.md5):
        return
    old = f"the {before.kind} at line {before.first}"
    if serial in known:
        yield _event(shown, "signer-known", Grade.OK, f"phones that hold {old} know the signer of this one")
        return
    seen = "" if before.complete else " that is shown"
    yield _event(
        shown, "signer-new", Grade.WARNING, f"phones that hold {old} do not know the signer of this one",
        f"its serial is in no SAST record of it{seen}: they ask TVS; models without Security by Default refuse this "
        f"list",
        f"see that the new signer is known to TVS ({remedies.UPLOAD_SAST}) before phones restart; mixedmode forecast "
        f"says "
        "which phones follow",
    )  # fmt: skip


def _event(shown: ShownList, kind: str, grade: Grade, text: str, why: str = "", remedy: str = "") -> Event:
    return Event(shown.first, None, SOURCE, kind, grade, text, why, remedy, "", "")


def _an(kind: str) -> str:
    return f"{'an' if kind == 'ITL' else 'a'} {kind}"
