"""A server that answers as it is told to and records what it was sent: every request is judged by a list of its own."""

from __future__ import annotations

import re
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

READING_ACTIONS = re.compile(
    rb"<\w+:(executeSQLQuery|getCCMVersion|listProcessNode|getServiceParameter|selectCmDeviceExt|soapGetServiceStatus"
    rb"|isClusterReplicationOK|listDeviceDefaults|listTvsCertificate|getTvsCertificate|perfmonCollectCounterData"
    rb"|selectLogFiles|listNodeServiceLogs|GetOneFile)[ >/]"
)
READING_PAGES = re.compile(
    r"/(cucm-uds/(version|servers)|platformcom/api/v1/certmgr/config/snapshot/server|[A-Za-z]+\.tlv"
    r"|XMLDefault\.cnf\.xml\.sgn|SEP[0-9A-F]{12}\.cnf\.xml\.sgn|ConfigFileCacheList\.txt"
    r"|(CGI/Java/Serviceability)?\?adapter=device\.[a-z.]+|NetworkConfiguration|Network_Setup\.html"
    r"|DeviceLog\?2|status\.html|)"
)


@dataclass(frozen=True)
class Sent:
    """What came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def judge(self) -> None:
        """Assert that it reads, by a list that has nothing to do with the tool's own."""
        if self.method == "POST":
            assert READING_ACTIONS.search(self.body), self.body
            for statement in re.findall(rb"<sql>(.*?)</sql>", self.body, re.DOTALL):
                text = unescape(statement.decode())
                assert re.fullmatch(r"select [^;]*|execute procedure dbreaddevicexml\('[0-9a-f-]{36}'\)", text), text
        else:
            assert self.method == "GET"
            assert READING_PAGES.fullmatch(self.target), self.target
            assert not self.body


Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Stub:
    """A running server."""

    answer: Callable[[Sent], Answer]
    sent: list[Sent] = field(default_factory=list)
    port: int = 0


@contextmanager
def serving(
    answer: Callable[[Sent], Answer],
    pem: Path | None = None,
    *,
    old: bool = False,
    asks: bool = False,
    writes: bool = False,
) -> Iterator[Stub]:
    """Serve answers; by TLS if a PEM with key and certificate is given, or one that asks for a certificate.

    What is sent is judged to read only, unless this is for what writes.
    """
    stub = Stub(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = Sent(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            stub.sent.append(sent)
            status, headers, data = stub.answer(sent)
            self.send_response_only(status)
            for name, value in {"content-length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = handle_one  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if old:  # no newer than TLS 1.1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(pem)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    for sent in stub.sent if not writes else ():
        sent.judge()


def xml(inner: str) -> Answer:
    """Return an envelope around an operation's answer."""
    text = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{inner}</e:Body></e:Envelope>'
    return 200, {"content-type": "text/xml"}, text.encode()
