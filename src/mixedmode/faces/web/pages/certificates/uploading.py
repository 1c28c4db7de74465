"""Upload Certificate/Certificate chain: into a trust store, or the signed certificate of a request that waits.

Rules:

1. Who has not the level is refused before his file is read, and that is in the audit log; so is a file that is refused.
2. A file is read once and kept nowhere: what comes back in a panel is the certificate, which is public.
3. Of a chain for one of a node's own, the authorities go into its trust store first: without them it would be refused.
   Whether it fits the request is checked before that.
4. A panel asks first whenever one of a node's own is replaced, or somebody would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.records import TRUST_SUFFIX
from mixedmode.cluster.operations.identity.certificate_import import (
    ImportCertificate,
    ImportRefusedError,
    check_fits,
    trust_stores_of,
)
from mixedmode.cluster.operations.identity.certificates import ImportTrust
from mixedmode.cluster.operations.identity.csr import SELF_SIGNED_ONLY, needed_request
from mixedmode.cluster.store.certificates import TRUST_STORES
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.foresight import Foreseen, foresee, not_agreed
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.forms import Field, Form
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.faces.web.pages.certificates.addresses import (
    IMPORT,
    LEVEL,
    LIST,
    nodes_here,
    waiting_requests,
    with_query,
)
from mixedmode.faces.web.pages.certificates.reading import MOST_BYTES, certificates_in, shown_name
from mixedmode.faces.web.pages.trust.losing import lost_address
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.purposes import Purpose

if TYPE_CHECKING:
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.engine.results import OperationResult

BODY_BYTES: Final = 512 << 10
"""Of the form: files that are a little too large are told what they have in place of a certificate."""
_FIRST: Final = "Phone-SAST-trust"
_HINTS: Final = (
    "Phone-SAST-trust: TVS vouches for this certificate as a signer of lists. For eTokens and for a cluster that "
    "phones move to. Without -trust: what an authority signed for a request of this node."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an upload asks for.

    Attributes:
        unit: A trust store, or one of a node's own.
        node: Whose, of an own one.
        certificates: Of the file; of an own one the first is the node's, the others are above it.
    """

    unit: str
    node: str
    certificates: tuple[Certificate, ...]

    @property
    def is_trust(self) -> bool:
        """Whether they go into a trust store."""
        return self.unit.endswith(TRUST_SUFFIX)

    def changes(self, trusted: frozenset[Certificate]) -> list[Operation]:
        """Return what is to be done, in order (rule 3).

        Args:
            trusted: What the trust stores have already.
        """
        if self.is_trust:
            return [ImportTrust(self.unit, each.pem().decode()) for each in self.certificates]
        store = trust_stores_of(Purpose(self.unit))[0]
        first, *above = self.certificates
        missing = [each for each in above if each not in trusted]
        return [
            *(ImportTrust(store, each.pem().decode()) for each in missing),
            ImportCertificate(self.node, self.unit, first.pem().decode()),
        ]


def upload_form(ask: Ask) -> Form:
    """Return the form, as it is at first or as the address has it."""
    version = ask.cluster.version
    own = [each.value for each in version.own_purposes(publisher=True) if each not in SELF_SIGNED_ONLY]
    units = (_FIRST, *(each for each in TRUST_STORES if each != _FIRST), *own)
    unit = ask.query.get("unit", "")
    here = [node.name for node in nodes_here(ask.cluster)]
    node = ask.query.get("node", "")
    return Form(
        [
            Field(
                "unit",
                "Certificate purpose",
                kind="choice",
                value=unit if unit in units else _FIRST,
                hint=_HINTS,
                choices=tuple((each, each) for each in units),
                required=True,
            ),
            Field(
                "node",
                "Node, for one of its own",
                kind="choice",
                value=node if node in here else here[0] if here else "",
                choices=tuple((each, each) for each in here),
            ),
            Field(
                "file",
                "Upload file",
                kind="file",
                hint=f"PEM, DER or PKCS#7: a certificate or a chain, at most {MOST_BYTES >> 10} KB.",
            ),
        ]
    )


def upload(ask: Ask) -> Answer:
    """Show the form, or take what it sent."""
    form = upload_form(ask)
    if not ask.is_post:
        return _page(ask, form)
    ask.control.allow(ask.principal, IMPORT, unit=ask.form.get("unit", ""))
    form.take(ask.form)
    try:
        wanted = _wanted(ask, form)
        if form.is_right:
            return _taken(ask, wanted)
    except UsageError as error:
        form.refuse(error)
        ask.control.note(ask.principal, IMPORT, "refused", unit=ask.form.get("unit", ""), error=error.what[:300])
    except MixedModeError as error:
        form.refuse(error)
    return _page(ask, form)


