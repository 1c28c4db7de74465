"""Statements about facts: what must be so before a procedure begins, and after a step.

A check is judged on the facts of two moments: when the procedure began, and now. What could not be seen is neither held
nor broken: ``held`` is None, and a person is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mixedmode.procedures.facts import Facts, StationFacts, Token, Topic
from mixedmode.procedures.reading import shown_list


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        what: The statement.
        held: None if it could not be seen.
        detail: What was found, if it does not hold.
    """

    what: str
    held: bool | None
    detail: str = ""


Judge = Callable[[Facts, Facts], bool | str | None]
"""Of the facts at the beginning and now: whether it holds, or what was found instead, or None if it was not seen."""


@dataclass(frozen=True, slots=True)
class Check:
    """A statement.

    Attributes:
        name: The same for ever, for saved runs and scripts.
        text: For people, as a fact.
        judge: Whether it holds.
        needs: What must be looked at for it.
        within: Seconds in which it may become true.
        of_refusal: Whether it says that the act before it is refused.
        each: Judges it for each node by itself, in place of ``judge``; its text has ``{node}``.
        token: Whose label stands in the finding for ``{token}`` of the text.
    """

    name: str
    text: str
    judge: Judge = lambda _before, _now: None
    needs: frozenset[Topic] = frozenset()
    within: float = 0.0
    of_refusal: bool = False
    each: Callable[[Facts, str], bool | None] | None = None
    token: Token | None = None

    @property
    def for_people(self) -> str:
        """The text without the place of one node or token."""
        return self.text.replace("{node}", "every node").replace("{token}", str(self.token or ""))

    def find(self, before: Facts, now: Facts) -> Iterator[Finding]:
        """Judge it.

        Args:
            before: When the procedure began.
            now: After the act, with :attr:`needs` looked at.
        """
        seen = self.needs <= now.looked
        if self.each is not None:
            for node in now.nodes:
                yield Finding(self.text.replace("{node}", node), self.each(now, node) if seen else None)
            return
        found = self.judge(before, now) if seen else None
        what = self.text if self.token is None else self.text.replace("{token}", _label(now, self.token))
        yield Finding(what, held=False, detail=found) if isinstance(found, str) else Finding(what, found)


def _label(now: Facts, token: Token) -> str:
    return now.tokens[token].label if token in now.tokens else token.value


def _needs(*topics: Topic) -> frozenset[Topic]:
    return frozenset(topics)


def mode_is(mode: int) -> Check:
    """State the cluster's mode, 0 or 1."""
    return Check(
        f"mode-{mode}",
        f"ClusterSecurityMode is {mode}",
        lambda _, now: None if now.mode is None else now.mode == mode,
        _needs(Topic.MODE),
    )


def says(name: str, text: str, *passages: str) -> Check:
    """State that the act printed these passages."""

    def judge(_before: Facts, now: Facts) -> bool | None:
        return None if now.said is None else all(any(each in line for line in now.said) for each in passages)

    return Check(name, text, judge)


def refused(text: str) -> Check:
    """State that the act was refused."""
    return Check("refused", text, lambda _, now: now.failed, of_refusal=True)


def signed_by(token: Token) -> Check:
    """State that a token signed the CTL file."""

    def judge(_before: Facts, now: Facts) -> bool | None:
        known = now.tokens.get(token)
        return None if known is None else now.ctl is not None and now.ctl.signed_by == known.certificate

    return Check(f"signed-by-{token.name.lower()}", "the CTL file is signed by {token}", judge, LISTS, token=token)


def lists_token(token: Token) -> Check:
    """State that a token's certificate is in the CTL file."""

    def judge(_before: Facts, now: Facts) -> bool | None:
        known = now.tokens.get(token)
        return None if known is None else now.ctl is not None and known.certificate in now.ctl.certificates

    return Check(f"lists-{token.name.lower()}", "{token} is in the CTL file", judge, LISTS, token=token)


VOUCHED: Final = "tvs-vouched"


