"""A phone on real sockets: it shows the checksum of what is served, and its state survives."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mixedmode.app.commands.phones.phone import phone as phone_command
from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.mind.fate.observed import fate_of
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import Verdict
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import ListKind, TvsAnswer, TvsOutcome
from mixedmode.services.files.store import MappingStore
from mixedmode.services.tftp.service import TftpService
from tests.phone.site import CONFIG, DEVICE, ctl, identity, itl, signed_config
from tests.support import DATA

CTL, ITL = ctl("callmanager"), itl("callmanager")
SIGNED = f"{DEVICE}.cnf.xml.sgn"
FILES = {"CTLFile.tlv": CTL.data, "ITLFile.tlv": ITL.data, SIGNED: signed_config("callmanager", CONFIG)}


def run(
    files: dict[str, bytes], procedure: Callable[[Server, MappingStore], Awaitable[None]], **server_options: object
) -> None:
    """Run a procedure while a real TFTP service serves files."""

    async def with_service() -> None:
        store = MappingStore(files)
        service = TftpService(store)
        await service.start()
        try:
            options = {"http_port": None, "timeout": 0.2, "retries": 1, **server_options}
            await procedure(Server("127.0.0.1", service.port, **options), store)  # type: ignore[arg-type]
        finally:
            await service.stop()

    asyncio.run(with_service())


def test_after_the_reset_the_phone_shows_the_checksum_of_the_served_ctl(tmp_path: Path) -> None:
    served = (DATA / "cucm" / "tokenless-4947.tlv").read_bytes()
    state = tmp_path / "phone.json"

    async def procedure(server: Server, _store: MappingStore) -> None:
        phone = Phone(DEVICE, get_model("7975"), state_file=state)
        report = await phone.boot(server)
        assert f"{hashlib.md5(served).hexdigest()} (MD5)" in "\n".join(report.screen())
        assert "CTL Installed" in report.messages
        assert report.exit_code == 0
        again = await Phone(DEVICE, get_model("7975"), state_file=state).boot(server)
        assert again.alarm == 1
        assert again.trust.ctl is not None
        assert again.trust.ctl.data == served
        later = await Phone("SEP00112233AABB", get_model("8861")).boot(server)
        assert f"{hashlib.sha1(served).hexdigest()} (SHA1)" in "\n".join(later.screen())

    run({"CTLFile.tlv": served}, procedure)


def test_a_regenerated_callmanager_certificate_with_and_without_tvs(tmp_path: Path) -> None:
    asked: list[TvsRequest] = []

    async def tvs(request: TvsRequest) -> TvsAnswer:
        asked.append(request)
        if request.server.address == "127.0.0.1":
            raise RemoteError("connection refused")
        return TvsAnswer(TvsOutcome.KNOWN, identity("new-callmanager").certificate, frozenset({0, 2}), 86400)

    async def procedure(server: Server, store: MappingStore) -> None:
        follows = Phone(DEVICE, get_model("7975"), state_file=tmp_path / "a.json", tvs=tvs)
        alone = Phone(DEVICE, get_model("7975"), state_file=tmp_path / "b.json")
        for phone in (follows, alone):
            assert (await phone.boot(server)).alarm == 4
        store.replace({**FILES, "CTLFile.tlv": ctl("new-callmanager").data})
        report = await follows.boot(server)
        assert "Trust List updated" in report.messages
        assert [request.server.address for request in asked] == ["127.0.0.1", "127.0.0.2"]
        assert asked[0].device == f"CP-7975-{DEVICE}"
        assert asked[0].trusted == (identity("tvs").certificate.der,)
        assert any("SECD: setupSocketToTvsProxy" in line for line in report.log)
        report = await alone.boot(server)
        assert report.alarm == 5
        assert report.exit_code == 1
        alone.erase(ListKind.CTL, ListKind.ITL)
        report = await alone.boot(server)
        assert report.messages[0] == "Erasing CTL and ITL files"
        assert report.exit_code == 0

    run(FILES, procedure)


def test_a_server_that_does_not_answer() -> None:
    async def procedure(server: Server, _store: MappingStore) -> None:
        nobody = Server("127.0.0.1", 9, http_port=None, timeout=0.05, retries=1)
        report = await Phone(DEVICE, get_model("7975")).boot(nobody)
        assert (report.exit_code, report.alarm) == (3, 6)
        report = await Phone(DEVICE, get_model("7975")).boot(Server("no-such-host.invalid", 69))
        assert report.exit_code == 3

    run({}, procedure)


def test_a_configuration_that_does_not_come_is_told() -> None:
    async def procedure(server: Server, _store: MappingStore) -> None:
        outcome = await Phone(DEVICE, get_model("7975")).boot(server)
        assert (outcome.exit_code, outcome.verdict, outcome.alarm) == (1, Verdict.GAVE_UP, 4)
        assert outcome.trouble() == ("configuration", "not-fetched", "the file did not come")
        assert not outcome.kept_lists
        assert fate_of(outcome) is Fate.BEHIND

    run({**FILES, SIGNED: bytes((1 << 20) + 1)}, procedure)


@contextmanager
def web_server(files: dict[str, bytes], *, status: int = 404) -> Iterator[tuple[int, list[str]]]:
    """An HTTP server that answers ``status`` for what it does not have."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path[1:])
            body = files.get(self.path[1:])
            self.send_response(status if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield httpd.server_port, asked
        finally:
            httpd.shutdown()
            thread.join()


def test_later_models_try_http_first_and_repeat_a_failed_file_by_tftp() -> None:
    own = f"CTL{DEVICE}.tlv"
    with web_server({own: CTL.data}, status=503) as (port, asked):

        async def procedure(server: Server, _store: MappingStore) -> None:
            report = await Phone(DEVICE, get_model("8861")).boot(server)
            assert report.exit_code == 0
            assert any(f"{own} received by HTTP" in line for line in report.log)
            assert any(f"ITL{DEVICE}.tlv received by TFTP" in line for line in report.log)
            assert asked[:2] == [own, f"ITL{DEVICE}.tlv"]
            asked.clear()
            await Phone(DEVICE, get_model("7975")).boot(server)
            assert asked == []

        run(FILES, procedure, http_port=port)


def test_not_found_over_http_is_an_answer() -> None:
    with web_server({}) as (port, asked):

        async def procedure(server: Server, _store: MappingStore) -> None:
            report = await Phone(DEVICE, get_model("8861")).boot(server)
            assert "No Trust List installed" in report.messages
            assert f"CTL{DEVICE}.tlv" in asked

        run(FILES, procedure, http_port=port)


def test_a_phone_needs_a_phones_name() -> None:
    assert Phone("00:11:22:33:44:55", get_model("7975")).name == DEVICE
    for name in ("", "SEP", "SEP00112233445G", "../etc/passwd"):
        with pytest.raises(UsageError):
            Phone(name, get_model("7975"))


@contextmanager
def tftp_in_background(files: dict[str, bytes]) -> Iterator[int]:
    """Serve files over TFTP from another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    service = TftpService(MappingStore(files))
    try:
        asyncio.run_coroutine_threadsafe(service.start(), loop).result(100)
        yield service.port
    finally:
        asyncio.run_coroutine_threadsafe(service.stop(), loop).result(100)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def command(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command as its tree does."""
    app = typer.Typer()
    app.command("phone")(phone_command)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def test_the_command_prints_what_the_phone_shows(tmp_path: Path) -> None:
    state = tmp_path / "phone.json"
    with tftp_in_background(FILES) as port:
        place = ("--server", "127.0.0.1", "--tftp-port", str(port), "--state", state)
        code, out, _ = command(*place, "--trace")
        assert code == 0
        assert "SECD: Using leap of faith to accept TL file" in out
        assert "CTL and ITL installed" in out
        assert f"{CTL.md5} (MD5)" in out
        assert "Trust list alarm: 4 TL_INITIAL_SUCCESS" in out
        code, out, _ = command(*place, "--json")
        document = json.loads(out)
        assert (code, document["alarm"]) == (0, {"code": 1, "name": "TL_SUCCESS"})
        assert document["trust_list"]["ctl"]["checksum"] == CTL.md5
        assert document["decisions"]["CTL"]["reason"] == "unchanged"
    with tftp_in_background({**FILES, "CTLFile.tlv": ctl("stranger").data}) as port:
        place = ("--server", "127.0.0.1", "--tftp-port", str(port), "--state", state)
        code, out, err = command(*place)
        assert code == 1
        assert "Trust list alarm: 5 TL_FAILED_OLD_CTL" in out
        assert "CTL refused" in err
        code, out, _ = command(*place, "--delete-ctl", "--delete-itl")
        assert code == 0
        assert "Erasing CTL and ITL files" in out
        assert f"{ctl('stranger').md5} (MD5)" in out
