"""Looks at a live cluster: everything that ``CLUSTER.toml`` gives a way to, and nothing but what reads.

Rules:

1. Files, faces and the release need no login; each login adds what it opens. What has no login, or no answer, is noted
   as not seen and never stops the rest.
2. Nodes are asked side by side, one node's interfaces one after another; AXL one request at a time.
3. What can wait is asked of AXL while RIS has to wait; AXL stays at one request at a time.
4. What is done is kept in a notebook, so that a look that was cut off goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from mixedmode.errors import MixedModeError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.cluster_file import ClusterFile, Node
from mixedmode.live.counters import look_at_counters
from mixedmode.live.document import LISTS, phone_of, phone_plain, plain, value_of
from mixedmode.live.logins import Ask, ask_nobody, credentials, trust_for
from mixedmode.live.notebook import NoNotebook, Notebook
from mixedmode.live.observed import NodeSeen, Observation, PhoneSeen
from mixedmode.live.page_reader import PageReader
from mixedmode.live.parts import EVERYTHING, Part
from mixedmode.live.phones import AT_ONCE, Book, Opener, Progress, look_at_phones, phones_of_database
from mixedmode.live.settings.of_cluster import look_at_provisioning
from mixedmode.live.settings.of_phones import add_models, lacks_web_access, settings_of_phones, web_access_of_some
from mixedmode.live.settings.vouching import look_at_vouching
from mixedmode.live.sources.axl import Axl
from mixedmode.live.sources.catalogue import Columns
from mixedmode.live.sources.certificates import look_at_certificates
from mixedmode.live.sources.control_center import look_at_services
from mixedmode.live.sources.database import Database, look_at_database
from mixedmode.live.sources.faces import look_at_faces
from mixedmode.live.sources.files import BETWEEN, look_at_files
from mixedmode.live.sources.logs import look_at_traces
from mixedmode.live.sources.replication import look_at_replication
from mixedmode.live.sources.ris import Ris
from mixedmode.live.sources.seeing import Seen, reason
from mixedmode.live.sources.uds import look_at_release
from mixedmode.live.wire.clock import SYSTEM, Clock, Pace
from mixedmode.live.wire.https import Credentials, Web
from mixedmode.live.wire.tls import Trust

_SIDE_BY_SIDE: Final = 8


_OF_PHONES: Final = frozenset({Part.REGISTRATIONS, Part.PAGES, Part.TRACES})
"""Who is asked for here has to be known first."""
_OF_NODES: Final = (Part.RELEASE, Part.FILES, Part.FACES, Part.CERTIFICATES, Part.SERVICES)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


def crew() -> Executor:
    """Return what reads phones' pages side by side."""
    return ThreadPoolExecutor(AT_ONCE)


def observe(
    cluster: ClusterFile,
    parts: Collection[Part] = EVERYTHING,
    *,
    progress: Progress = quiet,
    clock: Clock = SYSTEM,
    ask: Ask = ask_nobody,
    notebook: Notebook | None = None,
    opener: Opener = Web,
    pool: Callable[[], Executor] = crew,
) -> Observation:
    """Look at a cluster.

    Args:
        cluster: Its nodes, and who logs in.
        parts: What to look at.
        progress: Is told what is looked at, how much is done, and of how much (0 if nobody knows).
        clock: Says what time it is, and waits.
        ask: Asks for a password that stands in no file.
        notebook: Keeps what is done.
        opener: Makes a connection.
        pool: Makes what reads phones' pages side by side.

    Raises:
        MixedModeError: What ``CLUSTER.toml`` names cannot be read; nothing that a node does.
    """
    wanted = frozenset(parts)
    if wanted & _OF_PHONES:
        wanted |= {Part.PHONES}
    look = _Look(cluster, wanted, progress, clock, ask, notebook or NoNotebook(), opener)
    begun = clock.now()
    look.at_nodes()
    look.at_database()
    look.at_phones(pool)
    look.at_settings()
    look.at_counters()
    phones = look.book.phones()
    seen = look.seen
    seen.nodes = _told_once(seen.nodes)
    return Observation(
        name_of(cluster),
        getattr(notebook, "begun", begun),
        clock.now(),
        **{name: tuple(getattr(seen, name)) for name in LISTS},
        phones=phones,
        replication_ok=seen.replication_ok,
    )


def name_of(cluster: ClusterFile) -> str:
    """Return what a cluster is called: as its file, or as its publisher where that says nothing."""
    stem = cluster.path.stem
    return cluster.publisher.name if stem.lower() == "cluster" or not stem else stem


