"""Who could be saved by its own keys, while phones still listen; pure (docs/specification/rescue.md 4).

Rules:

1. What is not known is said to be not known, and holds nobody up but for what a rescue cannot do without: the phone
   answers, its sequence is confirmed, and a proof is possible.
2. An https authentication URL is to be cured before a change: a phone that lost its lists cannot check the server's
   certificate, and refuses every key.
3. A phone that an erase might cut off (VPN, Wi-Fi, 802.1X, a static address, another TFTP server) is done by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final

from mixedmode.articles import with_article
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.rescue.catalogue import Catalogue


class Word(StrEnum):
    """A verdict."""

    READY = "ready"
    BY_CTI = "ready by CTI only"
    FIX_FIRST = "fix first"
    NO_ENTRY = "no confirmed entry"
    NO_PROOF = "no proof possible"
    BY_HAND = "by hand"


WEB: Final = "web access"
URL: Final = "authentication URL"
HTTPS: Final = "certificates of phones that speak HTTPS only"
LOGIN: Final = "control user"
MENU: Final = "settings menu"
PASSWORD: Final = "menu password"  # noqa: S105 - the name of a check
WALK: Final = "a walk of the sequence"
LOAD: Final = "firmware load not known"


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """What is known of a phone.

    Attributes:
        name: Its device name.
        model: None if it is not in the table.
        model_name: As it was given.
        load: Its firmware; empty if that is not known.
        menu: What its menus depend on beside model and load, as the inventory calls it.
        url: Where its pages are.
        ctl: The hash of its CTL, ``none`` or empty if not known.
        itl: The same of its ITL.
        source: Where the hashes are known from.
        time: Since when, ISO 8601.
        answers: Whether its pages answered as its own; None if nobody asked.
        authentication_url: None if that is not known.
        login: Whether the authentication service said yes to the control user and this phone; None: not asked.
        end_to_end: Whether the phone itself did; None: not asked.
        associated: Whether the control user controls it, as AXL says; None: not asked.
        not_asked: Why the control user's login was not sent, or nobody answered; empty if it was, or nobody is named.
        stranger: Why a phone that speaks HTTPS alone is not recognised; empty if it is, or speaks HTTP.
        settings_access: ``enabled``, ``restricted``, ``disabled`` or empty.
        menu_password: Whether the menu has a password; None if that is not known.
        cti: Whether it can be controlled by CTI; None if that is not known.
        dangers: What an erase might break.
        by_hand: Why the operator keeps it for hands; empty if he does not.
    """

    name: str
    model: PhoneModel | None
    model_name: str = ""
    load: str = ""
    menu: str = ""
    url: str = ""
    ctl: str = ""
    itl: str = ""
    source: str = ""
    time: str = ""
    answers: bool | None = None
    authentication_url: str | None = None
    login: bool | None = None
    end_to_end: bool | None = None
    associated: bool | None = None
    not_asked: str = ""
    stranger: str = ""
    settings_access: str = ""
    menu_password: bool | None = None
    cti: bool | None = None
    dangers: tuple[str, ...] = ()
    by_hand: str = ""

    @property
    def kind(self) -> tuple[str, str, str]:
        """Return model, load and menu: what a confirmation is for."""
        return (self.model.name if self.model is not None else self.model_name, self.load, self.menu)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rescue could do for a phone.

    Attributes:
        word: The verdict.
        todo: What to do first, by the names of the checks.
        why: In sentences.
        not_known: What nobody said.
    """

    word: Word
    todo: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return it as people read it."""
        return f"{self.word}: {', '.join(self.todo)}" if self.word is Word.FIX_FIRST else self.word.value


WEAK: Final = 2
"""Strength of the proof of models whose pages show messages alone."""


def proof_of(model: PhoneModel | None) -> int:
    """Return the strength of proof that a model's pages can give, 0 for none (live-cluster.md 4.2)."""
    name = model.name if model is not None else ""
    if name in {"8831", "8832", "8832NR", "8875", "8875NR"}:
        return 0
    if name.startswith(("78", "88", "894")):
        return 1
    has_messages = name.startswith(("790", "791", "794", "796", "797", "896", "995", "997"))
    return 2 if has_messages and name not in {"7940", "7960"} else 0


