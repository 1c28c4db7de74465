"""Would a recovery key cure these phones? The lists of now, signed by that key, offered to what each phone holds.

Rules:

1. Nothing is published: the lists are copies in memory, and phones are their own policy over what they hold,
     as in every
   forecast. With the private key the signature is a real one, and is verified; with the certificate alone a stand-in is
   taken as its own.
2. Cured is who then holds the copies and takes its configuration (``follows``),
     or would with TVS's word. What is not known
   of a phone never counts as cured.
3. A key cures by being a SAST record of what the phone holds: which record that is, is said, or why none counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.forecast.evaluation import Forecast
from mixedmode.forecast.holding import held_by
from mixedmode.forecast.plan import Published, Step
from mixedmode.forecast.planning.signing import signed_again
from mixedmode.forecast.tally import EXAMPLES, Cell, groups
from mixedmode.inventory.kinds import shown_held
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import serial_text
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from mixedmode.trustlist.walk import walk_header

CURED: Final = frozenset({Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS})
_BITS: Final = frozenset({512, 1024, 2048, 4096})


@dataclass(frozen=True, slots=True)
class Key:
    """The key that is tried.

    Attributes:
        certificate: Its certificate.
        signer: Signs with it; None: only the certificate is at hand.
    """

    certificate: Certificate
    signer: Signer | None = None

    @property
    def text(self) -> str:
        """What it is called."""
        return f"{self.certificate.subject} (serial {serial_text(self.certificate.serial)})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the key does for a group of phones.

    Attributes:
        cured: True: yes; False: no; None: not known.
        outcome: As a forecast has it.
        count: How many phones.
        models: Their models.
        ctl: What they hold, as they show it.
        itl: The same.
        examples: The names of the first ones.
        why: In a sentence.
        remedy: What would help those that are not cured.
        anchors: Whose key would do: the SAST records of what those hold that are not cured.
    """

    cured: bool | None
    outcome: Fate
    count: int
    models: tuple[str, ...]
    ctl: str
    itl: str
    examples: tuple[str, ...]
    why: str
    remedy: str
    anchors: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "cured": self.cured,
            "outcome": self.outcome.value,
            "count": self.count,
            "models": list(self.models),
            "ctl": self.ctl,
            "itl": self.itl,
            "examples": list(self.examples),
            "why": self.why,
            "remedy": self.remedy or None,
            "anchors": list(self.anchors),
        }


def drill_step(key: Key, lists: Iterable[tuple[ListKind, TrustList]]) -> Step:
    """Return the step in which copies of lists, signed by a key, are on the servers (rule 1).

    Raises:
        UsageError: There is no list, or the key cannot sign one.
        SignerError: The token fails.
    """
    certificate = key.certificate
    if certificate.key_kind != "RSA" or certificate.key_bits not in _BITS:
        raise UsageError(
            f"{certificate.key_description} cannot sign a list",
            where=certificate.subject,
            next_step="give the certificate of an RSA key of 1024, 2048 or 4096 bits: ITLRecovery, CallManager or a "
            "token",
        )
    made = tuple(Published(kind, signed_copy(each, key)) for kind, each in lists)
    if not made:
        raise UsageError(
            "there is no list to sign", next_step="name those that the servers hand out: --publish CTL,ITL"
        )
    unsigned = (
        frozenset()
        if key.signer is not None
        else frozenset(each.file.data for each in made if isinstance(each.file, TrustList))
    )
    kinds = " and ".join(each.kind.value for each in made)
    return Step(f"the {kinds} signed by {certificate.subject}", made, signed_by_stand_in=unsigned)


