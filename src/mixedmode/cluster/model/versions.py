"""Versions of the cluster's software and what each can do (cucm-admin.md 3 and 5, the "Who signs the CTL" table).

Rules:

1. ``10.5.1.10000-7``, ``10.5(1)``, ``12.5(1.13900.152)``, ``11.5(1)SU3`` and ``14SU3`` name versions; SU n is build
   1n900, no SU is 10000.
2. Every difference between versions is a row or a property here, nowhere else.
3. A cluster is made of, and upgraded to, a version of a release that there is (:data:`RELEASES`); a text that was
   stored before is read whatever it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from mixedmode.cluster.model.errors import VersionError
from mixedmode.pki.certificates.profiles import Purpose, Style

_LONG = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9})(?:-(\d{1,9}))?)?", re.ASCII)
_BUGS = re.compile(r"(\d{1,9})\.(\d{1,9})\((\d{1,9})\.(\d{1,9})\.(\d{1,9})\)", re.ASCII)
_SHORT = re.compile(
    r"(\d{1,9})(?:\.(\d{1,9})(?:\((\d{1,9})[a-z]?\)|\.(\d{1,9}))?)?\s*(?:SU(\d{1,9})[a-z]?)?", re.IGNORECASE | re.ASCII
)

RELEASES = ("8.0", "8.5", "8.6", "9.0", "9.1", "10.0", "10.5", "11.0", "11.5", "12.0", "12.5", "14", "15")
"""The releases with Security by Default, oldest first. There is no 13 (live-cluster.md 1.1)."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version.

    Attributes:
        release: Major, minor, maintenance and build, such as (10, 5, 1, 10000).
        text: As the system prints it.
    """

    release: tuple[int, int, int, int]
    text: str

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that a text names (rule 1).

        Raises:
            VersionError: It names none.
        """
        stripped = text.strip()
        if found := _LONG.fullmatch(stripped):
            numbers = [int(part or 0) for part in found.groups()[:4]]
            return cls((numbers[0], numbers[1], numbers[2], numbers[3] or 10000), stripped)
        if found := _BUGS.fullmatch(stripped):
            return cls.parse("{}.{}.{}.{}-{}".format(*found.groups()))
        if found := _SHORT.fullmatch(stripped):
            parts = (int(part) if part else None for part in found.groups())
            major, minor, maintenance, dotted, update = parts
            maintenance = maintenance or dotted
            build = 10000 + (update * 1000 + 900 if update else 0)
            release = (major or 0, minor or 0, maintenance or 1, build)
            return cls(release, f"{release[0]}.{release[1]}.{release[2]}.{build}-1")
        raise VersionError(
            f"{text!r} is no version",
            next_step="write it as the system prints it, such as 10.5.1.10000-7 or 11.5(1)SU3",
        )

    @classmethod
    def known(cls, text: str) -> Version:
        """Return the version that a text names, if there is such a release (rule 3).

        Raises:
            VersionError: It names none, or one that there never was.
        """
        version = cls.parse(text)
        if version.release[:2] not in _KNOWN:
            raise VersionError(
                f"{text.strip()!r} is no version of a known release",
                next_step=f"use a version of one of: {', '.join(RELEASES)}",
            )
        return version

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.release == other.release

    def __hash__(self) -> int:
        return hash(self.release)

    def __lt__(self, other: Version) -> bool:
        return self.release < other.release

    def _from(self, *release: int) -> bool:
        return self.release >= release

    @property
    def has_trust_verification(self) -> bool:
        """Security by Default: ITL files and TVS, from 8.0."""
        return self._from(8, 0)

    @property
    def has_tokenless_ctl(self) -> bool:
        """The ``utils ctl`` commands, from 10.0(1)."""
        return self._from(10, 0)

    @property
    def has_itl_recovery(self) -> bool:
        """An ITLRecovery certificate in the ITL, from 10.0(1)."""
        return self._from(10, 0)

    @property
    def single_itl_recovery(self) -> bool:
        """One ITLRecovery certificate for the cluster, made on the publisher, from 12.5."""
        return self._from(12, 5)

    @property
    def capf_on_publisher_only(self) -> bool:
        """A CAPF certificate on the publisher alone, from 14."""
        return self._from(14)

    @property
    def has_ecdsa(self) -> bool:
        """The CallManager-ECDSA and tomcat-ECDSA certificates, from 11.0."""
        return self._from(11, 0)

    @property
    def deletes_trust_everywhere(self) -> bool:
        """A trust certificate is deleted on every node at once, from 11.0; before, on the node of the command."""
        return self._from(11, 0)

    @property
    def accepts_tokens(self) -> bool:
        """Security tokens may sign the CTL, until 14SU3."""
        return not self._from(14, 0, 1, 13900)

    @property
    def needs_encryption_licence(self) -> bool:
        """Mixed mode needs an encryption licence of the licence manager, 11.5(1)SU3 up to 12.0."""
        return self._from(11, 5, 1, 13900) and not self.needs_export_controlled_registration

    @property
    def needs_export_controlled_registration(self) -> bool:
        """Mixed mode and CTL updates need a registration that allows export-controlled functions, from 12.0."""
        return self._from(12, 0)

    @property
    def certificate_style(self) -> Style:
        """How self-signed certificates are written: plain before 11.0, as the sizes of 10.x show."""
        return Style.FULL if self._from(11, 0) else Style.PLAIN

    @property
    def serial_bytes(self) -> int:
        """Length of the serials of self-signed certificates: 16, and 8 before 10.0 (cucm-admin.md 1.2)."""
        return 16 if self._from(10, 0) else 8

    @property
    def ctl_anchors(self) -> tuple[Purpose, ...]:
        """The publisher's certificates that stand as SAST in a tokenless CTL, the signer first."""
        if not self.has_tokenless_ctl:
            return ()
        if self._from(12, 0):
            return (Purpose.ITLRECOVERY, Purpose.CALLMANAGER)
        if self._from(10, 5, 2):
            return (Purpose.CALLMANAGER, Purpose.ITLRECOVERY)
        return (Purpose.CALLMANAGER,)

    @property
    def itl_anchors(self) -> tuple[Purpose, ...]:
        """The certificates that stand as SAST in an ITL, the signer first."""
        if not self.has_trust_verification:
            return ()
        if self._from(12, 0):
            return (Purpose.ITLRECOVERY, Purpose.CALLMANAGER)
        if self.has_itl_recovery:
            return (Purpose.CALLMANAGER, Purpose.ITLRECOVERY)
        return (Purpose.CALLMANAGER,)

    def own_purposes(self, *, publisher: bool) -> tuple[Purpose, ...]:
        """Return the certificates that a node has of its own: those that it makes for itself at installation."""
        purposes = [Purpose.CALLMANAGER, Purpose.TOMCAT, Purpose.IPSEC]
        if self.has_trust_verification:
            purposes.append(Purpose.TVS)
        if publisher or not self.capf_on_publisher_only:
            purposes.append(Purpose.CAPF)
        if self.has_itl_recovery and (publisher or not self.single_itl_recovery):
            purposes.append(Purpose.ITLRECOVERY)
        if self.has_ecdsa:
            purposes += [Purpose.CALLMANAGER_ECDSA, Purpose.TOMCAT_ECDSA]
        return tuple(purposes)


_KNOWN = {Version.parse(release).release[:2] for release in RELEASES}
