"""The CTL Provider over real TLS sockets: our client, several at once, cut off, slow, wrong, and OpenSSL's client."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from mixedmode.cluster.model.errors import INSERT_ANOTHER, TOKEN_NOT_IN_CTL
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl_signers import INSTALL
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.errors import UsageError
from mixedmode.faces.ctlclient.lists import lacks_ctl
from mixedmode.faces.ctlclient.provider import (
    LoginRefusedError,
    ProviderFailedError,
    RefusedError,
    TokenRefusedError,
)
from mixedmode.protocols.ctlprovider import Action, Hello, Install, Mode, Progress, encode_message
from tests.cluster.building import MIXED, PUB, SUB, ctl_of
from tests.cluster.tokens import ANNA, ONE, TWO, signed, upload_tokens
from tests.services.ctlprovider.provider_site import PASSWORD, Lab, signed_for
from tests.services.tvs.tvsclient import client_context, run
from tests.support import eventually


def test_the_whole_procedure_from_no_ctl_to_mixed_mode_and_back(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.client(service) as client:
            assert client.node == PUB
            assert client.certificate == lab.cluster.own_certificate(PUB, "CallManager")
            assert await client.login("anna", PASSWORD) == 1
            description = await client.describe()
            assert (description.version, description.mode) == ("10.5.1.10000-7", Mode.NON_SECURE)
            assert [(node.name, node.address) for node in description.nodes] == [
                (PUB, "10.48.47.153"),
                (SUB, "10.48.47.154"),
            ]
            assert description.ctl is None
            assert not lacks_ctl(description)

            told: list[Progress] = []
            data = signed(description)
            done = await client.install(data, Action.MIXED, told=told.append)
            assert done.results == (Progress(PUB, True), Progress(SUB, True))
            assert told == list(done.results)
            assert any(each.service == "Cisco Tftp" for each in done.restart)
            assert lab.has(data)

            description = await client.describe()
            assert (description.ctl, description.mode) == (data, Mode.MIXED)
            again = signed(description, Action.NON_SECURE, by=ONE)
            await client.install(again, Action.NON_SECURE)
            assert lab.has(again)
            assert lab.cluster.mode is SecurityMode.NON_SECURE

    run(procedure())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tokenless_to_tokens_with_the_seeds_messages(lab: Lab, loop: str) -> None:
    lab.cluster.run(MIXED, ANNA)
    tokenless = ctl_of(lab.cluster).data

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            with pytest.raises(TokenRefusedError, match=TOKEN_NOT_IN_CTL) as error:
                await client.install(signed(await client.describe(), Action.UPDATE), Action.UPDATE)
            assert error.value.next_step == INSERT_ANOTHER
            assert lab.has(tokenless)
            lab.cluster.run(DeleteFile(PUB, "CTLFile.tlv"), ANNA)
            description = await client.describe()
            assert lacks_ctl(description)
            with pytest.raises(TokenRefusedError):
                await client.install(signed(description, Action.UPDATE), Action.UPDATE)
            upload_tokens(lab.cluster, ONE, TWO)
            await client.install(signed(description, Action.UPDATE), Action.UPDATE)
            assert [r.role_label for r in ctl_of(lab.cluster, SUB).records] == [
                "SAST",
                "CCM+TFTP",
                "CAPF",
                "CCM+TFTP",
                "SAST",
            ]

    run(procedure(), loop)


def test_the_audit_log_has_logins_and_installations_with_their_address(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.client(service) as client:
            with pytest.raises(LoginRefusedError):
                await client.login("anna", "wrong-1")
            await client.login("anna", PASSWORD)
            await client.install(signed(await client.describe()), Action.MIXED)

    run(procedure())
    records = lab.cluster.operations.journal.audit()
    assert [(r.action, r.outcome) for r in records[-4:]] == [
        ("login", "refused"),
        ("login", "done"),
        (INSTALL, "started"),
        (INSTALL, "done"),
    ]
    assert {r.source for r in records[-4:]} == {"127.0.0.1"}
    assert PASSWORD not in str(records)


@pytest.mark.parametrize("user", ["anna", "nobody"])
def test_wrong_passwords_lock_out_the_right_one_too(lab: Lab, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # This machine itself is never locked; in a test 127.0.0.2 stands for another host.
    here = asyncio.open_connection
    elsewhere = partial(here, local_addr=("127.0.0.2", 0))
    monkeypatch.setattr(asyncio, "open_connection", elsewhere)

    async def procedure() -> None:
        async with lab.serving() as service:
            async with lab.client(service) as client:
                for _ in range(3):
                    with pytest.raises(LoginRefusedError):
                        await client.login(user, "wrong-1")
                with pytest.raises(UsageError):
                    await client.login(user, PASSWORD)
            async with lab.client(service) as client:
                with pytest.raises(LoginRefusedError):
                    await client.login(user, PASSWORD)
            for others in ("127.0.0.3", "127.0.0.1"):
                monkeypatch.setattr(asyncio, "open_connection", partial(here, local_addr=(others, 0)))
                async with lab.client(service) as client:
                    assert await client.login("anna", PASSWORD) == 1
            monkeypatch.setattr(asyncio, "open_connection", elsewhere)
            if user == "anna":
                lab.later += 61
                async with lab.client(service) as client:
                    assert await client.login("anna", PASSWORD) == 1
            assert service.metrics["failed_logins"] == 4

    run(procedure())


def test_an_account_that_may_only_look_is_not_let_in(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.client(service) as client:
            with pytest.raises(RefusedError, match="privilege level 1"):
                await client.login("otto", PASSWORD)

    run(procedure())


def test_a_damaged_file_of_accounts_lets_nobody_in_and_tells_nothing(lab: Lab) -> None:
    lab.accounts.path.write_text("torn")

    async def procedure() -> None:
        async with lab.serving() as service, lab.client(service) as client:
            with pytest.raises(ProviderFailedError) as error:
                await client.login("anna", PASSWORD)
            assert str(lab.folder) not in error.value.diagnostics()

    run(procedure())


def test_without_a_login_nothing_is_told_or_done(lab: Lab) -> None:
    data = signed_for(lab)

    async def procedure() -> None:
        async with lab.serving() as service:
            for sent in (encode_message(Install(Action.MIXED, data)), encode_message(Hello()) * 2):
                reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=client_context())
                writer.write(sent)
                answer = await reader.read()
                assert len(answer) < 60
                writer.close()
            await eventually(lambda: service.metrics["malformed"] == 2)

    run(procedure())
    assert lab.has(None)