def _page(ask: Ask, form: Form) -> View:
    waiting = waiting_requests(ask.cluster)
    context = {"form": form, "waiting": waiting, "may": ask.may(LEVEL), "level": LEVEL}
    return View("cmplatform/upload.html", context, status=200 if form.is_right else 422)


def _wanted(ask: Ask, form: Form) -> Wanted:
    """Return what is asked for.

    Raises:
        UsageError: The file is refused.
        MixedModeError: It does not fit.
    """
    unit, node = ask.form.get("unit", ""), ask.form.get("node", "")
    sent = ask.files.get("file")
    if sent is not None:
        found = certificates_in(sent.data, sent.name)
    elif ask.form.get("pem"):
        found = certificates_in(ask.form["pem"].encode(), "what the panel sent")
    else:
        raise UsageError("no file was chosen", where="file", next_step="choose the certificate's file")
    wanted = Wanted(unit, node, tuple(found))
    if not form.is_right or wanted.is_trust:
        return wanted
    return _for_request(ask, wanted, "" if sent is None else shown_name(sent.name))


def _for_request(ask: Ask, wanted: Wanted, name: str) -> Wanted:
    """Return the same with the certificate first that the waiting request is for (rule 3)."""
    node = ask.cluster.node(wanted.node).name
    pending = needed_request(ask.cluster.folder(node), Purpose(wanted.unit))
    own = [each for each in wanted.certificates if pending.request.has_key_of(each)]
    if not own and len(wanted.certificates) > 1:
        raise ImportRefusedError(
            f"none of the {len(wanted.certificates)} certificates is for the key of the waiting signing request for "
            f"{wanted.unit}",
            where=name or None,
            code="key-mismatch",
            next_step="choose what the authority made of the request",
        )
    first = own[0] if own else wanted.certificates[0]
    check_fits(first, pending)
    return Wanted(wanted.unit, node, (first, *(each for each in wanted.certificates if each != first)))


def _taken(ask: Ask, wanted: Wanted) -> Answer:
    trusted = frozenset(each.certificate for each in ask.cluster.certificates.list_trust(None))
    operations = wanted.changes(trusted)
    foreseen = foresee(ask, operations)
    asked = ask.form.get("sure") == "yes"
    problem = not_agreed(foreseen, ask.form) if asked else ""
    if (foreseen.loses or not wanted.is_trust) and (not asked or problem):
        return _panel(ask, wanted, operations, foreseen, problem)
    done: list[OperationResult] = []
    for operation in operations:
        try:
            done.append(ask.control.run(ask.principal, operation))
        except MixedModeError as error:
            raise _half_done(error, done) from error
    return Redirect(with_query(LIST, certificate=wanted.unit), _told(wanted, done))


def _panel(ask: Ask, wanted: Wanted, operations: Sequence[Operation], foreseen: Foreseen, problem: str) -> View:
    plan = ask.control.plan(ask.principal, operations[-1])
    context = {
        "wanted": wanted,
        "foreseen": foreseen,
        "lost_path": lost_address(operations),
        "error": problem,
        "warnings": plan.warnings,
        "above": len(operations) - 1,
        "pem": "".join(each.pem().decode() for each in wanted.certificates),
    }
    return View("cmplatform/upload_sure.html", context, status=422 if problem else 200)


def _half_done(error: MixedModeError, done: Sequence[OperationResult]) -> MixedModeError | Problem:
    changes = [each for result in done for each in result.changes]
    if not changes:
        return error
    return Problem(
        409,
        f"{error}.",
        f"Before that was done: {'; '.join(changes)}. What is refused was not done.",
        error.next_step or "Look at the list of certificates.",
        links=((LIST, "Certificate List"),),
    )


def _told(wanted: Wanted, done: Sequence[OperationResult]) -> str:
    changes = [f"{each}." for result in done for each in result.changes]
    warnings = [each for result in done for each in result.warnings]
    if not changes:
        return f"{wanted.unit} had it already; nothing was changed."
    restart = sorted({service for result in done for _, service in result.restart})
    return " ".join([*changes, *warnings, *([f"Restart: {', '.join(restart)}."] if restart else [])])
