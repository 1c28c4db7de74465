"""What is sent to whom: odd HTTP servers, phones that lie about whom they ask, phones that speak HTTPS alone."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.load import save_signer
from mixedmode.pki.files import PRIVATE
from mixedmode.rehearsal.lab.keys import Factory
from mixedmode.rescue.hands import NOT_NAMED, PhoneHands
from mixedmode.rescue.looking import Asking, _secure, look_at
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.phone.answers import Answer, taken
from mixedmode.rescue.phone.reading import NETWORK, WINDOW
from mixedmode.rescue.readiness import PhoneFacts
from mixedmode.rescue.wire.http import Reply, request
from mixedmode.rescue.wire.tls import PhoneAuthorities
from mixedmode.rescue.wire.whom import Service, Services
from tests.rescue.site import Fleet, facts_of, handset
from tests.support import run_mixedmode

NAME = "SEP000000000001"
LOGIN = ("rescue", "s3cret-key")
OK = b"HTTP/1.1 200 OK\r\n"


def page(url: str) -> bytes:
    rows = f"<tr><td>Authentication URL</td><td>{url}</td></tr>"
    return f"<html>Cisco IP Phone CP-8841 ( {NAME} )<table>{rows}</table></html>".encode()


class Server:
    """Says the same to everybody, or what a function makes of the request, and keeps what it was asked."""

    def __init__(self, answer: bytes | Callable[[bytes], bytes]) -> None:
        self.answer, self.asked, self.port = answer, list[bytes](), 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            writer.write(self.answer if isinstance(self.answer, bytes) else self.answer(head))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@asynccontextmanager
async def serving(*servers: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    started = []
    for each in servers:
        listening = await asyncio.start_server(each.serve, "127.0.0.1", 0, ssl=tls)
        each.port = listening.sockets[0].getsockname()[1]
        started.append(listening)
    try:
        yield
    finally:
        for listening in started:
            listening.close()


def whole(body: bytes, *fields: bytes) -> bytes:
    return OK + b"".join(field + b"\r\n" for field in (b"Content-Length: %d" % len(body), *fields)) + b"\r\n" + body


# Odd servers.

GOOD = [
    whole(b"page"),
    b"HTTP/1.0 200\r\n\r\npage",
    b"HTTP/1.1 200 OK\nContent-Length: 4\n\npage and more",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + whole(b"page"),
    OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\npa\r\n02\r\nge\r\n0\r\nTrailer: x\r\n\r\n",
    whole(gzip.compress(b"page"), b"Content-Encoding: gzip"),
    whole(zlib.compress(b"page"), b"content-encoding: DEFLATE"),
    whole(zlib.compress(b"page")[2:-4], b"Content-Encoding: deflate"),
    whole("\ufeffpage".encode("utf-16-le"), b"Content-Type: text/html; charset=utf-8"),
    whole(b"\xef\xbb\xbfpage", b"Content-Type: text/html; charset=x-nothing"),
    whole(b"page", b"Content-Length: 4", b"Connection: keep-alive", b"Keep-Alive: timeout=600"),
]
BAD = [
    (b"", "without an answer"),
    (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
    (b"<html>page</html>", "does not speak HTTP"),
    (b"HTTP/2 200\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 999 x\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 2", "cut off"),
    (OK + b"Content-Le", "cut off"),
    (OK + b"Content-Length: 5\r\n\r\nab", "cut off"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "cut off"),
    (OK + b"Content-Length: 99999999\r\n\r\n", "over 1000 bytes"),
    (OK + b"\r\n" + b"x" * 5000, "over 1000 bytes"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", "over 1000 bytes"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;%s\r\nx\r\n" % (b"y" * 99) * 50, "over 1000 bytes"),
    (whole(gzip.compress(bytes(1 << 20)), b"Content-Encoding: gzip"), "over 1000 bytes"),
    (whole(gzip.compress(b"page")[:-6], b"Content-Encoding: gzip"), "cut off"),
    (whole(b"page", b"Content-Encoding: gzip"), "packed, and broken"),
    (whole(b"\xff\xff\xff", b"Content-Encoding: deflate"), "packed, and broken"),
    (whole(b"page", b"Content-Encoding: br"), "packed as br"),
    (OK + b"Content-Length: -5\r\n\r\n", "no length"),
    (OK + b"Content-Length: 1_0\r\n\r\n", "no length"),
    (OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\npage.", "two lengths"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "pieces"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", "pieces"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", "pieces"),
    (OK + b"X: " + b"x" * 40_000, "its head is over"),
    (OK + b"X: y\r\n" * 9000, "its head is over"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 30, "never comes to an answer"),
    (b"HTTP/1.1 101 Switching\r\n\r\n", "never comes to an answer"),
    (b"HTTP/1.1 301 x\r\nLocation: http://evil.example/\x1b[31m?key=1\r\n\r\n", "points to http://evil.example/[31m,"),
    (b"HTTP/1.1 302 x\r\nLocation: http://[::\r\nContent-Length: 0\r\n\r\n", "which is not followed"),
    (b'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="\x00, Basic", nonce=x\r\n\r\n', "another kind, Digest"),
    (b"HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n\r\n", "another kind, Negotiate"),
]  # fmt: skip


def test_odd_servers_are_read_or_named_within_bounds() -> None:
    async def play() -> None:
        for sent in GOOD:
            server = Server(sent)
            async with serving(server):
                reply = await request(server.url, "/", limit=1000)
            assert (reply.status, reply.text, reply.why) == (200, "page", ""), sent[:80]
        for sent, why in BAD:
            server = Server(sent)
            async with serving(server):
                reply = await request(server.url, "/", limit=1000)
            assert why in reply.why, (sent[:80], reply)
            assert not taken(Answer(reply.status, reply.text, reply.why)).ok
        server = Server(b"HTTP/1.1 401 x\r\nWWW-Authenticate: Digest x=y\r\nWWW-Authenticate: Basic realm=\r\n\r\n")
        async with serving(server):
            assert await request(server.url, "/") == Reply(401, why="HTTP 401")

    asyncio.run(play())


def test_who_says_nothing_to_the_end_or_says_it_byte_by_byte_holds_nobody_up() -> None:
    async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(OK + b"Connection: keep-alive\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
        except OSError:
            pass

    async def play() -> None:
        server = await asyncio.start_server(drips, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reply = await request(f"http://127.0.0.1:{port}/", "/", seconds=0.1)
        assert (reply.status, "no whole answer within" in reply.why) == (0, True)
        server.close()
        assert "nothing listens" in (await request(f"http://127.0.0.1:{port}/", "/")).why

    asyncio.run(play())


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "http://", "ftp://x/", "http://127.0.0.1:99999/", "http://[::/", "x"]
)
def test_only_what_was_meant_is_spoken_to(url: str) -> None:
    reply = asyncio.run(request(url, "/"))
    assert (reply.status, bool(reply.why)) == (0, True)


def test_a_target_that_would_be_a_second_request_is_not_sent() -> None:
    for target in ("/x HTTP/1.1\r\nX: y", "/x y", "x", "/\u00e9", ""):
        assert asyncio.run(request("http://127.0.0.1:9/", target)).why == "it is no http address"


# Whom a phone would ask.


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example:8080/", "http://pub.example@evil.example:8080/", "http://192.0.2.1:8080@evil.example/",
        "http://192.0.2.1:22/", "http://192.0.2.10:8080/", "http://pub.example.evil.example:8080/",
        "http://evil.example:8080/#192.0.2.1", "http://192.0.2.1\\@evil.example:8080/", "http:/192.0.2.1:8080/",
        "//192.0.2.1:8080/", "http://3221225985:8080/", "http://0xc0.0.2.1:8080/", "http://192.0.2.1:8080/\r\nX: y",
        "http://192.0.2.1:8080/ x", "http://[::ffff:192.0.2.1]:8080/", "http://192.0.2.1:99999/", "http://[::/",
        "http://xn--/", "ftp://192.0.2.1:8080/", "http://", "javascript:alert(1)", "http://evil;rm$IFS-rf/", "\x1b[2J",
        "http://pub.exampl\u0435:8080/", "http://" + "a" * 5000,
    ],
)  # fmt: skip
def test_what_a_page_names_is_asked_only_if_somebody_named_it(url: str) -> None:
    known = Services.of({"pub.example": "http://192.0.2.1:6970/"}, ["auth.example:9000", "[2001:db8::5]"])
    why = known.find(url)
    assert isinstance(why, str)
    assert why.isprintable()
    assert len(why) < 300
    assert known.stranger(url) == why


def test_what_somebody_named_is_asked_at_the_address_that_he_gave() -> None:
    known = Services.of({"pub.example": "http://192.0.2.1:6970/"}, ["auth.example:9000", "[2001:db8::5]"])
    path = "ccmcip/authenticate.jsp"
    for url, found in (
        ("http://192.0.2.1:8080/", Service("http://192.0.2.1:8080/", "/")),
        (f"http://192.0.2.1/{path}", Service("http://192.0.2.1:80/", f"/{path}")),
        (f"HTTP://PUB.example.:8080/{path}?a=b", Service("http://192.0.2.1:8080/", f"/{path}?a=b")),
        ("http://auth.example:9000", Service("http://auth.example:9000/", "/")),
        ("http://[2001:DB8:0::5]:8080/x", Service("http://[2001:db8::5]:8080/", "/x")),
    ):
        assert (known.find(url), known.stranger(url)) == (found, "")
    assert not known.stranger("https://anybody.example:8443/"), "it is for the phone to check"
    assert not known.stranger("")
    assert not known.stranger(None)
    for text in ("", "a b", "http://x", "x:0", "x:99999", "x:y", "[x]", "x;y"):
        with pytest.raises(MixedModeError, match="authentication service"):
            Services.of({}, [text])


def service(reply: bytes = b"AUTHORIZED") -> Server:
    return Server(lambda _head: whole(reply))


def phone(url: Callable[[], str], window: bytes = b"<x>Settings</x>") -> Server:
    return Server(lambda head: whole(page(url()) if b"GET /CGI/Java" in head else window))


def with_password(server: Server) -> bool:
    return any(b"s3cret-key" in head or b"authorization:" in head.lower() for head in server.asked)


async def looked(server: Server, services: Services) -> PhoneFacts:
    (found,) = await look_at(
        [PhoneFacts(NAME, facts_of(handset(1, "8841")).model, url=server.url)], Asking(LOGIN, services)
    )
    return found


def test_a_phone_that_lies_about_whom_it_asks_gets_no_password_and_nobody_else_does() -> None:
    async def play() -> None:
        evil, good = service(), service()
        liar = phone(lambda: f"http://127.0.0.1:{evil.port}/authenticate.jsp")
        async with serving(evil, good, liar):
            found = await looked(liar, Services.of({}, [f"127.0.0.1:{good.port}"]))
            assert (found.answers, found.login, found.end_to_end) == (True, None, None)
            assert f"127.0.0.1:{evil.port} as its authentication service, which nobody allowed" in found.not_asked
            assert not evil.asked
            assert not with_password(liar)
            # Allowed by name, it is asked, and so is the phone.
            found = await looked(liar, Services.of({}, [f"127.0.0.1:{evil.port}"]))
            assert (found.login, found.end_to_end, found.not_asked) == (True, True, "")
            assert with_password(evil)
            assert with_password(liar)
            assert b"devicename=SEP000000000001" in evil.asked[0]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("answer", "login"),
    [
        (whole(b"AUTHORIZED"), True), (whole(b"AUTHORIZED\n"), False), (whole(b"UN-AUTHORIZED"), False),
        (b"HTTP/1.1 403 x\r\n\r\n", False), (b"", None),
    ],
)  # fmt: skip
def test_the_word_of_a_service(answer: bytes, login: bool | None) -> None:
    async def play() -> None:
        asked = Server(answer)
        server = phone(lambda: asked.url)
        async with serving(asked, server):
            found = await looked(server, Services.of({}, [f"127.0.0.1:{asked.port}"]))
            assert found.login is login
            assert (login is None) == bool(found.not_asked)

    asyncio.run(play())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_takes_the_password_elsewhere(status: int) -> None:
    async def play() -> None:
        evil = service()
        moved = Server(lambda _head: b"HTTP/1.1 %d x\r\nLocation: %s\r\n\r\n" % (status, evil.url.encode()))
        server = Server(lambda head: whole(page(moved.url)) if b"GET /CGI/Java" in head else moved.answer(head))  # type: ignore[operator]
        async with serving(evil, moved, server):
            found = await looked(server, Services.of({}, [f"127.0.0.1:{moved.port}"]))
            assert (found.login, found.end_to_end) == (None, None)
            assert f"points to http://127.0.0.1:{evil.port}/" in found.not_asked
            assert not evil.asked
            pressed = await PhoneHands(*LOGIN).press(server.url, "Key:Soft1")
            assert f"HTTP {status}: it points to" in taken(pressed).why
            assert not evil.asked

    asyncio.run(play())


def test_the_command_names_the_phone_and_the_host_and_sends_no_password(tmp_path: Path) -> None:
    async def play() -> None:
        evil = service()
        liar = phone(lambda: f"http://127.0.0.1:{evil.port}/authenticate.jsp")
        async with serving(evil, liar):
            (tmp_path / "phones.csv").write_text(f"name,model,web\n{NAME},8841,{liar.url}\n")
            (tmp_path / "password").write_text(LOGIN[1])
            (tmp_path / "password").chmod(PRIVATE)
            who: list[str | Path] = ["--control-user", LOGIN[0], "--control-password-file", tmp_path / "password"]
            options: list[str | Path] = ["rescue", "ready", "--inventory", tmp_path / "phones.csv", *who]
            done = await asyncio.to_thread(run_mixedmode, *options)
            assert f"--authentication-host 127.0.0.1:{evil.port}" in done.stdout, done
            assert NAME in done.stdout.splitlines()[-1]
            assert (evil.asked, with_password(liar)) == ([], False)

    asyncio.run(play())


def test_a_run_presses_no_key_of_a_phone_that_would_send_the_login_to_a_stranger() -> None:
    fleet = Fleet([handset(1, "8841", asks="http://192.0.2.66:8080/x"), handset(2, "8841", asks="")])
    fleet.run(stranger=Services.of({"pub": "http://192.0.2.1/"}).stranger)
    assert [result.outcome for _, result in sorted(fleet.results.items())] == [Outcome.STOPPED, Outcome.PROVED_1]
    assert "192.0.2.66:8080" in fleet.results[NAME].reason
    assert not fleet.phones[0].presses


# HTTPS.


def test_a_phone_that_speaks_https_alone_gets_the_login_once_it_is_recognised(tmp_path: Path) -> None:
    async def play() -> None:
        server = Server(lambda head: whole(page("") if b"GET /CGI/Java" in head else b"<x>Settings</x>"))
        own, other = Factory(tmp_path / "own"), Factory(tmp_path / "other")
        save_signer(tmp_path / "mic.pem", own.mic(NAME, "8841"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "mic.pem")
        async with serving(server, tls=context):
            url = server.url.replace("http:", "https:")
            facts = PhoneFacts(NAME, facts_of(handset(1, "8841")).model, url=url)
            for issuers, why in (
                (None, NOT_NAMED),
                (PhoneAuthorities([other.certificate.der]), "its certificate is not trusted"),
                (PhoneAuthorities([own.certificate.der]), ""),
            ):
                (found,) = await look_at([facts], Asking(LOGIN, authorities=issuers))
                assert found.answers, "pages are read without"
                assert found.stranger.startswith(why)
                assert (found.end_to_end, bool(found.not_asked), with_password(server)) == (
                    None if why else True, bool(why), not why,
                )  # fmt: skip
            server.asked.clear()
            hands = PhoneHands(*LOGIN, {url: "SEP000000000002"}, PhoneAuthorities([own.certificate.der]))
            for answer in (await hands.press(url, "Key:Soft1"), await hands.get(url, WINDOW, login=True)):
                assert answer == Answer(0, why=f"its certificate is that of 'CP-8841-{NAME}', not of SEP000000000002")
            assert not server.asked
            assert (await hands.get(url, NETWORK, login=False)).is_page

    asyncio.run(play())


def test_a_file_without_certificates_of_issuers_is_refused(tmp_path: Path) -> None:
    for text in ("", "name,model\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "ca.pem").write_text(text)
        with pytest.raises(MixedModeError):
            PhoneAuthorities.of(tmp_path / "ca.pem")


def test_pages_are_looked_for_by_https_only_at_the_phones_own_address() -> None:
    moved = Answer(301, why="HTTP 301: it points to https://evil.example/")
    assert _secure("http://192.0.2.1/", Answer(0)) == _secure("http://192.0.2.1/", moved) == "https://192.0.2.1/"
    assert not _secure("http://192.0.2.1/", Answer(404))
    assert not _secure("http://192.0.2.1:8081/", Answer(0))
    assert not _secure("https://192.0.2.1/", Answer(0))
