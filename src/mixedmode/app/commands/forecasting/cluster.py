"""The cluster of a node or a lab in a forecast: what is published now, what an operation would publish, whom TVS knows.

Rules:

1. Nothing is written and no key is used: operations are foreseen one after another, and every TFTP is restarted after
   each but a reset of the ITL. What a cluster refuses now is refused here too, of the first operation; later ones meet
   what is not there yet.
2. Phones get the lists of the publisher, or of the first node with TFTP if the publisher has none.
3. TVS vouches for what is in the stores, with the roles that it gives, and for what the stores do not know by the
   functions of the CTL file's records; its servers and the CallManager show the certificates that the nodes have,
   whatever the lists say.
4. A field of an operation is written ``key=value``; ``key=@FILE`` is what a file holds, such as a certificate's PEM.
5. ``ctl client install action=update tokens=@FILE.pem`` is the list that tokens would sign; without ``tokens`` those
   that the cluster knows. Its true signer and records are in it, and a stand-in's signature.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.app.targets.sources import read_source
from mixedmode.cluster.operations.ctl_upload import InstallCtl
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.json_reader import read_json
from mixedmode.pki.certificates.certificates import Certificate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mixedmode.app.targets.hands import Hands
    from mixedmode.cluster.engine.memory import Json
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.forecast.plan import Step

_LIMIT = 1 << 20
_PEM = "-----BEGIN CERTIFICATE-----"
_CLIENT_FIELDS = {"action", "tokens"}


class About:
    """The cluster that a forecast is about.

    Args:
        hands: Open while this is made.

    Attributes:
        refused: Why the cluster refuses an operation that was asked about.
    """

    def __init__(self, directory: Path | None, config: Path | None, hands: Hands) -> None:
        from mixedmode.cluster.publishing import archive
        from mixedmode.cluster.publishing.looking import outlook

        self._place = directory, config
        self._after: dict[tuple[str, ...], Outlook] = {(): outlook(hands.cluster)}
        self._done: tuple[str, ...] = ()
        self.refused: MixedModeError | None = None
        self.lists = [*archive.contents(hands.cluster.database), *self._after[()].files.values()]
        self.present = foreseen_step("as it is", self._after[()], None)

    @property
    def prints(self) -> dict[str, str]:
        """What the cluster is now, before any operation, for a later comparison."""
        from mixedmode.app.commands.forecasting.fingerprints import of_cluster

        return of_cluster(self._after[()])

    def operate(self, text: str) -> Step:
        """Return the step that an operation is, after those that were asked for before.

        Raises:
            MixedModeError: There is no such operation, or it would be refused.
        """
        self._done = (*self._done, text)
        try:
            return self.foresee(self._done)[-1]
        except MixedModeError as error:
            self.refused = error
            raise

    def foresee(self, texts: tuple[str, ...]) -> tuple[Step, ...]:
        """Return the steps that operations are, one after another.

        Raises:
            MixedModeError: There is no such operation, or it would be refused.
        """
        befores = [texts[:number] for number in range(len(texts))]
        return tuple(
            replace(foreseen_step(text, self._outlook(texts[: number + 1]), self._outlook(before)), operation=text)
            for number, (text, before) in enumerate(zip(texts, befores, strict=True))
        )

    def _outlook(self, texts: tuple[str, ...]) -> Outlook:
        found = self._after.get(texts)
        if found is None:
            found = self._after[texts] = self._foreseen(texts)
        return found

    def _foreseen(self, texts: tuple[str, ...]) -> Outlook:
        from mixedmode.app.targets.hands import looked_at

        before = self._outlook(texts[:-1])
        title, fields = _read(texts[-1])
        with looked_at(*self._place) as hands:
            if title == InstallCtl.title:
                return _after_client(before, fields).starting_every_tftp()
            operation = _operation(hands, title, fields)
            if len(texts) == 1:
                after = hands.control.preview(hands.principal, operation).after
            else:
                after = operation.foresee(before)
        return in_force(operation, after)


def whose(directory: Path | None, config: Path | None, *, wanted: bool) -> About | None:
    """Return the cluster that a forecast is about, None if it is about files alone.

    Raises:
        NotFoundError: There is no cluster.
        DatabaseError: The database cannot be used.
    """
    if not wanted:
        return None
    from mixedmode.app.targets.hands import looked_at

    with looked_at(directory, config) as hands:
        return About(directory, config, hands)


def _read(text: str) -> tuple[str, dict[str, str]]:
    """Return the title and the fields of an operation's text (rule 4)."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be read: {error}") from error
    fields = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            fields[key] = _of_file(value[1:]) if value.startswith("@") else value
    return " ".join(word for word in words if "=" not in word), fields


def _of_file(source: str) -> str:
    try:
        return read_source(source, limit=_LIMIT).decode()
    except UnicodeDecodeError as error:
        raise UsageError("this is no text", where=source, next_step="give a certificate as PEM") from error


def _after_client(before: Outlook, fields: Mapping[str, str]) -> Outlook:
    """Return the cluster after the CTL Client (rule 5).

    Raises:
        MixedModeError: Fields are wrong, no tokens are known, or none of them may sign.
    """
    from mixedmode.faces.ctlclient.foreseen import after_client, check_tokens, known_tokens
    from mixedmode.protocols.ctlprovider import Action

    names = {each.name.lower().replace("_", "-"): each for each in Action}
    wrong = sorted(set(fields) - _CLIENT_FIELDS)
    action = names.get(fields.get("action", ""))
    if wrong or action is None:
        raise UsageError(
            f"{InstallCtl.title} has no field {wrong[0]!r}" if wrong else f"{InstallCtl.title}: which action?",
            next_step=f"its fields: action ({', '.join(names)}), tokens (=@FILE: certificates as PEM, the last signs)",
        )
    text = fields.get("tokens", "")
    blocks = [f"{_PEM}{each}".encode() for each in text.split(_PEM)[1:]]
    tokens = [Certificate.from_file(each) for each in blocks] if text else known_tokens(before)
    if not tokens:
        raise UsageError(f"{InstallCtl.title}: which tokens?", next_step="give their certificates: tokens=@FILE, PEM")
    check_tokens(before, tokens)
    return after_client(before, action, tokens)


def _operation(hands: Hands, title: str, texts: Mapping[str, str]) -> Operation:
    """Return the operation of a title and its fields: text as it is, or as JSON where no text will do."""
    fields: dict[str, Json] = dict(texts)
    while True:
        try:
            return hands.control.operation(title, fields)
        except UsageError as error:
            where = (error.where or "").partition(".")[0]
            value = _json(texts.get(where, ""))
            if value is None or fields[where] != texts[where] or value == texts[where]:
                raise
            fields[where] = value


def _json(text: str) -> Json:
    try:
        found: Json = read_json(text)
    except ValueError:
        return None
    return found
