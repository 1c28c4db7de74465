"""The procedures with hardware eTokens: both migrations of the seed, the downgrade, and lost tokens.

The CTL Client is the real one: it logs in to the CTL Provider over TLS, its wizard is answered as a person would, its
tokens sign through PKCS#11 where SoftHSM2 is installed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mixedmode.cluster.operations.versions import Upgrade
from mixedmode.errors import MixedModeError
from mixedmode.faces.ctlclient.draft import MISSING_CTL
from mixedmode.faces.ctlclient.known import GivenCertificates
from mixedmode.faces.ctlclient.provider import ProviderClient
from mixedmode.faces.ctlclient.wizard import ANOTHER, Token, Wizard
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR
from mixedmode.rehearsal.lab.names import TOKEN_NUMBERS
from mixedmode.rehearsal.lab.tokens import LabTokens
from mixedmode.rehearsal.procedures import promise_by_trust, set_mixed_mode
from mixedmode.rehearsal.stage import Stage
from mixedmode.trustlist import TrustList

SAST_VOUCHED = "CertificateCTLCache::getCertificateInformation - Found entry {rolecount : 1}"
"""What TVS traces of a token that phones ask about: the database's cache misses, the CTL file's hits."""
MIXED, NON_SECURE, UPDATE = "1", "2", "3"
"""Choices of the wizard."""


class TokenStage:
    """A stage with security tokens and a CTL Client.

    Args:
        stage: What the procedure plays on.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tokens = LabTokens(stage.lab.directory / "tokens")
        stage.tell(f"# Security tokens: {self.tokens.kind}")

    async def client(self, choice: str, answers: Sequence[str], *inserted: Token) -> list[str]:
        """Run the wizard with these tokens in the reader; return what it said. An error of it becomes its last line.

        Args:
            choice: Of the three actions.
            answers: After that choice.
            inserted: Tokens in the reader.
        """
        stage, node = self.stage, self.stage.lab.publisher
        self.tokens.insert(*inserted)
        warned = stage.lab.cluster.mode.value == 1 and stage.published_ctl() is None
        io = ScriptedIO([*([""] if warned else []), choice, *answers])
        certificate = stage.lab.cluster.own_certificate(node.info.name, Purpose.CALLMANAGER.value)
        stage.tell()
        stage.tell(f"$ mixedmode ctl-client {node.info.address}")
        lines: list[str] = []
        try:
            trust = GivenCertificates([certificate])
            async with ProviderClient(node.info.address, node.ports["ctl_provider"] or 0, trust) as client:
                await client.login(ADMINISTRATOR, stage.lab.password_file.read_text().strip())
                await Wizard(io, client, self.tokens.read).run()
        except MixedModeError as error:
            lines = [error.what]
        lines = [*io.lines, *lines]
        for line in lines:
            stage.tell(line)
        return lines

    async def create(self, one: Token, two: Token, choice: str) -> list[str]:
        """Sign with two tokens: insert, Add, Add Tokens, insert, Add, Finish, the password, Done."""
        return await self.client(choice, ["", "add", "add tokens", "", "add", "finish", DEFAULT_PASSWORD, ""], one, two)

    async def upload(self, token: Token) -> None:
        """Upload a token's certificate as Phone-SAST-trust."""
        pem = token.certificate.pem().decode().strip().splitlines()
        await self.stage.admin("set cert import trust Phone-SAST-trust", *pem)

    def check_signer(self, token: Token) -> TrustList | None:
        """State that the published CTL is signed by a token."""
        published = self.stage.published_ctl()
        self.stage.check(f"the CTL file is signed by {token.label}", _signed_by(published, token))
        return published


async def etokens_to_tokenless(stage: Stage) -> None:
    """Play the seed's second procedure: utils ctl update CTLFile takes every eToken out of the CTL file."""
    hands = TokenStage(stage)
    await stage.reset_phones()
    stage.step("Mixed mode by the CTL Client, with two eTokens")
    one, two = (hands.tokens.make(number) for number in TOKEN_NUMBERS)
    await hands.create(one, two, MIXED)
    old = hands.check_signer(two)
    await stage.restart_services()
    boots = await stage.reset_phones()
    held = old is not None and all(boot.trust.ctl == old for boot in boots)
    stage.check("every phone holds the eTokens' CTL file", held)
    stage.step("Update the CTL file: it is signed by the server now")
    await stage.admin("utils ctl update CTLFile", "y")
    new = stage.published_ctl()
    tokens = {one.certificate, two.certificate}
    gone = new is not None and not tokens & {record.certificate for record in new.records}
    stage.check("the certificates of the eTokens are removed from the CTL file", gone)
    await stage.restart_services()
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, old, vouched=None)


