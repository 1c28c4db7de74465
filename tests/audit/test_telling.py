"""Who is told by a watch: Prometheus, a web address, people by mail."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mixedmode.audit.watching import mail, webhook
from mixedmode.audit.watching.exporter import Exporter
from mixedmode.audit.watching.mail import mail_of
from mixedmode.audit.watching.webhook import webhook_of
from mixedmode.errors import RemoteError, UsageError
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, self_signed
from tests.audit.live.world import NOW
from tests.audit.test_watching import Virtual
from tests.live.stub import Sent, serving
from tests.pki.material import key


def test_a_scrape() -> None:
    exporter = Exporter("127.0.0.1", 0)
    try:
        exporter.take("x 1\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics") as answer:
            assert answer.read() == b"x 1\n"
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        with pytest.raises(urllib.error.HTTPError), urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/"):
            pass
        with pytest.raises(UsageError):
            Exporter("127.0.0.1", exporter.port)
    finally:
        exporter.close()


@pytest.fixture(scope="module")
def server_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = key(KeyKind.RSA_2048)
    certificate = self_signed(
        Purpose.TOMCAT, subject=Subject("localhost"), key=private, now=datetime.now(NOW.tzinfo) - timedelta(days=1),
        serial=77, dns_names=("localhost",),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.pem())
    return path


def test_webhook_by_https(server_pem: Path) -> None:
    clock = Virtual()
    answers = iter([503, 200])

    def answer(_sent: Sent) -> tuple[int, Mapping[str, str], bytes]:
        return next(answers), {}, b"ok"

    with serving(answer, server_pem) as stub:
        hook = webhook_of(f"https://localhost:{stub.port}/T0/secret?x=1", server_pem)
        hook.tell({"subject": "s"}, clock)
        assert [sent.target for sent in stub.sent] == ["/T0/secret?x=1"] * 2
        assert json.loads(stub.sent[1].body) == {"subject": "s"}
        assert clock.slept == [2.0]
        with pytest.raises(RemoteError) as raised:
            webhook_of(f"https://localhost:{stub.port}/T0/secret").tell({}, clock)  # nobody vouches for it
        stub.sent.clear()
    assert "secret" not in raised.value.diagnostics()
    assert "CERTIFICATE_VERIFY_FAILED" in (raised.value.why or "")


def test_a_webhook_that_says_no_is_not_asked_again() -> None:
    clock = Virtual()
    with serving(lambda _sent: (302, {"location": "http://127.0.0.1:9/"}, b"")) as stub:
        with pytest.raises(RemoteError, match="not taken"):
            webhook_of(f"http://127.0.0.1:{stub.port}/").tell({}, clock)
        assert len(stub.sent) == 1
        stub.sent.clear()


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a/", "http://example.net/", "https://", "https://u:p@a/", "https://a/\n", "https://a b/",
            "https://[::1", "https://a:99999/"]
)  # fmt: skip
def test_what_is_no_webhook(url: str) -> None:
    with pytest.raises(UsageError):
        webhook_of(url)


class Postman(socketserver.StreamRequestHandler):
    """One SMTP connection; what is said stands in the server's ``said``."""

    def handle(self) -> None:
        self.pem: Path | None = self.server.pem  # type: ignore[attr-defined]
        self.say("220 x")
        data = False
        while line := self.rfile.readline():
            text = line.decode().rstrip("\r\n")
            self.server.said.append(text)  # type: ignore[attr-defined]
            if data:
                data = text != "."
                if not data:
                    self.say("250 taken")
                continue
            data = text.upper() == "DATA"
            self.say("354 go" if data else self.answer(text.upper()))
            if text.upper() == "STARTTLS" and not self.secure():
                return

    def answer(self, text: str) -> str:
        if text.startswith("EHLO"):
            return "250-x\r\n250 STARTTLS" if self.pem else "250 x"
        return {"STARTTLS": "220 go", "QUIT": "221 bye"}.get(text, "250 ok")

    def secure(self) -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.pem))
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except OSError:
            return False
        self.rfile, self.pem = self.connection.makefile("rb"), None
        self.server.said.append("secured")  # type: ignore[attr-defined]
        return True

    def say(self, line: str) -> None:
        self.connection.sendall(f"{line}\r\n".encode())


@contextmanager
def smtp(pem: Path | None = None) -> Iterator[tuple[int, list[str]]]:
    """Serve SMTP; yields the port and all that was said."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postman) as server:
        server.daemon_threads = True
        said: list[str] = []
        server.pem, server.said = pem, said  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1], said
        server.shutdown()


MESSAGE = {"subject": "cluster: 1 new\r\nBcc: x@example.net", "text": "C5\x1b[31m\n.\nend"}


def test_mail(server_pem: Path) -> None:
    with smtp(server_pem) as (port, said):
        mail_of(["a@example.net"], "", f"localhost:{port}", ca=server_pem).tell(MESSAGE, Virtual())
    assert "secured" in said
    assert said.index("secured") < next(at for at, line in enumerate(said) if line.upper().startswith("MAIL FROM"))
    assert not any(line.startswith("Bcc:") for line in said)
    assert not any("\x1b" in line for line in said)
    assert "end" in said


def test_mail_to_a_server_that_nobody_vouches_for(server_pem: Path) -> None:
    clock = Virtual()
    with smtp(server_pem) as (port, said), pytest.raises(RemoteError):
        mail_of(["a@example.net"], "", f"localhost:{port}").tell(MESSAGE, clock)
    assert not any(line.upper().startswith("MAIL FROM") for line in said)
    with smtp() as (port, said), pytest.raises(RemoteError):  # no STARTTLS, but a password
        mail_of(["a@example.net"], "", f"localhost:{port}", "user", "secret").tell(MESSAGE, clock)
    assert not any("secret" in line or line.startswith("AUTH") for line in said)


@pytest.mark.parametrize("to", ["", "a", "a@", "@b", "a@b\nc", "a b@c", "<a@b>"])
def test_what_is_no_address(to: str) -> None:
    with pytest.raises(UsageError):
        mail_of([to], "", "localhost")


@pytest.mark.parametrize("server", ["", ":25", "x:0", "x:y", "x:70000", "a b"])
def test_what_is_no_mail_server(server: str) -> None:
    with pytest.raises(UsageError):
        mail_of(["a@b.net"], "", server)


class Dripping(socketserver.BaseRequestHandler):
    """Never ends what it says, and never pauses for long."""

    def handle(self) -> None:
        with suppress(OSError):
            while True:
                self.request.sendall(b"220-again\r\n" * 5 if self.request.getsockname()[0] == "127.0.0.2" else b"H")
                time.sleep(0.02)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize("how", ["webhook", "mail"])
def test_a_server_that_goes_on_and_on(monkeypatch: pytest.MonkeyPatch, how: str, host: str) -> None:
    for module in (webhook, mail):
        monkeypatch.setattr(module, "SECONDS", 0.2)
    with socketserver.ThreadingTCPServer((host, 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"{host}:{server.server_address[1]}"
        told = webhook_of(f"http://{place}/x") if how == "webhook" else mail_of(["ops@example.com"], "", place)
        with pytest.raises(RemoteError, match="was not taken"):
            told.tell({"subject": "x", "text": "x"}, Virtual())
        server.shutdown()