def verdict(facts: PhoneFacts, catalogue: Catalogue) -> Verdict:
    """Return what a rescue could do for a phone, were it lost."""
    if facts.by_hand or facts.dangers:
        why = ((facts.by_hand,) if facts.by_hand else ()) + tuple(
            f"an erase may break {each}" for each in facts.dangers
        )
        return Verdict(Word.BY_HAND, why=why)
    model, load, menu = facts.kind
    entries = catalogue.of(model, load)
    if not entries:
        refused = [entry.why for entry in catalogue.entries if model in entry.models and entry.why]
        return Verdict(
            Word.NO_ENTRY, why=(f"no sequence is known for {model or 'a model that is not known'}", *refused)
        )
    if not proof_of(facts.model):
        return Verdict(Word.NO_PROOF, why=(f"{with_article(model)} shows neither hash nor messages",))
    fixes = list(_fixes(facts))
    todo = tuple(dict.fromkeys(name for name, _ in fixes))
    why = tuple(text for _, text in fixes)
    unknown = tuple(_not_known(facts))
    confirmed = any(catalogue.confirmation(entry, model, load, menu) is not None for entry in entries)
    if not confirmed:
        walk = LOAD if not load else WALK
        what = f"walk one {model} with {load or 'its load'}: {' or '.join(entry.name for entry in entries)}"
        return Verdict(Word.NO_ENTRY, (*todo, walk), (*why, what), unknown)
    if todo == (URL,) and facts.cti:
        return Verdict(Word.BY_CTI, todo, why, unknown)
    return Verdict(Word.FIX_FIRST if fixes else Word.READY, todo, why, unknown)


def _fixes(facts: PhoneFacts) -> Iterable[tuple[str, str]]:
    if facts.answers is False:
        yield WEB, "its pages do not answer: switch Web Access on (device, common phone profile) and reset it"
    elif not facts.url:
        yield WEB, "its address is not known"
    elif facts.stranger:
        yield HTTPS, facts.stranger
    url = facts.authentication_url
    if url and url.lower().startswith("https:"):
        yield URL, f"{url} is https, which a lost phone cannot check: give the plain one on 8080 for the time"
    elif url and not url.lower().startswith("http:"):
        yield URL, f"{url} is no http URL"
    yield from _of_login(facts)
    if facts.settings_access.lower() in {"restricted", "disabled"}:
        yield MENU, f"settings access is {facts.settings_access.lower()}"
    if facts.menu_password:
        yield PASSWORD, "the menu has a password: clear the Local Phone Unlock Password for the time"


def _of_login(facts: PhoneFacts) -> Iterable[tuple[str, str]]:
    if facts.associated is False:
        yield LOGIN, "AXL says that the control user does not control it: mixedmode rescue prepare"
    elif facts.login is False:
        yield LOGIN, "the authentication service does not say AUTHORIZED: association, password, firewall"
    elif facts.end_to_end is False:
        yield LOGIN, "the phone refuses the login"


def _not_known(facts: PhoneFacts) -> Iterable[str]:
    if facts.answers is None:
        yield "whether its pages answer"
    if facts.authentication_url is None:
        yield "its authentication URL"
    elif facts.authentication_url and not _is_address(facts.authentication_url):
        yield "whether it can look up the host of its authentication URL"
    if not facts.settings_access:
        yield "settings access"
    if facts.menu_password is None:
        yield "menu password"
    if facts.end_to_end is None:
        why = f": {facts.not_asked}" if facts.not_asked else ""
        yield f"whether it takes the control user's login{why}"
    if proof_of(facts.model) == WEAK:
        yield "which list it takes: no page shows its hash; a person at its menu tells, or SIP firmware's alarms"


def _is_address(url: str) -> bool:
    try:
        ip_address(_host(url))
    except ValueError:
        return False
    return True


def _host(url: str) -> str:
    place = url.partition("://")[2].partition("/")[0]
    return place.partition("]")[0].removeprefix("[") if place.startswith("[") else place.partition(":")[0]


def lead(verdicts: Sequence[Verdict]) -> str:
    """Return the first line: how many could be saved now, and how many more after what."""
    ready = sum(each.word is Word.READY for each in verdicts)
    more = [each for each in verdicts if each.word is not Word.READY and each.todo and each.word is not Word.BY_CTI]
    line = f"You could save {ready:,} of {len(verdicts):,}"
    if not more:
        return line
    words = Counter(name for each in more for name in each.todo)
    return f"{line}; {len(more):,} more after: {', '.join(name for name, _ in words.most_common())}"


def document(facts: PhoneFacts, found: Verdict) -> dict[str, Any]:
    """Return a phone's verdict as JSON."""
    return {
        "name": facts.name,
        "model": facts.kind[0],
        "load": facts.load or None,
        "menu": facts.menu or None,
        "verdict": found.word.value,
        "todo": list(found.todo),
        "why": list(found.why),
        "not_known": list(found.not_known),
        "not_asked": facts.not_asked or None,
        "proof": proof_of(facts.model) or None,
        "ctl": facts.ctl or None,
        "itl": facts.itl or None,
        "source": facts.source or None,
        "time": facts.time or None,
    }