def vouched(cache: str, roles: int) -> Check:
    """State that a TVS found the new signer for a phone.

    Args:
        cache: ``DB`` for a server's certificate, ``CTL`` for a token that was uploaded.
        roles: How many it found.
    """

    def judge(_before: Facts, now: Facts) -> bool | None:
        if now.tvs is None or now.ctl is None:
            return None
        wanted = (now.ctl.signer_serial, cache, roles)
        asking = any(phone.kind.asks_tvs for phone in now.phones or ())
        return not asking or any(wanted in each.answers for each in now.tvs.values())

    return Check(VOUCHED, "TVS vouched for the new signer", judge, LISTS | _needs(Topic.TVS, Topic.PHONES))


def _signer_is_new(before: Facts, now: Facts) -> bool:
    if before.ctl is None or now.ctl is None or now.ctl.signer_serial is None:
        return False
    return now.ctl.signer_serial == now.callmanager_serial and now.ctl.signer_serial != before.ctl.signer_serial


def _caching(_before: Facts, now: Facts) -> bool | str | None:
    if now.tvs is None or now.callmanager_serial is None:
        return None
    waiting = sorted(node for node, each in now.tvs.items() if now.callmanager_serial not in each.cached)
    return ", ".join(waiting) or True


def _restarted(_before: Facts, now: Facts) -> bool | str | None:
    if now.awaiting_restart is None:
        return None
    return ", ".join(f"{service} of {node}" for node, service in sorted(now.awaiting_restart)) or True


def _all_phones(holds: Callable[[Facts, str | None], bool]) -> Judge:
    def judge(_before: Facts, now: Facts) -> bool | str | None:
        if now.phones is None:
            return None
        others = [phone.name for phone in now.phones if not holds(now, phone.ctl_md5)]
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return f"{', '.join(others[:_NAMED])}{more}" or True

    return judge


_NAMED: Final = 20
"""Phones that a finding names; there may be 40,000."""


def _same_ctl(before: Facts, now: Facts) -> bool:
    return before.ctl is not None and now.ctl == before.ctl


def _no_tokens(_before: Facts, now: Facts) -> bool | None:
    if not now.tokens:
        return None
    return now.ctl is not None and not now.ctl.certificates & {token.certificate for token in now.tokens.values()}


_PATIENCE: Final = 10.0
"""Seconds in which what is delivered to other nodes, or read by TVS, gets there; mostly one is enough."""
LISTS: Final = _needs(Topic.LISTS)
_PHONES: Final = _needs(Topic.PHONES)

SERVICES_RESTARTED: Final = Check(
    "services-restarted", "every TFTP and CallManager service runs with the change", _restarted, _needs(Topic.SERVICES)
)
SAME_ON_EVERY_NODE: Final = Check(
    "same-on-every-node",
    "{node} has the same CTL",
    needs=LISTS,
    within=_PATIENCE,
    each=lambda now, node: None if now.differing is None else node not in now.differing,
)
LISTING_VERIFIED: Final = Check(
    "listing-verified",
    "show ctl verified the file",
    lambda _, now: None if now.said is None else shown_list(now.said).verified,
)
LISTING_SAYS_NONE: Final = says("listing-none", "show ctl says that there is no CTL", "CTL File not found")
NO_CTL: Final = Check("no-ctl", "the publisher has no CTL file", lambda _, now: now.ctl is None, LISTS)
SAME_CTL: Final = Check("same-ctl", "the CTL file is the same as before", _same_ctl, LISTS)
WITHOUT_CALLMANAGERS: Final = Check(
    "without-callmanagers",
    "the CTL names no call manager's certificate",
    lambda _, now: now.ctl is not None and not now.ctl.callmanagers,
    LISTS,
)
WITHOUT_TOKENS: Final = Check(
    "without-tokens", "the certificates of the eTokens are removed from the CTL file", _no_tokens, LISTS
)
SIGNED_BY_CALLMANAGER: Final = Check(
    "signed-by-callmanager",
    "the CTL file is signed by the publisher's CallManager certificate",
    lambda _, now: now.ctl is not None and now.ctl.signer_serial == now.callmanager_serial,
    LISTS | _needs(Topic.CERTIFICATES),
)
SIGNER_IS_NEW: Final = Check(
    "signer-is-new",
    "the CTL file is signed with the new certificate",
    _signer_is_new,
    LISTS | _needs(Topic.CERTIFICATES),
)
SERIAL_CHANGES: Final = Check(
    "serial-changes",
    "the serial number of the certificate changes",
    lambda before, now: now.callmanager_serial != before.callmanager_serial,
    _needs(Topic.CERTIFICATES),
)
TVS_CACHES: Final = Check(
    "tvs-caches",
    "TVS of each node has the new CTL file in its cache",
    _caching,
    _needs(Topic.TVS, Topic.CERTIFICATES),
    within=_PATIENCE,
)
NO_PHONE_HOLDS_CTL: Final = Check(
    "no-phone-holds-ctl", "no phone holds a CTL", _all_phones(lambda _, md5: md5 is None), _PHONES
)
EVERY_PHONE_HOLDS_CTL: Final = Check(
    "every-phone-holds-ctl", "every phone is in mixed mode", _all_phones(lambda _, md5: md5 is not None), _PHONES
)
EVERY_PHONE_HOLDS_PUBLISHED: Final = Check(
    "every-phone-holds-published",
    "every phone holds the published CTL file",
    _all_phones(lambda now, md5: now.ctl is not None and md5 == now.ctl.md5),
    _PHONES | LISTS,
)


