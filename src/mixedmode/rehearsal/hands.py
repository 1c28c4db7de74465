"""Whoever holds a lab's security tokens, and runs the CTL Client with them.

The CTL Client is the real one: it logs in to the CTL Provider over TLS, its wizard is answered as a person would, its
tokens sign through PKCS#11 where SoftHSM2 is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.faces.ctlclient.known import GivenCertificates
from mixedmode.faces.ctlclient.provider import ProviderClient
from mixedmode.faces.ctlclient.wizard import Token as Inserted
from mixedmode.faces.ctlclient.wizard import Wizard
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD
from mixedmode.procedures.facts import Token, TokenFacts
from mixedmode.procedures.steps import ClientAction, CtlClient
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR, Lab
from mixedmode.rehearsal.lab.names import TOKEN_NUMBERS
from mixedmode.rehearsal.lab.tokens import LabTokens

_NUMBERS: Final = dict(zip(Token, (*TOKEN_NUMBERS, "ADN00c0ffee"), strict=True))
_CHOICES: Final = {ClientAction.MIXED: "1", ClientAction.NON_SECURE: "2", ClientAction.UPDATE: "3"}


class TokenHands:
    """The tokens of a lab by what they are to a procedure; each is made when it is first needed.

    Args:
        lab: A lab.
        tell: Told each line of the transcript.
    """

    def __init__(self, lab: Lab, tell: Callable[[str], None]) -> None:
        self._lab = lab
        self._tell = tell
        self._tokens = LabTokens(lab.directory / "tokens")
        self._made: dict[Token, Inserted] = {}

    @property
    def kind(self) -> str:
        """What the tokens are, for people."""
        return self._tokens.kind

    @property
    def facts(self) -> Mapping[Token, TokenFacts]:
        """The tokens that there are."""
        return {token: TokenFacts(made.label, made.certificate.sha256.hex()) for token, made in self._made.items()}

    def pem(self, token: Token) -> tuple[str, ...]:
        """Return the lines of a token's certificate, as they are pasted."""
        return tuple(self._token(token).certificate.pem().decode().strip().splitlines())

    def certificate(self, token: Token) -> Certificate:
        """Return a token's certificate."""
        return self._token(token).certificate

    def _token(self, token: Token) -> Inserted:
        if token not in self._made:
            self._made[token] = self._tokens.make(_NUMBERS[token])
        return self._made[token]

    async def run(self, act: CtlClient) -> list[str]:
        """Run the wizard; return what it said. An error of it becomes its last line."""
        lab, node = self._lab, self._lab.publisher
        self._tokens.insert(*(self._token(token) for token in act.tokens))
        cluster = lab.cluster
        warned = cluster.mode.value == 1 and cluster.show_ctl(cluster.publisher.name).data is None
        io = ScriptedIO([*([""] if warned else []), _CHOICES[act.action], *_answers(act)])
        certificate = cluster.own_certificate(node.info.name, Purpose.CALLMANAGER.value)
        self._tell("")
        self._tell(f"$ mixedmode ctl-client {node.info.address}")
        failure: list[str] = []
        try:
            trust = GivenCertificates([certificate])
            async with ProviderClient(node.info.address, node.ports["ctl_provider"] or 0, trust) as client:
                await client.login(ADMINISTRATOR, lab.password_file.read_text().strip())
                await Wizard(io, client, self._tokens.read).run()
        except MixedModeError as error:
            failure = [error.what]
        lines = [*io.lines, *failure]
        for line in lines:
            self._tell(line)
        return lines


def _answers(act: CtlClient) -> list[str]:
    """Return what a person answers after the choice: insert, Add, and so on; Finish, the password, Done."""
    if not act.finish:
        return ["", "cancel"]
    more = [answer for _ in act.tokens[1:] for answer in ("add tokens", "", "add")]
    return ["", "add", *more, "finish", DEFAULT_PASSWORD, ""]
