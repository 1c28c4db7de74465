"""HTTP and HTTPS as phones and curl use them; slow, greedy and broken clients disturb nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.phone.body.http import fetch_http
from mixedmode.services.files.store import FolderStore
from mixedmode.services.http.service import HttpService
from tests.services.http.http_site import (
    BOTH,
    CONFIG,
    FILES,
    curl,
    during,
    raw,
    url,
)


@pytest.mark.interop("curl")
@BOTH
@pytest.mark.parametrize("name", ["CTLFile.tlv", "Desktops/320x196x4/List.xml", "empty", "big"])
def test_curl_and_our_phone_get_files_unchanged(name: str, loop: str) -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        return (await curl(url(service, name)))[1], await fetch_http(url(service, name), limit=1 << 24)

    assert during(play, loop) == (FILES[name], FILES[name])


@pytest.mark.interop("curl")
def test_a_phones_own_names_of_the_lists_and_percent_signs_work() -> None:
    async def play(service: HttpService) -> list[bytes]:
        paths = ("CTLSEP001122334455.tlv", "CTL%46ile.tlv", "CTLFile.tlv?x=1")
        return [(await curl(url(service, path)))[1] for path in paths]

    assert during(play) == [FILES["CTLFile.tlv"]] * 3


@pytest.mark.interop("curl")
def test_one_connection_serves_many_files() -> None:
    async def play(service: HttpService) -> tuple[bytes, dict[str, int]]:
        names = ("CTLFile.tlv", "big", "nothing", CONFIG)
        words = [word for name in names for word in ("-o", "/dev/null", url(service, name))]
        return (await curl("-w", "%{http_code}/%{size_download}/%{num_connects} ", *words))[1], service.metrics

    output, metrics = during(play)
    assert output == b"200/5000/1 200/8388608/0 404/14/0 200/10/0 "
    assert (metrics["connections"], metrics["requests"], metrics["completed"], metrics["not_found"]) == (1, 4, 3, 1)
    assert metrics["bytes_sent"] == 5000 + (8 << 20) + 14 + 10


@BOTH
def test_requests_sent_at_once_are_answered_in_their_order(loop: str) -> None:
    names = ["CTLFile.tlv", "big", CONFIG, "empty", "nothing", "big"]

    async def play(service: HttpService) -> bytes:
        requests = [b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % name.encode() for name in names]
        return await raw(
            service, b"".join(requests) + b"\r\nGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )

    answer = during(play, loop)
    for name in names:
        head, _, rest = answer.partition(b"\r\n\r\n")
        body = FILES.get(name, b"404 Not Found\n")
        assert b"Content-Length: %d" % len(body) in head
        assert rest.startswith(body)
        answer = rest[len(body) :]
    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.interop("curl")
def test_a_head_has_no_body_and_says_what_the_file_is() -> None:
    async def play(service: HttpService) -> list[bytes]:
        return [(await curl("-I", url(service, name)))[1] for name in ("CTLFile.tlv", CONFIG, "nothing")]

    binary, xml, nothing = during(play)
    assert binary.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: application/octet-stream\r\n" in binary
    assert b"\r\nContent-Length: 5000\r\n" in binary
    assert b"Date: " in binary
    assert b"Content-Type: text/xml\r\n" in xml
    assert nothing.startswith(b"HTTP/1.1 404")


def test_old_clients_are_told_when_the_connection_stays() -> None:
    async def play(service: HttpService) -> tuple[bytes, bytes]:
        closed = await raw(service, b"GET /CTLFile.tlv HTTP/1.0\r\n\r\n")
        head = b"GET /CTLFile.tlv HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        return closed, await raw(service, head + b"GET /empty HTTP/1.0\r\n\r\n")

    closed, kept = during(play)
    assert b"Connection: close\r\n\r\n" + FILES["CTLFile.tlv"] == closed[-5021:]
    assert b"Connection: keep-alive\r\n\r\n" + FILES["CTLFile.tlv"] in kept
    assert kept.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.interop("curl")
def test_curl_resumes_and_asks_whether_a_file_changed(tmp_path: Path) -> None:
    async def play(service: HttpService) -> tuple[bytes, list[bytes]]:
        output, tags = tmp_path / "got", tmp_path / "tag"
        output.write_bytes(FILES["big"][:1000])
        await curl("-C", "-", "-o", str(output), url(service, "big"))
        code = ("-o", "/dev/null", "-w", "%{http_code}")
        await curl("--etag-save", str(tags), "-o", "/dev/null", url(service))
        codes = [
            (await curl(*code, "--etag-compare", str(tags), url(service)))[1],
            (await curl(*code, "-r", "10-19", url(service)))[1],
            (await curl(*code, "-r", "5000-", url(service)))[1],
        ]
        codes.append((await curl("-r", "-7", url(service)))[1])
        return output.read_bytes(), codes

    resumed, codes = during(play)
    assert resumed == FILES["big"]
    assert codes == [b"304", b"206", b"416", FILES["CTLFile.tlv"][-7:]]


@pytest.mark.interop("curl")
def test_conditions_and_hosts_as_curl_sends_them() -> None:
    async def play(service: HttpService) -> list[bytes]:
        code = ("-o", "/dev/null", "-w", "%{http_code}")
        _, head = await curl("-I", url(service))
        tag = next(line for line in head.decode().split("\r\n") if line.startswith("ETag: "))[6:]
        asked: list[tuple[str, ...]] = [
            ("-H", f"If-Match: {tag}"),
            ("-H", 'If-Match: "other"'),
            ("-H", f"If-Match: W/{tag}"),
            ("-H", "If-Match: *"),
            ("-H", f'If-Match: "other", {tag}', "-r", "0-9"),
            ("-r", "0-9", "-H", f"If-Range: {tag}"),
            ("-r", "0-9", "-H", 'If-Range: "other"'),
            ("-r", "0-9", "-I"),
            ("-H", "Host:"),
            ("-0", "-H", "Host:"),
        ]
        codes = [(await curl(*code, *words, url(service)))[1] for words in asked]
        missing = (await curl(*code, "-H", 'If-Match: "x"', url(service, "none")))[1]
        return [*codes, missing]

    expected = [b"200", b"412", b"412", b"200", b"206", b"206", b"200", b"200", b"400", b"200", b"404"]
    assert during(play) == expected


@pytest.mark.interop("curl")
def test_names_are_below_the_root_however_they_are_written() -> None:
    async def play(service: HttpService) -> list[bytes]:
        paths = ("/CTLFile.tlv", "./CTLFile.tlv", "x/../CTLFile.tlv", "Desktops//320x196x4/./List.xml")
        return [(await curl("--path-as-is", url(service, path)))[1] for path in paths]

    assert during(play) == [FILES["CTLFile.tlv"]] * 3 + [FILES["Desktops/320x196x4/List.xml"]]


@pytest.mark.interop("curl")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", b"404"), ("/../etc/passwd", b"404"), ("//etc/passwd", b"404"), ("/%2e%2e/keys", b"404"),
     ("/a/../../keys", b"404"), ("/a%00b", b"400"), ("/..%5ckeys", b"404"), ("/", b"404"), ("/%zz", b"400"),
     ("/%ff", b"400"), ("/a/b/c/d", b"404"), ("/" + "a" * 300, b"404"), ("/" + "a" * 3000, b"414")],
)  # fmt: skip
def test_what_is_not_there_or_may_not_be_named(path: str, status: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"secret")
    (tmp_path / "served").mkdir()

    async def play(service: HttpService) -> bytes:
        words = ("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}")
        return (await curl(*words, f"http://127.0.0.1:{service.port}{path}"))[1]

    assert during(play, store=FolderStore(tmp_path / "served")) == status