def _all_stations(holds: Callable[[StationFacts], bool]) -> Judge:
    def judge(_before: Facts, now: Facts) -> bool | str | None:
        if now.stations is None:
            return None
        others = [f"{each.name} ({each.told or each.security or 'not registered'})" for each in now.stations
                  if not holds(each)]  # fmt: skip
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return f"{', '.join(others[:_NAMED])}{more}" or True

    return judge


def _stations(name: str, text: str, holds: Callable[[StationFacts], bool]) -> Check:
    return Check(name, text, _all_stations(holds), _needs(Topic.REGISTRATIONS))


def _calls(name: str, text: str, icon: str, media: str) -> Check:
    def judge(_before: Facts, now: Facts) -> bool | str | None:
        if now.calls is None:
            return None
        wrong = [
            f"{each.caller} to {each.called}: {each.words}"
            for each in now.calls
            if not (each.connected and each.heard and set(each.icons) == {icon} and each.media == {media})
        ]
        return (", ".join(wrong) or True) if now.calls else "nobody called"

    return Check(name, text, judge, _needs(Topic.CALLS))


EVERY_PHONE_HAS_LSC: Final = _stations(
    "every-phone-has-lsc", "every phone has a valid LSC of the present CAPF", lambda each: each.has_lsc
)
EVERY_PHONE_ENCRYPTED: Final = _stations(
    "every-phone-encrypted",
    "every phone is registered, encrypted, by its LSC",
    lambda each: (each.security, each.certificate) == ("encrypted", "LSC"),
)
EVERY_PHONE_IN_THE_CLEAR: Final = _stations(
    "every-phone-in-the-clear", "every phone is registered without TLS", lambda each: each.security == "non-secure"
)
EVERY_PHONE_REFUSED: Final = _stations(
    "every-phone-refused",
    "CallManager refuses the LSC of every phone",
    lambda each: not each.security and "certificate" in each.told,
)
EVERY_CONFIGURATION_ENCRYPTED: Final = _stations(
    "every-configuration-encrypted",
    "the configuration of every phone is encrypted to its LSC",
    lambda each: each.encrypted_configuration,
)
EVERY_CALL_ENCRYPTED: Final = _calls(
    "every-call-encrypted", "both phones show a lock, and hear each other by SRTP", "lock", "SRTP"
)
EVERY_CALL_IN_THE_CLEAR: Final = _calls(
    "every-call-in-the-clear", "neither phone shows a lock, and they hear each other by RTP", "", "RTP"
)
CAPF_IS_NEW: Final = Check(
    "capf-is-new",
    "the serial number of the CAPF certificate changes",
    lambda before, now: now.capf_serial != before.capf_serial,
    _needs(Topic.CERTIFICATES),
)
