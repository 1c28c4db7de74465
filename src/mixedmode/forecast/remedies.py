"""What would help a phone: the cheapest change of plan that saves it, or what can be done afterwards, or by hand.

Rules:

1. A change of plan counts only if the same evaluation then says that the phone follows. The cheapest comes first
   (:mod:`.planning.drafts`), found by the search that makes proposals, for this phone alone.
2. What helps afterwards is for :mod:`mixedmode.phone.mind.fate.afar` to say.
3. No remedy goes back to an earlier list or another kind of signer (forecast.md 5.3).
"""

from __future__ import annotations

from typing import Final

from mixedmode.forecast.by_hand import erase_by_hand
from mixedmode.forecast.evaluation import Forecast, Forecaster, signer_text
from mixedmode.forecast.planning.drafts import RESETS, UPDATE_CTL
from mixedmode.forecast.planning.proof import why_lost
from mixedmode.forecast.planning.search import Fleet, Workshop, search
from mixedmode.forecast.planning.signing import signer_of
from mixedmode.forecast.planning.wording import draft_text, name
from mixedmode.forecast.vouching import Store
from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.offers import asked_kinds
from mixedmode.phone.mind.fate.prospect import SAFE, Fate
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind, Reason
from mixedmode.phone.mind.trust.lookup import anchors
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_MOST_PLANS: Final = 30
_OF_THE_FILE: Final = {
    Reason.CORRUPT: "whole and well signed",
    Reason.BAD_SIGNATURE: "whole and well signed",
    Reason.WRONG_KIND: "with the right name in its header",
    Reason.TOO_LARGE: "with fewer certificates, under 64 KB",
}
"""Refusals by which it is the file that has to be put right: nothing that is done at the phone would help alone."""


def remedy(forecaster: Forecaster, forecast: Forecast, absences: tuple[bool, ...] = ()) -> str:
    """Return what would help a kind of phone; empty if it needs no help."""
    if forecast.outcome is Fate.UNKNOWN:
        return _to_learn(forecast)
    if forecast.outcome in SAFE:
        return ""
    return _afterwards(forecast) if forecast.outcome is Fate.BEHIND else _of_lost(forecaster, forecast, absences)


def _of_lost(forecaster: Forecaster, forecast: Forecast, absences: tuple[bool, ...]) -> str:
    kind = forecast.kind
    workshop = forecaster.once("workshop", lambda: Workshop(forecaster))
    fleet = [Fleet(kind, absences)]
    if why_lost(forecaster, kind) is None:
        found = search(workshop, fleet, most_plans=_MOST_PLANS)
        if (found.score.lost, found.score.behind) == (0, 0):
            workshop.helps(found.draft)
            return draft_text(forecaster.plan, found.draft, absences)
    if forecast.prospect.helps:
        return _afterwards(forecast)
    last = forecast.prospect.restart
    if last is not None and last.registration is not None and last.registration.reason is Reason.LSC_ISSUER:
        return "give the phone a non-secure profile, have CAPF issue a new LSC to it, and give it its profile again"
    if last is not None and last.took_all:
        return f"{UPDATE_CTL}, so that the lists name the certificate that the CallManager shows, and restart the phone"
    right = "; ".join(_put_right(forecast))
    by_hand = erase_by_hand(kind.model)
    return f"{right}; then {by_hand}" if right else by_hand


def _put_right(forecast: Forecast) -> list[str]:
    """Return what is wrong with the published files themselves."""
    last = forecast.prospect.restart
    decisions = last.decisions.items() if last is not None else ()
    return [
        f"publish the {file.value} again {_OF_THE_FILE[decision.reason]}"
        for file, decision in decisions
        if decision.refused and decision.reason in _OF_THE_FILE
    ]


def _to_learn(forecast: Forecast) -> str:
    kind = forecast.kind
    if kind.model is None:
        return f"find out which model {kind.model_name!r} is: mixedmode models lists those that are known"
    if forecast.depends_on:
        return f"find out, and say --policy: {', '.join(forecast.depends_on)}"
    return "find out which lists the phone holds (its security menu shows their hashes) and give their files to --lists"


def _afterwards(forecast: Forecast) -> str:
    """Return what brings a phone along after the last step."""
    texts = []
    offer, last = forecast.stages[-1].offer, forecast.prospect.restart
    asked = asked_kinds(forecast.kind.model) if forecast.kind.model is not None else tuple(ListKind)
    refused = [
        (kind, offered)
        for kind in asked
        if (offered := offer.of(kind)) is not None and last is not None and last.trust.held(kind) != offered
    ]
    kinds = " and ".join(kind.value for kind, _ in refused) or "configuration"
    for help_ in forecast.prospect.helps:
        if help_ is Help.RESTART:
            texts.append("restart the phone once more")
        elif help_ is Help.WHOLE:
            texts.append(f"publish the same {kinds} again, whole, well signed and under 64 KB, and restart the phone")
        elif help_ is Help.TVS:
            texts.append(f"{'; '.join(_uploads(forecast, refused))}, see that TVS answers, and restart the phone")
        else:
            known = _anchors(forecast, [offered for _, offered in refused])
            texts.append(
                f"have the {kinds} signed by {known} and restart the phone: "
                + " and ".join(RESETS[kind] for kind, _ in refused)
            )
    return "; then ".join(texts)


def _uploads(forecast: Forecast, refused: list[tuple[ListKind, TrustList | bytes]]) -> list[str]:
    """Return the uploads that have TVS vouch for what is refused."""
    texts = []
    for _, offered in refused:
        signer = signer_of(offered)
        who = signer_text(offered) if signer is None else name(signer)
        texts.append(f"upload {who} as {Store.PHONE_SAST.value}")
    last, signs = forecast.prospect.restart, forecast.stages[-1].offer.file_signer
    config = last.decisions.get(BootFile.CONFIG) if last is not None else None
    if config is not None and config.refused and signs is not None and not _names(refused, signs.der):
        texts.append(f"upload {name(signs)} as {Store.CALLMANAGER.value}")
    return list(dict.fromkeys(texts)) or ["upload the signer of configurations as CallManager-trust"]


def _names(refused: list[tuple[ListKind, TrustList | bytes]], der: bytes) -> bool:
    """Return whether one of these lists, once it is taken, vouches for the signer of configurations."""
    lists = [each for _, each in refused if isinstance(each, TrustList)]
    records = [record for each in lists for record in each.records_with_role(Role.TFTP, Role.CCM_TFTP)]
    return any(record.certificate_der == der for record in records)


def _anchors(forecast: Forecast, refused: list[TrustList | bytes]) -> str:
    came = forecast.prospect.restart
    known = anchors(came.trust.lists) if came is not None else frozenset()
    lists = [each for each in refused if isinstance(each, TrustList)]
    every = [record for each in lists for record in each.records_with_role(Role.SAST)]
    keys = forecast.stages[-1].offer.keys
    able = None if keys is None else frozenset().union(*map(keys.signers, lists))
    there = sorted((each.subject, each.der) for each in (keys.there if keys is not None else ()))
    signers = [(record.subject or "?", record.certificate_der) for record in every] + there
    names = dict.fromkeys(subject for subject, der in signers if der in known and (able is None or der in able))
    return " or ".join(names) or "an anchor that the phone holds"