class _Look:
    """One look at a cluster."""

    def __init__(
        self,
        cluster: ClusterFile,
        parts: frozenset[Part],
        progress: Progress,
        clock: Clock,
        ask: Ask,
        notebook: Notebook,
        opener: Opener,
    ) -> None:
        self._cluster, self._parts, self._progress, self._clock = cluster, parts, progress, clock
        self._notebook, self._opener = notebook, opener
        self._columns: Columns | None = None
        self._settings = self._asked_settings(self._of_everything)
        self.seen = Seen()
        self.book = Book(self.seen, notebook, progress)
        self._public = trust_for(cluster, "web", "axl")
        self._trust = {
            "axl": trust_for(cluster, "axl", "web") or Trust(),
            "platform": trust_for(cluster, "platform", "axl", "web") or Trust(),
        }
        wanted = {
            "axl": parts & {Part.DATABASE, Part.PHONES, Part.REGISTRATIONS, Part.SERVICES, Part.TRACES, Part.COUNTERS},
            "platform": parts & {Part.CERTIFICATES},
        }
        self._logins = {
            name: credentials(getattr(cluster, name), ask) if wanted[name] else "it was not asked for"
            for name in wanted
        }

    def at_nodes(self) -> None:
        """Look at what each node has of its own."""
        nodes = self._cluster.nodes
        pace = Pace(BETWEEN, self._clock)
        if not self._parts.intersection(_OF_NODES):
            return
        threads = ThreadPoolExecutor(_SIDE_BY_SIDE)
        try:
            looks = threads.map(lambda node: self._at_node(node, pace), nodes)
            for done, seen in enumerate(looks, 1):
                self.seen.add(seen)
                self._progress("nodes", done, len(nodes))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # whoever pressed Ctrl-C waits for no node

    def _at_node(self, node: Node, pace: Pace) -> Seen:
        step = f"node {node.name}"
        kept = self._notebook.known(step)
        if kept is not None:
            return _seen_of(kept)
        seen, clock, parts = Seen(), self._clock, self._parts
        if Part.RELEASE in parts:
            look_at_release(node, seen, clock, self._public)
        if Part.FILES in parts:
            look_at_files(node, seen, clock, pace)
        if Part.FACES in parts:
            look_at_faces(node, seen, clock, is_publisher=node == self._cluster.publisher)
        if Part.CERTIFICATES in parts and (web := self._web(node, "platform", "certificates by REST")) is not None:
            with closing(web):
                if node == self._cluster.publisher:
                    look_at_replication(web, node.name, seen)
                look_at_certificates(web, node.name, seen, clock)
        if Part.SERVICES in parts and (web := self._web(node, "axl", "services")) is not None:
            with closing(web):
                look_at_services(web, node.name, seen, clock)
        if not seen.not_seen or all(each.what.startswith("TLS ") for each in seen.not_seen):
            self._notebook.keep(step, lambda: _plain_seen(seen))  # a port where nothing listens is an answer
        return seen

    def at_database(self) -> None:
        """Look at what the publisher's database has: the cluster, then the phones."""
        wanted = self._parts & {Part.DATABASE, Part.PHONES}
        publisher = self._cluster.publisher
        web = self._web(publisher, "axl", "AXL") if wanted else None
        if web is None:
            return
        self._progress("database", 0, 0)
        with closing(web):
            axl = Axl(web, self._release, self._clock)
            database = Database(axl, self._clock, f"https://{web.where}/axl/")
            try:
                database.learn_columns(self.seen)
                self._columns = database.columns
            except MixedModeError as error:
                self.seen.missing("AXL", publisher.name, error)
                return
            if Part.DATABASE in wanted:
                self._once("database", lambda seen: look_at_database(database, axl, seen))
            if Part.PHONES in wanted:
                phones_of_database(database, self.book)

    @property
    def _release(self) -> str:
        """The publisher's, empty if it is not known."""
        publisher = self._cluster.publisher
        return next((each.version for each in self.seen.nodes if each.name == publisher.name), "")

    def at_phones(self, pool: Callable[[], Executor]) -> None:
        """Look at phones: RIS, pages, traces."""
        publisher, book = self._cluster.publisher, self.book
        if not book.names:
            return
        web = self._web(publisher, "axl", "registrations") if Part.REGISTRATIONS in self._parts else None
        page = None
        if Part.PAGES in self._parts:
            port = self._cluster.phones.port if self._cluster.phones is not None else 0
            page = PageReader(book, port, self._served(), self._opener, self._clock)
        threads = pool()
        try:
            ris = None if web is None else Ris(web, self._clock, self._one_setting)
            look_at_phones(book, ris, page, threads, self._clock)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            if web is not None:
                web.close()
        unknown = any(not book.newest(name, "itl") and not book.newest(name, "ctl") for name in book.names)
        if Part.TRACES in self._parts and unknown:
            for number, node in enumerate(self._cluster.nodes, 1):
                self._at_traces(node)
                self._progress("traces", number, len(self._cluster.nodes))

    def at_settings(self) -> None:
        """Look at what the cluster is set to do with phones, and what TVS vouches for: what is left of it by now."""
        while self._one_setting():
            pass
        if Part.PHONES in self._parts and lacks_web_access(self.seen):
            for _ in self._asked_settings(self._of_some):
                pass
        add_models(self.book, self.seen.models)

    def _one_setting(self) -> bool:
        """Ask for one more of the settings; return whether there was any."""
        return next(self._settings, self) is None

    def _asked_settings(self, ask: Callable[[Axl, Database], Iterator[None]]) -> Iterator[None]:
        """Ask for settings, and yield behind each request or few; they can wait, so RIS is asked in between."""
        if not self._parts & {Part.DATABASE, Part.PHONES} or any(each.what == "AXL" for each in self.seen.not_seen):
            return
        web = self._web(self._cluster.publisher, "axl", "AXL")
        if web is None:
            return
        self._progress("settings", 0, 0)
        with closing(web):
            axl = Axl(web, self._release, self._clock)
            database = Database(axl, self._clock, f"https://{web.where}/axl/", self._columns, is_patient=False)
            try:
                yield from ask(axl, database)
            except MixedModeError as error:
                self.seen.missing("settings", "", f"AXL answers no more: {reason(error)}")

    def at_counters(self) -> None:
        """Look at what each node counts of secure phones."""
        for node in self._cluster.nodes if Part.COUNTERS in self._parts else ():
            web = self._web(node, "axl", "counters")
            if web is None:
                return
            with closing(web):
                look_at_counters(web, node.name, self.seen, self._clock)

    def _of_everything(self, axl: Axl, database: Database) -> Iterator[None]:
        if Part.DATABASE in self._parts:
            self._once("provisioning", lambda seen: look_at_provisioning(database, axl, seen))
            yield
            self._once("vouching", lambda seen: look_at_vouching(database, axl, self.seen.certificates, seen))
            yield
        if Part.PHONES in self._parts:
            yield from settings_of_phones(database, self.book, self.seen.profiles)

    def _of_some(self, axl: Axl, database: Database) -> Iterator[None]:
        web_access_of_some(database, axl, self.book)
        yield

    def _at_traces(self, node: Node) -> None:
        step = f"traces {node.name}"
        kept = self._notebook.known(step)
        if kept is None:
            web = self._web(node, "axl", "traces")
            if web is None:
                return
            with closing(web):
                found = look_at_traces(web, node.name, self.seen, self._clock)
            kept = [
                phone_plain(PhoneSeen(name, {key: (value,) for key, value in values.items()}))
                for name, values in found.items()
            ]
            self._notebook.keep(step, lambda: kept)
        known = set(self.book.names)
        for phone in map(phone_of, kept):
            if phone.name in known:
                self.book.add(phone.name, {key: values[0] for key, values in phone.values.items()})

    def _once(self, step: str, look: Callable[[Seen], None]) -> None:
        """Look, unless that is done; keep it if nothing was missing."""
        kept = self._notebook.known(step)
        if kept is not None:
            self.seen.add(_seen_of(kept))
            return
        seen = Seen()
        look(seen)
        self.seen.add(seen)
        if not seen.not_seen:
            self._notebook.keep(step, lambda: _plain_seen(seen))

    def _web(self, node: Node, login: str, what: str) -> Web | None:
        """Return a connection for who logs in, None and a note if nobody does."""
        who = self._logins[login]
        if not isinstance(who, Credentials):
            with self.book.lock:
                if not any(each.what == what for each in self.seen.not_seen):
                    self.seen.missing(what, "", f"[{login}]: {who}")
            return None
        trust = self._trust[login]
        return self._opener(Place.CLUSTER, node.address, node.ports["web"], trust=trust, names=(node.name,), login=who)

    def _served(self) -> frozenset[str]:
        """Return the hashes of the lists that nodes serve, and what stands for none."""
        found = {"none"} if not any(each.name == "CTLFile.tlv" and each.data for each in self.seen.files) else set()
        for each in self.seen.files:
            if each.data is not None and each.name.endswith(".tlv"):
                found.add(hashlib.sha1(each.data, usedforsecurity=False).hexdigest())
                found.add(hashlib.md5(each.data, usedforsecurity=False).hexdigest())
        return frozenset(found)


def _told_once(nodes: list[NodeSeen]) -> list[NodeSeen]:
    """Return each node once: as it was asked, with the release as whoever knows it best says it."""
    found: dict[str, NodeSeen] = {}
    for node in nodes:
        first = found.setdefault(node.name.lower(), node)
        if len(node.version) > len(first.version):
            found[node.name.lower()] = replace(first, version=node.version)
    return list(found.values())


def _plain_seen(seen: Seen) -> dict[str, Any]:
    lists: dict[str, Any] = {name: [plain(each) for each in getattr(seen, name)] for name in LISTS}
    return {**lists, "replication_ok": seen.replication_ok}


def _seen_of(document: dict[str, Any]) -> Seen:
    seen = Seen(replication_ok=document["replication_ok"])
    for name, kind in LISTS.items():
        getattr(seen, name).extend(value_of(kind, each) for each in document.get(name, ()))
    return seen
