"""What an operation would publish: the difference between two outlooks, as files and certificates. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixedmode.cluster.publishing.lists import has_stand_in
from mixedmode.cluster.publishing.outlook import Files, Outlook
from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.diff import Change, Difference, diff_trust_lists, difference_document
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.verify import Verification

_NOT_ASKED = Verification(None, None, "not_asked", "")


@dataclass(frozen=True, slots=True)
class ListChange:
    """A list that a node would get, or lose.

    Attributes:
        node: The node.
        name: Of the file.
        data: The file, None if it goes. Where :attr:`is_foreseen`, all but date and signature is as it would be.
        present: The file that the node has, None if it has none.
    """

    node: str
    name: str
    data: bytes | None
    present: bytes | None

    @property
    def new(self) -> TrustList | None:
        """The list, None if it goes."""
        return None if self.data is None else TrustList.parse(self.data)

    @property
    def is_foreseen(self) -> bool:
        """Whether the operation would sign it; else the bytes are there already."""
        return self.data is not None and has_stand_in(self.data)

    @property
    def difference(self) -> Difference | None:
        """What changes against the present file; None if one of both is not there, or the present one is torn."""
        new = self.new
        try:
            return None if new is None or self.present is None else diff_trust_lists(TrustList.parse(self.present), new)
        except MalformedError:
            return None


@dataclass(frozen=True, slots=True)
class CertificateChange:
    """A certificate that would come, go or take another's place.

    Attributes:
        change: Which of these.
        unit: The purpose, or the trust store.
        node: Whose it is; empty for every node's trust store.
        certificate: What is there afterwards, None if it goes.
        before: What is there now, None if it comes.
        is_stand_in: Whether its key would be made: names and dates are true, key and serial are not known.
    """

    change: Change
    unit: str
    node: str
    certificate: Certificate | None
    before: Certificate | None
    is_stand_in: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would publish.

    Attributes:
        lists: What nodes would get with it.
        later: What their TFTP services would make of it when they are restarted.
        certificates: Those that change.
        after: The cluster after it, to foresee what comes next.
    """

    lists: tuple[ListChange, ...]
    later: tuple[ListChange, ...]
    certificates: tuple[CertificateChange, ...]
    after: Outlook


def preview(before: Outlook, after: Outlook) -> Preview:
    """Return what changes from one outlook to the next."""
    return Preview(
        lists=tuple(_lists(before.files, after.files)),
        later=tuple(_lists(after.files, after.starting_every_tftp().files)),
        certificates=(*_own(before, after), *_trust(before, after), *_absent(before, after)),
        after=after,
    )


def _lists(before: Files, after: Files) -> Iterator[ListChange]:
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield ListChange(*key, after.get(key), before.get(key))


def _own(before: Outlook, after: Outlook) -> Iterator[CertificateChange]:
    old, new = _every_own(before), _every_own(after)
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was != now:
            change = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
            yield CertificateChange(change, key[1], key[0], now, was, now in after.stand_ins)


def _every_own(outlook: Outlook) -> Mapping[tuple[str, str], Certificate]:
    return {**outlook.hidden, **outlook.view.own}


def _trust(before: Outlook, after: Outlook) -> Iterator[CertificateChange]:
    for store in sorted({*before.trust, *after.trust}):
        old, new = before.trust.get(store, frozenset()), after.trust.get(store, frozenset())
        for each in sorted(new - old, key=lambda each: each.sha256):
            yield CertificateChange(Change.ADDED, store, "", each, None, each in after.stand_ins)
        for each in sorted(old - new, key=lambda each: each.sha256):
            yield CertificateChange(Change.REMOVED, store, "", None, each)


def _absent(before: Outlook, after: Outlook) -> Iterator[CertificateChange]:
    """Yield what one node alone deletes from a trust store, or gets back, before 11.0."""
    for store, sha256, node in sorted({*before.absent} ^ {*after.absent}):
        found = [each for each in after.trust.get(store, ()) if each.sha256.hex() == sha256]
        for each in found:
            if (store, sha256, node) in after.absent:
                yield CertificateChange(Change.REMOVED, store, node, None, each)
            else:
                yield CertificateChange(Change.ADDED, store, node, each, None)


def document(found: Preview) -> dict[str, Any]:
    """Return a preview as JSON."""
    return {
        "lists": [_list_document(each) for each in found.lists],
        "later": [_list_document(each) for each in found.later],
        "certificates": [
            {
                "change": each.change.value,
                "unit": each.unit,
                "node": each.node or None,
                "new": _certificate_document(each.certificate, is_stand_in=each.is_stand_in),
                "old": _certificate_document(each.before),
            }
            for each in found.certificates
        ],
    }


def _list_document(change: ListChange) -> dict[str, Any]:
    new, difference = change.new, change.difference
    described = None if new is None else describe(new, _NOT_ASKED, ())
    if described is not None and change.is_foreseen:
        # Hashes of zeros in a signature's place would be looked for on phones.
        described |= {"md5": None, "sha1": None, "sha256": None, "timestamp": None}
    return {
        "node": change.node,
        "file": change.name,
        "foreseen": change.is_foreseen,
        "list": described,
        "replaces": change.present is not None,
        "difference": None if difference is None else difference_document(difference),
    }


def _certificate_document(certificate: Certificate | None, *, is_stand_in: bool = False) -> dict[str, Any] | None:
    if certificate is None:
        return None
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": None if is_stand_in else certificate.serial.hex().upper(),
        "sha256": None if is_stand_in else certificate.sha256.hex(),
        "key": certificate.key_description,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
    }
