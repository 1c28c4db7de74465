"""What the CTL Client would make of a cluster: no token is asked, a stand-in's signature is in the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.publishing.lists import StandIn
from mixedmode.control.ctl_description import described
from mixedmode.faces.ctlclient.lists import check_token, client_list, present_tokens, target_mode
from mixedmode.protocols.ctlprovider import Action, Description, Mode
from mixedmode.trustlist.kinds import CTL_FILE

if TYPE_CHECKING:
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.pki.certificates.certificates import Certificate

_STORE: Final = "Phone-SAST-trust"


def description_of(now: Outlook) -> Description:
    """Return what the provider would tell the client of a cluster.

    Raises:
        NotFoundError: A node lacks a certificate that the CTL needs.
        VersionError: The version takes no tokens.
    """
    view, ctl = now.view, now.files.get((now.view.publisher.name, CTL_FILE))
    clock = int(now.now.timestamp())
    return described(view, Mode(view.mode.value), clock, 0, int(now.digest), ctl)


def after_client(now: Outlook, action: Action, inserted: Sequence[Certificate]) -> Outlook:
    """Return a cluster after the CTL Client finished.

    Args:
        now: Before.
        action: What its administrator chooses.
        inserted: The tokens, in the order in which they are inserted: one of the present list's signs, else the last.

    Raises:
        MixedModeError: There are too few tokens, or the version takes none.
    """
    description = description_of(now)
    mode = target_mode(description, action)
    there = present_tokens(description)
    known = [token for token in inserted if token in there]
    signer = StandIn(known[0] if there and known else inserted[-1])
    tokens = list(dict.fromkeys((*there, *inserted)))
    data = client_list(description, tokens, signer, mode, int(now.now.timestamp()))
    return now.publishing_ctl(SecurityMode(mode.value), data)


def known_tokens(now: Outlook) -> list[Certificate]:
    """Return the tokens that a cluster knows: those of its CTL, or else those that its trust store has.

    Raises:
        MalformedError: The present CTL cannot be read.
    """
    there = present_tokens(description_of(now))
    own = {*now.view.own.values(), *now.hidden.values(), *(each for some in now.former.values() for each in some)}
    stored = sorted(now.trust.get(_STORE, frozenset()) - own, key=lambda each: each.subject)
    return there or [each for each in stored if each.common_name.strip().upper().startswith("SAST-")]


def check_tokens(now: Outlook, inserted: Sequence[Certificate]) -> None:
    """Check that one of the tokens may sign the next list.

    Raises:
        CheckFailedError: There is a CTL, and none of them is in it.
    """
    description = description_of(now)
    if not any(token in present_tokens(description) for token in inserted):
        check_token(description, inserted[0])