def signed_copy(trust_list: TrustList, key: Key) -> TrustList:
    """Return a copy of a list under another key's signature: a real one where the key is there."""
    stand_in = signed_again(trust_list, key.certificate)
    if key.signer is None:
        return stand_in
    header = Header(stand_in.data, walk_header(stand_in.data))
    signature = key.signer.sign(header.signed_bytes(), header.digest or DigestAlgorithm.SHA1)
    span = stand_in.header.fields.span(12)
    if span is None or len(signature) != span[1] - span[0]:
        raise UsageError("the key and its certificate do not belong together", where=key.certificate.subject)
    return TrustList.parse(stand_in.data[: span[0]] + signature + stand_in.data[span[1] :])


def verdicts(cells: Sequence[Cell], key: Key) -> list[Verdict]:
    """Return what a key does for each group of phones, those that it does not cure first."""
    found = []
    for group in groups(list(cells)):
        forecast = group.first
        cured = None if forecast.outcome is Fate.UNKNOWN else forecast.outcome in CURED
        found.append(
            Verdict(
                cured,
                forecast.outcome,
                group.count,
                tuple(group.models),
                shown_held(forecast.kind.ctl),
                shown_held(forecast.kind.itl),
                tuple(group.examples[:EXAMPLES]),
                _why(forecast, key),
                "" if cured else group.remedy,
                () if cured else _anchors(forecast),
            )
        )
    return found


def _why(forecast: Forecast, key: Key) -> str:
    """Return why a group is cured or not (rule 3)."""
    if forecast.outcome is Fate.UNKNOWN:
        return f"not known: {forecast.why_unknown}"
    held = held_by(forecast.kind)
    lists = [] if held is None else list(held.lists)
    named = [place for each in lists for place in _records(each, key.certificate)]
    if forecast.outcome in CURED:
        if not lists:
            return "it holds no list: it takes the first one unchecked, whoever signed it"
        by_tvs = "" if forecast.outcome is Fate.FOLLOWS else "TVS must vouch for it; "
        where = f"the key is SAST in {' and '.join(named)}" if named else "it takes lists without this key"
        return f"{by_tvs}{where}"
    deciding = forecast.deciding
    refusal = "" if deciding is None else f": {deciding.text}"
    if not named:
        other = [place for each in lists for place in _other_roles(each, key.certificate)]
        stands = f" (it stands in {' and '.join(other)})" if other else ""
        kinds = " and ".join(each.kind for each in lists) or "nothing that it holds"
        return f"the key is no SAST record of its {kinds}{stands}{refusal}"
    return f"the key is SAST in {' and '.join(named)}, but {forecast.outcome.value}{refusal}"


def _anchors(forecast: Forecast) -> tuple[str, ...]:
    """Return whom what a phone holds names as SAST; of a legacy model its CTL counts alone, which it alone has."""
    held = held_by(forecast.kind)
    records = [
        record for each in (held.lists if held is not None else ()) for record in each.records_with_role(Role.SAST)
    ]
    return tuple(
        dict.fromkeys(f"{record.subject or '?'} (serial {serial_text(record.serial or b'')})" for record in records)
    )


def _records(each: TrustList, certificate: Certificate) -> list[str]:
    return [
        f"record {record.number} of its {each.kind}"
        for record in each.records_with_role(Role.SAST)
        if record.certificate_der == certificate.der
    ]


def _other_roles(each: TrustList, certificate: Certificate) -> list[str]:
    return [
        f"record {record.number} of its {each.kind} as {record.role_label}"
        for record in each.records
        if record.certificate_der == certificate.der and record.role is not Role.SAST
    ]


def weaker_than_lists(key: Key, lists: Iterable[TrustList]) -> str:
    """Return a warning if the key is weaker than the other anchors of the lists: field-notes.md A8; empty if not."""
    bits = [
        record.certificate.key_bits
        for each in lists
        for record in each.records_with_role(Role.SAST)
        if record.certificate is not None and record.certificate.key_kind == "RSA"
    ]
    most = max(bits, default=0)
    if key.certificate.key_bits >= most:
        return ""
    return (
        f"the key has {key.certificate.key_bits} bits, other anchors {most}: utils itl reset fails with such a "
        f"recovery key "
        "(CSCwf85275, CSCuy43181)"
    )
