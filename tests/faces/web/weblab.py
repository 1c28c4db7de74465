"""A node's web server on a thread of its own, and a browser that is no program: cookies, forms and real TLS."""

from __future__ import annotations

import asyncio
import csv
import http.client
import io
import re
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from typing import Any, TypeVar
from urllib.parse import urlencode

from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import account_store
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.control.phones import PhoneHands
from mixedmode.control.services import OperationServices, ServiceControl
from mixedmode.faces.web.service import WebLimits, WebService

T = TypeVar("T")
PASSWORD = "Marmalade-1"
PEOPLE = {"administrator": 4, "operator": 1, "reader": 0}
QUICK = LoginPolicy(attempts=3, delay_seconds=0.05, longest_delay=0.1)


@dataclass
class Page:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return unescape(found[1]).strip() if found else ""

    @property
    def words(self) -> str:
        """What a person reads, without the page's markup."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    @property
    def rows(self) -> list[dict[str, str]]:
        """The lines of a CSV, by column."""
        assert self.status == 200
        assert self.headers["content-type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(self.text)))

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.text)
        assert found is not None, self.text[:400]
        return found[1]

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass
class Visitor:
    """Somebody with a browser without script: keeps cookies as browsers do, follows nothing by himself."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    source: str | None = None

    def get(self, path: str, **headers: str) -> Page:
        return self.send("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Page:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(fields).encode(), {**kind, **headers})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Page:
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPSConnection(
            self.host, self.port, context=unchecked(), timeout=60, source_address=source
        )
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            said["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, said)
            answer = connection.getresponse()
            page = Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        for cookie in page.headers.get_all("set-cookie") or ():
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return page

    def wait_for(self, path: str, text: str) -> Page:
        """Ask again and again until a page says something."""
        end = time.monotonic() + 60
        while text not in (page := self.get(path)).text:
            assert time.monotonic() < end, page.text[-3000:]
            time.sleep(0.1)
        return page

    def sign_in(self, user: str = "administrator", password: str = PASSWORD, wanted: str = "") -> Page:
        """Fill in the form and send it."""
        page = self.get("/signin")
        if page.status != 200:
            return page
        return self.post("/signin", {"user": user, "password": password, "csrf": page.csrf, "next": wanted})


@cache
def unchecked() -> ssl.SSLContext:
    """A context that takes any certificate; made once, and without the machine's authorities, which cost 40 ms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass
class WebLab:
    """A running web server."""

    service: WebService
    cluster: Cluster
    guard: LoginGuard
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.service.port}"

    def visitor(self, user: str = "", *, source: str | None = None) -> Visitor:
        """Return somebody new; signed in if a name is given."""
        visitor = Visitor("127.0.0.1", self.service.port, source=source)
        if user:
            assert visitor.sign_in(user).status == 303
        return visitor

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the loop of the node."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(100)


@contextmanager
def web_lab(
    cluster: Cluster,
    *,
    limits: WebLimits | None = None,
    policy: LoginPolicy = QUICK,
    phones: PhoneHands | None = None,
    services: ServiceControl | None = None,
) -> Iterator[WebLab]:
    """Serve the publisher's pages while the test runs."""
    node = cluster.publisher.name
    accounts = account_store(cluster.folder(node))
    for name, level in PEOPLE.items():
        if accounts.find(name) is None:
            accounts.put(name, PASSWORD, level)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="node")
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(100)

    async def made() -> tuple[WebService, LoginGuard]:
        guard = LoginGuard(accounts, policy)
        return (
            WebService(
                cluster,
                node,
                port=0,
                services=services or OperationServices(cluster),
                limits=limits,
                guard=guard,
                phones=phones,
            ),
            guard,
        )

    service, guard = do(made())
    try:
        do(service.start())
        yield WebLab(service, cluster, guard, loop)
    finally:
        do(service.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(100)
        loop.close()
