"""The CTL Client as a wizard in a terminal: the steps and messages of the seed, in its order.

Server and login are behind it already: a provider answers. Then: what to do; insert a token, its details, Add; the
list; Add Tokens or Finish; the password; each server's result; Done. Every step can be cancelled, and until the
provider has taken the signed list nothing is changed anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mixedmode.cluster.model.errors import INSERT_ANOTHER, TOKEN_NOT_IN_CTL
from mixedmode.errors import CheckFailedError, MixedModeError, UsageError
from mixedmode.faces.ctlclient.draft import ACTIONS, MISSING_CTL, Draft
from mixedmode.faces.ctlclient.lists import lacks_ctl
from mixedmode.faces.shell.talk import AdminIO, InputEndedError
from mixedmode.faces.shell.texts import RESTART_SERVICES
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import Signer, SignerError
from mixedmode.protocols.ctlprovider import Action, Description, Installed, Mode, Progress

RESTART = RESTART_SERVICES.form
INSERT = "Please insert a Security Token. Click Ok when done."
ANOTHER = (TOKEN_NOT_IN_CTL, INSERT_ANOTHER)


class CancelledError(UsageError):
    """The administrator left the wizard; nothing was changed."""

    default_code = "cancelled"


class Token(Protocol):
    """A token that is inserted."""

    @property
    def label(self) -> str:
        """Its name on the reader."""

    @property
    def certificate(self) -> Certificate:
        """Its certificate."""

    def open(self, password: str) -> Signer:
        """Log in.

        Raises:
            SignerError: The password is wrong, the token is locked, or it was pulled.
        """


Reader = Callable[[], Awaitable[Sequence[Token]]]
"""Returns the tokens that are inserted now."""


class Provider(Protocol):
    """A CTL Provider, logged in."""

    async def describe(self) -> Description:
        """Return what the cluster is."""

    async def install(
        self, ctl: bytes, action: Action, *, phones_cleared: bool = False, told: Callable[[Progress], None] = ...
    ) -> Installed:
        """Install a signed list.

        Raises:
            MixedModeError: It was refused, or the provider is gone.
        """


class Wizard:
    """One run of the CTL Client.

    Args:
        io: The administrator.
        provider: Logged in.
        reader: Of tokens.

    Attributes:
        handed_over: Whether the provider may have got the list: until then nothing is changed anywhere.
    """

    def __init__(self, io: AdminIO, provider: Provider, reader: Reader) -> None:
        self._io = io
        self._provider = provider
        self._reader = reader
        self._added: list[Token] = []
        self.handed_over = False

    async def run(self, *, action: Action | None = None, phones_cleared: bool = False) -> Installed:
        """Go through the wizard.

        Args:
            action: Chosen already; None asks.
            phones_cleared: The administrator deletes the CTL file from every phone by hand.

        Raises:
            CancelledError: The administrator left.
            MixedModeError: Something failed; nothing was changed.
        """
        description = await self._provider.describe()
        await self._show_cluster(description)
        draft = Draft(description, action if action is not None else await self._choose_action())
        await self._add_token(draft)
        while True:
            await self._show_entries(draft)
            if await self._choose_next(draft) == "finish":
                break
            await self._add_token(draft)
        data = await self._sign(draft)
        return await self._install(data, draft.action, phones_cleared=phones_cleared)

    async def _show_cluster(self, description: Description) -> None:
        await self._say("CTL Client")
        mode = "Mixed Mode" if description.mode is Mode.MIXED else "Non Secure Mode"
        await self._say(f"Cluster: version {description.version}, {mode}, {len(description.nodes)} servers")
        if lacks_ctl(description):
            await self._say("")
            for line in MISSING_CTL:
                await self._say(line)
            await self._ok()

    async def _choose_action(self) -> Action:
        await self._say("")
        for number, text in enumerate(ACTIONS.values(), 1):
            await self._say(f"  {number}. {text}")
        while True:
            answer = await self._ask("Choose 1, 2 or 3 (c cancels): ")
            if answer in {"1", "2", "3"}:
                return list(ACTIONS)[int(answer) - 1]

    async def _add_token(self, draft: Draft) -> None:
        """Have a token inserted, show it and add it."""
        lines: Sequence[str] = (INSERT,)
        while True:
            await self._say("")
            for line in lines:
                await self._say(line)
            await self._ok()
            token = await self._inserted(draft)
            if token is None:
                lines = ("No Security Token that can be added is inserted.", INSERT)
                continue
            try:
                draft.check(token.certificate)
            except CheckFailedError:
                lines = ANOTHER
                continue
            await self._show_token(token)
            if await self._ask("Add this token? (Add/Cancel) [Add]: ") in {"", "a", "add", "y", "yes"}:
                draft.add(token.certificate)
                self._added.append(token)
                return
            lines = (INSERT,)

    async def _inserted(self, draft: Draft) -> Token | None:
        """Return the inserted token to add next: one that is not added yet, else the last one in its reader."""
        tokens = await self._reader()
        fresh = [token for token in tokens if token.certificate not in draft.tokens]
        known = [token for token in tokens if token.certificate in draft.tokens]
        # While there is a CTL file its own tokens come first: one of them has to open the list.
        if not self._added and draft.description.ctl is not None and known:
            return known[-1]
        return fresh[0] if fresh else None

    async def _show_token(self, token: Token) -> None:
        certificate = token.certificate
        await self._say("")
        await self._say("Security Token Information")
        for name, value in (
            ("Token", token.label),
            ("Subject Name", certificate.subject),
            ("Issuer Name", certificate.issuer),
            ("Valid from", f"{certificate.not_before:%m/%d/%Y %H:%M:%S}"),
            ("Valid to", f"{certificate.not_after:%m/%d/%Y %H:%M:%S}"),
        ):
            await self._say(f"  {name:<13} {value}")

    async def _show_entries(self, draft: Draft) -> None:
        entries = draft.entries()
        await self._say("")
        await self._say("CTL Entries")
        await self._say(f"  {'Type':<15} {'DNS Name/IP':<16} Subject Name")
        for entry in entries:
            await self._say(f"  {entry.kind:<15} {entry.address:<16} {entry.subject}")

    async def _choose_next(self, draft: Draft) -> str:
        if draft.lacking:
            await self._say(f"At least two Security Tokens are needed; {draft.lacking} more must be added.")
        while True:
            answer = await self._ask("Add Tokens, Finish or Cancel? ")
            if answer in {"a", "add", "add tokens"}:
                return "add"
            if answer in {"f", "finish"} and not draft.lacking:
                return "finish"
            if answer in {"f", "finish"}:
                await self._say("Insert another Security Token first: choose Add Tokens.")

    async def _sign(self, draft: Draft) -> bytes:
        token = _signer_of(draft, self._added)
        while True:
            password = await self._io.ask(f"Enter the password of the Security Token {token.label}: ", secret=True)
            if not password:
                raise CancelledError("cancelled: nothing was changed")
            try:
                # A token takes its time, and other connections of this program go on meanwhile.
                return await asyncio.to_thread(lambda: draft.sign(token.open(password)))  # noqa: B023 - awaited here
            except SignerError as error:
                if error.code != "wrong_pin":
                    raise
                await self._say(error.what)
                if error.why:
                    await self._say(error.why)

    async def _install(self, data: bytes, action: Action, *, phones_cleared: bool) -> Installed:
        await self._say("")
        await self._say("The CTL file is signed and goes to the servers.")
        self.handed_over = True
        done = await self._provider.install(data, action, phones_cleared=phones_cleared)
        await self._say("")
        await self._say(f"  {'CUCM Server':<32} CTL File")
        for each in done.results:
            await self._say(f"  {each.node:<32} {'Good' if each.installed else f'Not yet: {each.reason}'}")
        for line in done.warnings:
            await self._say(line)
        await self._say("")
        await self._say(RESTART)
        # The list is installed, whether anybody is still there to read that or not.
        with contextlib.suppress(InputEndedError):
            await self._io.ask("Done ")
        return done

    async def _ok(self) -> None:
        await self._ask("Ok ")

    async def _ask(self, prompt: str) -> str:
        answer = (await self._io.ask(prompt)).strip().lower()
        if answer in {"c", "cancel"}:
            raise CancelledError("cancelled: nothing was changed")
        return answer

    async def _say(self, line: str) -> None:
        await self._io.write(line)


def _signer_of(draft: Draft, added: Sequence[Token]) -> Token:
    """Return the token that signs: the last one added that phones believe."""
    for token in reversed(added):
        if draft.may_sign(token.certificate):
            return token
    raise UsageError(
        "none of these Security Tokens is in the CTL file", next_step="insert one that is in it, and begin again"
    )


async def install_scripted(
    provider: Provider,
    action: Action,
    tokens: Sequence[Token],
    password: Callable[[Token], str],
    *,
    phones_cleared: bool = False,
    told: Callable[[Progress], None] = lambda _progress: None,
) -> Installed:
    """Do what the wizard does, without a person: the tokens in the order in which they are added.

    Raises:
        MixedModeError: Something failed; nothing was changed.
    """
    if not tokens:
        raise UsageError("no Security Token is named", next_step="name at least one that is in the CTL file")
    draft = Draft(await provider.describe(), action)
    for token in tokens:
        try:
            draft.add(token.certificate)
        except UsageError:
            continue  # a token that the present CTL file has anyway
    signer = _signer_of(draft, tokens)
    pin = password(signer)
    data = await asyncio.to_thread(lambda: draft.sign(signer.open(pin)))
    return await provider.install(data, action, phones_cleared=phones_cleared, told=told)


__all__ = ["CancelledError", "MixedModeError", "Provider", "Reader", "Token", "Wizard", "install_scripted"]