async def tokenless_to_etokens(stage: Stage) -> None:
    """Play the seed's third procedure, all 23 steps, and its wrong order first."""
    hands = TokenStage(stage)
    await stage.reset_phones()
    await set_mixed_mode(stage)
    old = stage.published_ctl()
    one, two = (hands.tokens.make(number) for number in TOKEN_NUMBERS)
    stage.step("The wrong order: the CTL Client while the tokenless CTL file is there")
    said = await hands.client(UPDATE, ["", "cancel"], one, two)
    stage.check("the CTL Client says that the token is not in the CTL file", all(line in said for line in ANOTHER))
    _check_unchanged(stage, old)
    stage.step("Steps 1 to 2: delete the CTL file on the publisher")
    await stage.admin("file delete tftp CTLFile.tlv", "y")
    stage.step("The wrong order again: the CTL Client before the upload")
    said = await hands.create(one, two, UPDATE)
    stage.check("the CTL Client warns that there is no CTL file", all(line in said for line in MISSING_CTL))
    stage.check("a token that nobody vouches for is refused", stage.published_ctl() is None, "it was installed")
    stage.step("Steps 3 to 10: export both certificates and upload them as Phone-SAST-trust")
    for token in (one, two):
        await hands.upload(token)
    stage.step("Steps 11 to 19: run the CTL Client")
    said = await hands.create(one, two, UPDATE)
    stage.check("the CTL Client lists the servers with their result", any(line.endswith("Good") for line in said))
    hands.check_signer(two)
    stage.step("Steps 20 to 23: restart the services and the phones, look at the CTL file")
    await stage.restart_services()
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, old, vouched=SAST_VOUCHED)


async def downgrade(stage: Stage) -> None:
    """Play a switch back to a version without utils ctl, with the tokenless CTL file in the way."""
    hands = TokenStage(stage)
    await stage.reset_phones()
    await set_mixed_mode(stage)
    old = stage.published_ctl()
    stage.step("Switch back to a version before 10: the CTL file comes along byte for byte")
    cluster = stage.lab.cluster
    cluster.run(Upgrade("9.1.2.10000-28"), stage.lab.actor)
    await stage.admin("utils system switch-version", "yes")
    await stage.restart_services()
    now = stage.published_ctl()
    stage.check("the CTL file is the same", old is not None and now is not None and old.data == now.data)
    stage.step("There is no utils ctl")
    outcome = await stage.attempt("utils ctl update CTLFile", "y")
    stage.check("utils ctl is no command of this version", outcome != 0)
    one, two = (hands.tokens.make(number) for number in TOKEN_NUMBERS)
    said = await hands.client(UPDATE, ["", "cancel"], one, two)
    stage.check("the CTL Client does not know the tokens", all(line in said for line in ANOTHER))
    stage.step("Delete the CTL file, upload the tokens' certificates, sign with the tokens")
    await stage.admin("file delete tftp CTLFile.tlv", "y")
    for token in (one, two):
        await hands.upload(token)
    await hands.create(one, two, UPDATE)
    hands.check_signer(two)
    await stage.restart_services()
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, old, vouched=None)


async def one_token_lost(stage: Stage) -> None:
    """Play the loss of one of two eTokens: the other one signs a list with a new one, and every phone follows."""
    hands = TokenStage(stage)
    await stage.reset_phones()
    stage.step("Mixed mode by the CTL Client, with two eTokens")
    one, two = (hands.tokens.make(number) for number in TOKEN_NUMBERS)
    await hands.create(one, two, MIXED)
    await stage.restart_services()
    await stage.reset_phones()
    stage.step("The second token is lost; a new one joins, and the first one signs")
    new = hands.tokens.make("ADN00c0ffee")
    await hands.client(UPDATE, ["", "add", "add tokens", "", "add", "finish", DEFAULT_PASSWORD, ""], one, new)
    published = stage.published_ctl()
    held = published is not None and new.certificate in {record.certificate for record in published.records}
    stage.check("the new token is in the CTL file", held)
    await stage.restart_services()
    boots = await stage.reset_phones()
    stage.check("the first token signed it", _signed_by(published, one))
    await promise_by_trust(stage, boots, None, vouched=None)


async def lost_tokens(stage: Stage) -> None:
    """Play the loss of all eTokens: from version 10 on the command line takes their place."""
    hands = TokenStage(stage)
    await stage.reset_phones()
    stage.step("Mixed mode by the CTL Client, with two eTokens")
    one, two = (hands.tokens.make(number) for number in TOKEN_NUMBERS)
    await hands.create(one, two, MIXED)
    old = hands.check_signer(two)
    await stage.restart_services()
    await stage.reset_phones()
    stage.step("Both tokens are lost: the CTL Client has nothing to sign with")
    stranger = hands.tokens.make("ADN00c0ffee")
    said = await hands.client(UPDATE, ["", "cancel"], stranger)
    stage.check("another token is refused", all(line in said for line in ANOTHER))
    _check_unchanged(stage, old)
    stage.step("From version 10 on: utils ctl set-cluster non-secure-mode")
    await stage.admin("utils ctl set-cluster non-secure-mode", "y")
    await stage.restart_services()
    boots = await stage.reset_phones()
    await promise_by_trust(stage, boots, old, vouched=None)


def _check_unchanged(stage: Stage, old: TrustList | None) -> None:
    now = stage.published_ctl()
    stage.check("nothing was changed", old is not None and now is not None and now.data == old.data)


def _signed_by(published: TrustList | None, signer: Token) -> bool:
    verdict = published.verify() if published else None
    return bool(verdict and verdict.record and verdict.record.certificate == signer.certificate)


TOKEN_PROCEDURES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "etokens-to-tokenless": etokens_to_tokenless,
    "tokenless-to-etokens": tokenless_to_etokens,
    "downgrade": downgrade,
    "one-token-lost": one_token_lost,
    "lost-tokens": lost_tokens,
}
"""By the name that ``mixedmode rehearse`` knows."""
