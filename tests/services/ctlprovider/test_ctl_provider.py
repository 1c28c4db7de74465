"""The CTL Provider over real TLS sockets: our client, several at once, cut off, slow, wrong, and OpenSSL's client."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import INSERT_ANOTHER, TOKEN_NOT_IN_CTL
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode
from mixedmode.cluster.operations.ctl_signers import INSTALL
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.control.accounts import AccountStore
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.errors import CheckFailedError, ProtocolError, RemoteError, UsageError
from mixedmode.faces.ctlclient import provider
from mixedmode.faces.ctlclient.known import (
    GivenCertificates,
    Known,
    KnownProviders,
    UnknownProviderError,
    explain_change,
    fingerprint,
)
from mixedmode.faces.ctlclient.lists import client_list, lacks_ctl, target_mode
from mixedmode.faces.ctlclient.provider import (
    LoginRefusedError,
    ProviderClient,
    ProviderFailedError,
    RefusedError,
    TokenRefusedError,
    TrustCheck,
)
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.ctlprovider import Action, Hello, Install, Mode, Progress, encode_message
from mixedmode.services.ctlprovider.service import CtlProviderService, ProviderLimits
from tests.cluster.building import MIXED, PUB, SUB, ctl_of, make
from tests.cluster.tokens import ANNA, ONE, THREE, TWO, signed, token, upload_tokens
from tests.pki.zoo import CA_FALSE, CA_TRUE, MICROSOFT, PLAIN, certificate, name, part
from tests.services.tvs.tvsclient import client_context, run

PASSWORD = "Marmalade-1"
QUICK = LoginPolicy(attempts=3, address_attempts=5, delay_seconds=0.01, longest_delay=0.02, lock_seconds=1.0)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("provider") / "cluster"
    make(directory).close()
    return directory


@dataclass
class Lab:
    """A cluster and its administrators: ``anna`` may change it, ``otto`` may look."""

    cluster: Cluster
    accounts: AccountStore
    folder: Path

    @property
    def down(self) -> set[str]:
        assert isinstance(self.cluster.deliveries.distributor, LocalDistributor)
        return self.cluster.deliveries.distributor.down

    def has(self, data: bytes | None) -> bool:
        return all(self.cluster.show_ctl(node).data == data for node in (PUB, SUB))

    @asynccontextmanager
    async def serving(
        self, node: str = PUB, limits: ProviderLimits | None = None, policy: LoginPolicy = QUICK
    ) -> AsyncIterator[CtlProviderService]:
        service = CtlProviderService(
            CtlDesk(self.cluster, node), node, LoginGuard(self.accounts, policy), port=0, limits=limits
        )
        await service.start()
        try:
            yield service
        finally:
            await service.stop()

    def client(self, service: CtlProviderService, trust: TrustCheck | None = None) -> ProviderClient:
        known = KnownProviders(self.folder / "known", lambda _place, _certificate: True)
        return ProviderClient("127.0.0.1", service.port, trust or known, connect_seconds=5, answer_seconds=10)

    @asynccontextmanager
    async def logged_in(self, service: CtlProviderService, user: str = "anna") -> AsyncIterator[ProviderClient]:
        async with self.client(service) as client:
            await client.login(user, PASSWORD)
            yield client


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[Lab]:
    cluster = Cluster.open(Path(shutil.copytree(template, tmp_path / "cluster", symlinks=True)))
    accounts = AccountStore(tmp_path / "accounts.json")
    accounts.put("anna", PASSWORD, 1)
    accounts.put("otto", PASSWORD, 0)
    yield Lab(cluster, accounts, tmp_path)
    cluster.close()


class Held:
    """Holds deliveries to nodes until :meth:`go`, so that an installation lasts as long as a test wants."""

    def __init__(self, cluster: Cluster) -> None:
        self._inner = cluster.deliveries.distributor
        self.begun, self._free = threading.Event(), threading.Event()
        cluster.deliveries.distributor = self

    def reachable(self, node: NodeInfo) -> str | None:
        return self._inner.reachable(node)

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        self.begun.set()
        assert self._free.wait(20)
        self._inner.deliver(node, files)

    def go(self) -> None:
        self._free.set()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


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
                await asyncio.sleep(1.1)
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
            await until(lambda: service.metrics["malformed"] == 2)

    run(procedure())
    assert lab.has(None)


def signed_for(lab: Lab, action: Action = Action.MIXED) -> bytes:
    from mixedmode.control.ctl_description import describe

    return signed(describe(lab.cluster), action)


def test_attackers_with_credentials_change_nothing(lab: Lab, tmp_path: Path) -> None:
    from mixedmode.control.ctl_description import describe

    other = make(tmp_path / "other")
    foreign = signed(describe(other))
    other.close()

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            first = signed(await client.describe())
            await client.install(first, Action.MIXED)
            second = signed(await client.describe(), Action.UPDATE)
            await client.install(second, Action.UPDATE)
            description = await client.describe()
            own = signed(description, Action.UPDATE, (THREE, token("ADN00999999")))
            good = signed(description, Action.UPDATE)
            tampered = good[:-20] + bytes((good[-20] ^ 1,)) + good[-19:]
            for data in (own, first, second, foreign, tampered, b"", b"rubbish" * 100, bytes(70000)):
                with pytest.raises(RefusedError) as error:
                    await client.install(data, Action.UPDATE)
                assert error.value.what
                assert lab.has(second)
            await client.install(good, Action.UPDATE)

    run(procedure())


def test_a_node_that_is_down_is_told_and_gets_the_list_later(lab: Lab) -> None:
    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            await client.install(signed(await client.describe()), Action.MIXED)
            lab.down.add(SUB)
            told: list[Progress] = []
            data = signed(await client.describe(), Action.UPDATE)
            done = await client.install(data, Action.UPDATE, told=told.append)
            assert [each.installed for each in done.results] == [True, False]
            assert "the node is down" in done.results[1].reason
            assert [each.node for each in told] == [PUB, SUB]
            return data

    data = run(procedure())
    lab.down.clear()
    lab.cluster.deliver_pending()
    assert lab.has(data)


def test_a_connection_cut_before_the_request_is_whole_changes_nothing(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            message = encode_message(Install(Action.MIXED, signed(await client.describe())))
            assert client._streams is not None
            client._streams[1].write(message[:-1])
            await client._streams[1].drain()
            client._streams[1].transport.abort()
            await until(lambda: service.metrics["open"] == 0)

    run(procedure())
    assert lab.has(None)
    assert lab.cluster.mode is SecurityMode.NON_SECURE


def test_a_connection_cut_while_installing_leaves_the_new_list_everywhere(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            assert client._streams is not None
            client._streams[1].transport.abort()
            with pytest.raises(ProtocolError) as error:
                await work
            assert "present CTL" in (error.value.next_step or "")
            held.go()
            await until(lambda: service.metrics["installations"] == 1)
            assert service.installer is None
            return data

    data = run(procedure())
    assert lab.has(data)
    assert lab.cluster.operations.journal.audit()[-1].outcome == "done"


def test_two_clients_at_once(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as one, lab.logged_in(service) as two:
            described = await one.describe()
            first, second = signed(described), signed(described)
            work = asyncio.create_task(one.install(first, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            with pytest.raises(ProviderFailedError, match=r"anna@127\.0\.0\.1 is installing"):
                await two.install(second, Action.MIXED)
            held.go()
            await work
            assert lab.has(first)
            with pytest.raises(RefusedError, match="not newer"):
                await two.install(second, Action.MIXED)
            await two.install(signed(await two.describe(), Action.UPDATE), Action.UPDATE)

    run(procedure())


def test_utils_ctl_at_the_same_time_is_told(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            other = asyncio.create_task(asyncio.to_thread(lab.cluster.run, MIXED, ANNA))
            await asyncio.to_thread(held.begun.wait, 10)
            with pytest.raises(ProviderFailedError, match="set-cluster mixed-mode is running"):
                await client.install(data, Action.MIXED)
            held.go()
            await other

    run(procedure())


def test_a_subscriber_tells_and_names_the_publisher(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving(SUB) as service, lab.logged_in(service) as client:
            assert client.node == SUB
            with pytest.raises(RefusedError) as error:
                await client.install(signed(await client.describe()), Action.MIXED)
            assert "10.48.47.153" in (error.value.next_step or "")

    run(procedure())
    assert lab.has(None)


def test_draining_lets_an_installation_end_and_closes_those_that_wait(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client, lab.logged_in(service) as idle:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            draining = asyncio.create_task(service.drain(10))
            with pytest.raises(ProtocolError):
                await idle.describe()
            with pytest.raises(RemoteError):
                await lab.client(service).connect()
            held.go()
            assert len((await work).results) == 2
            assert await draining == 0
            assert lab.has(data)

    run(procedure())


def test_stopping_waits_for_the_installation(lab: Lab) -> None:
    held = Held(lab.cluster)

    async def procedure() -> bytes:
        async with lab.serving() as service, lab.logged_in(service) as client:
            data = signed(await client.describe())
            work = asyncio.create_task(client.install(data, Action.MIXED))
            await asyncio.to_thread(held.begun.wait, 10)
            stopping = asyncio.create_task(service.stop())
            with pytest.raises(ProtocolError):
                await work
            held.go()
            await stopping
            return data

    assert lab.has(run(procedure()))


@pytest.mark.parametrize("when", ["handshake", "hello", "login", "request", "idle"])
def test_clients_that_are_silent_or_slow_are_closed(lab: Lab, when: str) -> None:
    limits = ProviderLimits(handshake_seconds=0.3, login_seconds=0.3, request_seconds=0.3, idle_seconds=0.3)
    if when in {"request", "idle"}:
        limits = ProviderLimits(request_seconds=0.3, idle_seconds=0.3 if when == "idle" else 5)

    async def silent(service: CtlProviderService) -> None:
        if when == "handshake":
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=client_context())
        if when == "login":
            writer.write(encode_message(Hello()))
        await reader.read()
        writer.close()

    async def logged_in(service: CtlProviderService) -> None:
        async with lab.logged_in(service) as client:
            assert client._streams is not None
            reader, writer = client._streams
            if when == "request":
                with contextlib.suppress(OSError):
                    for byte in encode_message(Install(Action.MIXED, bytes(1000))):
                        writer.write(bytes((byte,)))
                        await writer.drain()
                        await asyncio.sleep(0.05)
            with contextlib.suppress(OSError):
                assert await reader.read() == b""

    async def procedure() -> None:
        procedures: Callable[[CtlProviderService], Awaitable[None]]
        procedures = logged_in if when in {"request", "idle"} else silent
        async with lab.serving(limits=limits) as service:
            async with asyncio.timeout(5):
                await procedures(service)
                await until(lambda: service.metrics["open"] == 0)
            assert service.metrics["timeouts"] + service.metrics["handshake_failures"] == 1

    run(procedure(), "asyncio")


def test_there_are_bounds_for_connections(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving(limits=ProviderLimits(connections=3, per_address=2)) as service:
            async with lab.client(service), lab.client(service):
                with pytest.raises(RemoteError):
                    await lab.client(service).connect()
                assert service.metrics["refused"] == 1
            await until(lambda: service.metrics["open"] == 0)
            async with lab.client(service):
                pass

    run(procedure())


def test_the_certificate_is_known_from_the_first_time_on(lab: Lab) -> None:
    asked: list[str] = []

    def ask(place: str, certificate: Certificate) -> bool:
        asked.append(f"{place} {certificate.common_name}")
        return len(asked) > 1

    async def procedure() -> None:
        known = KnownProviders(lab.folder / "k" / "known", ask)
        async with lab.serving() as service:
            with pytest.raises(UnknownProviderError, match="not known"):
                await lab.client(service, known).connect()
            for _ in range(2):
                async with lab.client(service, known):
                    pass
            assert asked == [f"127.0.0.1:{service.port} {PUB}"] * 2
            assert (lab.folder / "k" / "known").stat().st_mode & 0o777 == 0o600

            lab.cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
            with pytest.raises(UnknownProviderError, match="another certificate than before") as error:
                await lab.client(service, known).connect()
            assert "--accept-fingerprint" in (error.value.next_step or "")
            assert len(asked) == 2

    run(procedure())


def test_a_changed_certificate_is_explained_and_taken_after_a_yes(lab: Lab) -> None:
    file = lab.folder / "known"
    asked: list[list[str]] = []
    answers = [False, True]

    def ask_changed(place: str, before: Known, now: Certificate) -> bool:
        asked.append(explain_change(place, before, now))
        return answers.pop(0)

    async def procedure() -> None:
        known = KnownProviders(file, lambda _place, _certificate: True, ask_changed=ask_changed)
        async with lab.serving() as service:
            async with lab.client(service, known) as client:
                old = client.certificate
            lab.cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
            noted = file.read_bytes()
            with pytest.raises(UnknownProviderError, match="another certificate than before") as error:
                await lab.client(service, known).connect()
            assert file.read_bytes() == noted
            for _ in range(2):
                async with lab.client(service, known) as client:
                    new = client.certificate
            assert len(asked) == 2
            assert old is not None
            assert new is not None
            shown = "\n".join(asked[0])
            for each in (old, new):
                assert each.sha256.hex() in shown
                assert each.serial.hex().upper() in shown
                assert f"{each.not_before:%Y-%m-%d %H:%M:%S} to {each.not_after:%Y-%m-%d %H:%M:%S}" in shown
                assert each.sha256.hex() in str(error.value.why)
            assert shown.count(f"CN={PUB}") == 4
            assert "regenerated" in shown
            assert f"--accept-fingerprint {new.sha256.hex()}" in str(error.value.next_step)
            assert "remove" not in str(error.value.next_step)

    run(procedure())


def test_a_fingerprint_may_be_accepted_without_a_question(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            right = lab.cluster.own_certificate(PUB, "CallManager").sha256.hex()
            for text in (
                right,
                right.upper(),
                f"SHA256:{right}",
                ":".join(right[at : at + 2] for at in range(0, 64, 2)),
            ):
                async with lab.client(service, KnownProviders(lab.folder / "k", accepted=fingerprint(text))):
                    pass
            async with lab.client(service, KnownProviders(lab.folder / "k")):
                pass
            with pytest.raises(UnknownProviderError, match="than the one that is accepted"):
                await lab.client(service, KnownProviders(lab.folder / "k", accepted="00" * 32)).connect()
            place = f"127.0.0.1:{service.port}"
            # As an older release noted it, and damaged.
            for line in (f"{place} {right}\n", f"{place} {right} !!!\n", f"{place} {right} AAAA\n"):
                (lab.folder / "k").write_text(line)
                async with lab.client(service, KnownProviders(lab.folder / "k")):
                    pass
                assert len((lab.folder / "k").read_text().split()[2]) > 400
            (lab.folder / "k").write_text(f"{place} {'11' * 32}\n")
            with pytest.raises(UnknownProviderError, match="another certificate than before"):
                await lab.client(service, KnownProviders(lab.folder / "k")).connect()

    run(procedure())
    for text in ("", "12", "zz" * 32, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"):
        with pytest.raises(UsageError, match="is no SHA-256 fingerprint"):
            fingerprint(text)


def test_an_administrator_may_take_his_time_over_the_fingerprint(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_ASKED_SECONDS", 0.1)
    asked: list[Certificate] = []

    def slowly(_place: str, certificate: Certificate) -> bool:
        asked.append(certificate)
        time.sleep(0.6)
        return True

    async def procedure() -> None:
        async with lab.serving(limits=ProviderLimits(login_seconds=0.4)) as service:
            trust = KnownProviders(lab.folder / "slow", slowly)
            async with lab.client(service, trust) as client:
                assert await client.login("anna", PASSWORD) == 1
            assert len(asked) == 1

    run(procedure())


def test_the_certificate_may_be_given(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            right = GivenCertificates([lab.cluster.own_certificate(PUB, "CallManager")])
            async with lab.client(service, right) as client:
                assert client.node == PUB
            wrong = GivenCertificates([lab.cluster.own_certificate(SUB, "CallManager"), ONE.certificate])
            with pytest.raises(UnknownProviderError):
                await lab.client(service, wrong).connect()

    run(procedure())


def test_an_authoritys_certificate_may_be_given_if_the_servers_names_the_host() -> None:
    from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
    from tests.cluster.tokens import _authority

    authority = GivenCertificates([_authority().certificate], lambda: datetime(2020, 1, 1, tzinfo=UTC))
    authority.check("SAST-ADN0054f509        ", 2444, ONE.certificate)
    with pytest.raises(UnknownProviderError):
        authority.check("elsewhere", 2444, ONE.certificate)
    with pytest.raises(UnknownProviderError):
        GivenCertificates([_authority().certificate], lambda: datetime(2050, 1, 1, tzinfo=UTC)).check(
            "SAST-ADN0054f509        ", 2444, ONE.certificate
        )
    key = generate_key(KeyKind.RSA_1024)
    server = self_signed(
        Purpose.CALLMANAGER,
        subject=Subject("pub"),
        key=key,
        now=datetime(2020, 1, 1, tzinfo=UTC),
        serial=5,
        dns_names=("pub.example",),
    )
    with pytest.raises(UnknownProviderError):
        authority.check("pub.example", 2444, server)


@pytest.mark.parametrize(
    ("extensions", "cause"),
    [
        (b"", "no basic constraints"),
        (CA_FALSE, "CA:FALSE"),
        (CA_TRUE, "does not name the host"),
        (None, "none of those"),
    ],
)
def test_why_an_authoritys_certificate_is_not_believed_is_named(extensions: bytes | None, cause: str) -> None:
    authority = Certificate.from_der(certificate(MICROSOFT, extensions=extensions or b""))
    other = PLAIN if extensions is None else MICROSOFT
    shown = Certificate.from_der(certificate(name(part("CN", "cucm-pub")), issuer=other, number=1, issuer_number=0))
    with pytest.raises(UnknownProviderError) as caught:
        GivenCertificates([authority], lambda: datetime(2026, 1, 1, tzinfo=UTC)).check("elsewhere", 2444, shown)
    assert cause in (caught.value.why or "")
    if extensions == CA_TRUE:
        GivenCertificates([authority], lambda: datetime(2026, 1, 1, tzinfo=UTC)).check("CUCM-pub", 2444, shown)


@pytest.mark.interop("openssl")
def test_openssls_client_sees_the_callmanager_certificate_and_tls_1_2_at_least(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            place = f"127.0.0.1:{service.port}"

            def s_client(*options: str) -> str:
                command = ["openssl", "s_client", "-connect", place, "-cipher", "DEFAULT:@SECLEVEL=0", *options]
                return subprocess.run(command, input=b"", capture_output=True, timeout=10, check=False).stdout.decode()

            shown = await asyncio.to_thread(s_client, "-tls1_2")
            assert f"CN = {PUB}" in shown or f"CN={PUB}" in shown
            assert "BEGIN CERTIFICATE" not in await asyncio.to_thread(s_client, "-tls1_1")

    run(procedure())


def test_nobody_there_and_somebody_else_there(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            port = service.port
        known = KnownProviders(lab.folder / "known", lambda _place, _certificate: True)
        with pytest.raises(RemoteError) as error:
            await ProviderClient("127.0.0.1", port, known, connect_seconds=2).connect()
        assert "CTL Provider" in (error.value.next_step or "")

        async def says_something(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(says_something, "127.0.0.1", 0)
        async with server:
            with pytest.raises(RemoteError):
                await ProviderClient("127.0.0.1", server.sockets[0].getsockname()[1], known).connect()

    run(procedure())


def test_a_port_in_use_is_told(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service:
            other = CtlProviderService(CtlDesk(lab.cluster, PUB), PUB, service.logins, port=service.port)
            with pytest.raises(RemoteError, match="cannot listen"):
                await other.start()
            await other.stop()
            with pytest.raises(UsageError):
                await service.start()
            with pytest.raises(UsageError):
                _ = other.port
            assert service.healthy

    run(procedure())


def test_the_scripted_steps_of_the_documentation(lab: Lab) -> None:
    async def procedure() -> None:
        async with lab.serving() as service, lab.logged_in(service) as client:
            cluster = await client.describe()
            tokens = [ONE.certificate, TWO.certificate]
            data = client_list(cluster, tokens, TWO, target_mode(cluster, Action.MIXED))
            assert (await client.install(data, Action.MIXED)).changes
            with pytest.raises(CheckFailedError):
                await client.install(data, Action.MIXED)

    run(procedure())
