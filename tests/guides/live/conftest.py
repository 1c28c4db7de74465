"""One lab for all guided runs from outside: its own loop, its real SSH, TFTP and HTTP, and a person at a script."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from mixedmode.faces.shell.talk import InputEndedError, ScriptedIO
from mixedmode.guides.live.book import Book
from mixedmode.guides.live.follow import ByInventory
from mixedmode.guides.live.kept import Kept, RunFile
from mixedmode.guides.live.seeing.looking import Looker, Waits
from mixedmode.guides.live.sessions import Sessions
from mixedmode.guides.live.transcript import Transcript, WrittenIO
from mixedmode.guides.live.walk import LiveWalk
from mixedmode.live.cluster_file import ClusterFile, read_cluster_file
from mixedmode.live.shell.login import SshAccount
from mixedmode.live.shell.prompt import Patience
from mixedmode.pki.certificates.profiles import KeyKind, generate_key
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.guided.run import Person
from mixedmode.rehearsal.hands import TokenHands
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.pki.material import key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

T = TypeVar("T")
QUICK = Patience(settle=0.03, quiet=2.0, login=60.0)
MODELS = ("7975", "8861", "7940")


class LabFromOutside:
    """A lab, and what its people do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.lab = Lab(folder / "lab", LabSpec(nodes=2, models=MODELS), make_key=_made())
        self.wait(self.lab.start())
        self.restart_phones()
        self.file = folder / "cluster.guide.json"
        self.log = folder / "cluster.guide.log"
        self.inventory = folder / "phones.csv"
        self.hands = TokenHands(self.lab, lambda _line: None)
        self._prompts: dict[str, Any] = {}
        self._used: dict[str, float] = {}
        self.said: list[str] = []

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the lab's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def stop(self) -> None:
        """End it."""
        self.wait(self.sessions().close())
        self.wait(self.lab.phones.leave())
        self.wait(self.lab.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def cluster(self) -> ClusterFile:
        """As ``CLUSTER.toml`` has it."""
        return read_cluster_file(self.lab.directory / "cluster.toml")

    @property
    def publisher(self) -> str:
        """Its name."""
        return self.lab.cluster.publisher.name

    def restart_phones(self) -> None:
        """Restart every phone."""
        self.wait(self.lab.phones.boot_all(self.lab.phone_server))

    def _phone(self, name: str) -> Any:
        found = self.lab.phones.find(name)
        assert found is not None
        return found.phone

    def collect(self) -> Path:
        """Write what the phones hold."""
        rows = ["name,model,ctl,itl"]
        for name in self.lab.phones.names:
            trust = self._phone(name).state.trust
            held = [getattr(trust, kind) for kind in ("ctl", "itl")]
            model = self._phone(name).model.name
            rows.append(",".join([name, model, *("none" if each is None else each.sha1 for each in held)]))
        self.inventory.write_text("\n".join(rows) + "\n")
        return self.inventory

    def account(self, node: str, **changes: Any) -> SshAccount:
        """Return the administrator's login."""
        found, login = next(each for each in self.cluster.nodes if each.name == node), self.cluster.ssh
        assert login is not None
        assert login.known_hosts is not None
        words = {"password": login.password(), **changes}
        return SshAccount(found.address, found.ports["ssh"], login.user, login.known_hosts, **words)

    def sessions(self, made: type[Sessions] = Sessions, **changes: Any) -> Sessions:
        """Return the prompts."""
        prompts = made(lambda node: self.account(node, **changes), Transcript(self.log, _now), QUICK)
        if not changes:
            # Every login hashes a password, which takes its time on purpose: the visits share their prompts.
            prompts._open, prompts._used = self._prompts, self._used
        return prompts

    def book(self, procedure: str, who: str = "anna") -> Book:
        """Return the run."""
        nodes = tuple(each.name for each in self.lab.cluster.nodes())
        return Book(RunFile(self.file), PROCEDURES[procedure], nodes, Person(who, "console"), _now)

    def kept(self) -> Kept:
        """Return the run as its file has it."""
        kept = RunFile(self.file).read()
        assert kept is not None
        return kept

    def walk(
        self, procedure: str, answers: Sequence[str | Callable[[], str]], *, sessions: Sessions | None = None,
        inventory: bool = False, who: str = "anna", cluster: ClusterFile | None = None,
    ) -> tuple[bool | None, str]:  # fmt: skip
        """Go through a run with scripted answers; return whether it ended (None: the input did), and all that was said.

        An answer may be something that the person does before giving it.
        """
        io = _Person(answers)

        async def go() -> bool | None:
            prompts = sessions or self.sessions()
            looker = Looker(cluster or self.cluster, prompts, _now, Waits(http=5.0, tftp=0.1, tries=1))
            follow = ByInventory(self.inventory) if inventory else None
            walk = LiveWalk(
                WrittenIO(io, Transcript(self.log, _now)), self.book(procedure, who), looker, prompts,
                inventory=self.inventory if inventory else None, follow=follow,
            )  # fmt: skip
            try:
                return await walk.run()
            except InputEndedError:
                return None

        self.last = io.lines
        return self.wait(go()), "\n".join(io.lines)


class _Person(ScriptedIO):
    def __init__(self, answers: Sequence[str | Callable[[], str]]) -> None:
        super().__init__(())
        self._todo = list(answers)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        if prompt.startswith("What shall be typed?"):
            # The node asks once more where a phone may be lost, which depends on what it has seen of phones by now.
            self.lines.append(f"{prompt}y")
            return "y"
        if not self._todo:
            self.lines.append(prompt)
            raise InputEndedError("there is no more input")
        answer = self._todo.pop(0)
        text = answer if isinstance(answer, str) else await asyncio.to_thread(answer)
        self.lines.append(f"{prompt}{text}")
        return text


def _made() -> Callable[[KeyKind], PrivateKey]:
    """Return what takes RSA keys that were made before: making them costs more than all else here."""
    numbers = count(40)
    return lambda kind: key(kind, next(numbers)) if kind is KeyKind.RSA_2048 else generate_key(kind)


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabFromOutside]:
    """The lab; started when it is first needed."""
    lab = LabFromOutside(tmp_path_factory.mktemp("outside"))
    try:
        yield lab
    finally:
        lab.stop()
