"""``mixedmode guide PROCEDURE --cluster CLUSTER.toml``: a procedure on a cluster from outside, over SSH."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mixedmode.guides.live.book import Book
    from mixedmode.guides.live.canary import LiveCanary
    from mixedmode.guides.live.follow import Follow
    from mixedmode.live.cluster_file import ClusterFile
    from mixedmode.live.observed import PhoneSeen
    from mixedmode.live.shell.login import SshAccount
    from mixedmode.procedures.definition import Procedure


_FOLLOW_SECONDS = 30.0
"""Between two looks at all phones: RIS bears few questions a minute (live-cluster.md 2.4)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks of a guided run from outside.

    Attributes:
        cluster: ``CLUSTER.toml``.
        procedure: Its name, None for that of the run that is open.
        inventory: Of the phones.
        state: The run's file; by default beside ``CLUSTER.toml``.
        transcript: Its transcript; by default beside the run's file.
        canary_within: Seconds that canaries have; None resets all phones at once.
        dry_run: Show the plan, log in nowhere, type nothing.
        status: Say how far the run is.
        stop: Stop it where it is.
        json: Print the status as JSON.
    """

    cluster: Path
    procedure: str | None = None
    inventory: Path | None = None
    state: Path | None = None
    transcript: Path | None = None
    canary_within: float | None = None
    dry_run: bool = False
    status: bool = False
    stop: bool = False
    json: bool = False

    @property
    def run_file(self) -> Path:
        """Where the run is kept."""
        return self.state or self.cluster.with_name(f"{self.cluster.stem}.guide.json")

    @property
    def written(self) -> Path:
        """Where the transcript is."""
        return self.transcript or self.run_file.with_suffix(".log")


def guide_live(asked: Asked) -> None:
    """Do what was asked.

    Raises:
        MixedModeError: It cannot be done.
    """
    from mixedmode.guides.live.kept import RunFile
    from mixedmode.live.cluster_file import read_cluster_file

    cluster = read_cluster_file(asked.cluster)
    if asked.dry_run:
        if asked.procedure is None:
            raise UsageError("name a procedure", next_step="mixedmode guide --list")
        interrupts.run(_dry(asked, cluster, _procedure(asked.procedure)))
        return
    if asked.status:
        _status(_book(asked, cluster), as_json=asked.json)
        return
    with RunFile(asked.run_file).held() as alone:
        book = _book(asked, cluster)
        if asked.stop:
            book.stop(alone=alone)
            print_lines([f"the run is {book.run.state.value}; the cluster stays as the last step left it"])
        else:
            interrupts.run(_walk(asked, cluster, book))


def _procedure(name: str) -> Procedure:
    from mixedmode.procedures.catalogue import PROCEDURES
    from mixedmode.procedures.names import GUIDED

    if name not in GUIDED:
        raise UsageError(f"there is no guided procedure {name!r}", next_step=f"one of: {', '.join(GUIDED)}")
    return PROCEDURES[name]


def _nodes(cluster: ClusterFile) -> tuple[str, ...]:
    publisher = cluster.publisher
    return (publisher.name, *(node.name for node in cluster.nodes if node is not publisher))


def _book(asked: Asked, cluster: ClusterFile) -> Book:
    """Return the run that is open, or an empty book for a new one."""
    from mixedmode.guides.live.book import OPEN, Book
    from mixedmode.guides.live.kept import RunFile
    from mixedmode.procedures.guided.run import Person

    file = RunFile(asked.run_file)
    kept = file.read()
    name = asked.procedure
    if kept is not None and (kept.run.state in OPEN or name is None):
        if name not in {None, kept.run.procedure}:
            raise CheckFailedError(
                f"the run of {kept.run.procedure} is open",
                where=str(file.path),
                next_step="end it (the same command with that name), or stop it (--stop)",
            )
        name = kept.run.procedure
    if name is None:
        raise UsageError("name a procedure: none is open", where=str(file.path), next_step="mixedmode guide --list")
    who = Person(_user(), "console")
    return Book(file, _procedure(name), _nodes(cluster), who, lambda: datetime.now(UTC))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


async def _dry(asked: Asked, cluster: ClusterFile, procedure: Procedure) -> None:
    from mixedmode.guides.live.planning.plan import plan_of
    from mixedmode.guides.live.seeing.looking import Looker
    from mixedmode.guides.live.words import plan_text

    seen = await Looker(cluster, None, lambda: datetime.now(UTC)).look()
    plan = plan_of(procedure, seen, asked.inventory)
    print_lines(plan_text(procedure, _nodes(cluster)[0], plan.judged, plan.asked, plan.forecast))
    print_lines(["", "Dry run: lists were fetched; nobody logged in, and nothing was typed."])
    if plan.broken is not None:
        raise CheckFailedError(
            f"it could not begin: not so: {plan.broken.what}",
            why=plan.broken.detail or None,
            next_step="put that right first",
        )


async def _walk(asked: Asked, cluster: ClusterFile, book: Book) -> None:
    from mixedmode.app.commands.cluster.guide_ends import stays_as_it_is
    from mixedmode.faces.terminal.terminal_io import TerminalIO
    from mixedmode.guides.live.seeing.looking import Looker
    from mixedmode.guides.live.sessions import Sessions
    from mixedmode.guides.live.transcript import Transcript, WrittenIO
    from mixedmode.guides.live.walk import LiveWalk

    transcript = Transcript(asked.written, book.now)
    transcript.note(f"== mixedmode guide {book.procedure.name}, {book.who.name}, {book.nodes[0]}")
    accounts = _Accounts(cluster, transcript.hide)
    sessions = Sessions(accounts.of, transcript)
    walk = LiveWalk(
        WrittenIO(TerminalIO(), transcript),
        book,
        Looker(cluster, sessions, book.now),
        sessions,
        inventory=asked.inventory,
        follow=_follow(asked, cluster),
        canary=_canary(asked, cluster),
    )
    again = f"mixedmode guide {book.procedure.name} --cluster {asked.cluster}"
    try:
        with stays_as_it_is(again, left=lambda: transcript.note("-- interrupted")):
            await walk.run()
    finally:
        await sessions.close()
        say(f"transcript: {asked.written}")


def _follow(asked: Asked, cluster: ClusterFile) -> Follow | None:
    """Return what follows the phones: the cluster's interfaces where there is a login, else an inventory."""
    from mixedmode.guides.live.follow import ByInventory, ByLooking
    from mixedmode.guides.live.phones_seen import follower

    if cluster.axl is not None:
        return ByLooking(follower(cluster), seconds=_FOLLOW_SECONDS)
    return None if asked.inventory is None else ByInventory(asked.inventory)


def _canary(asked: Asked, cluster: ClusterFile) -> LiveCanary | None:
    from mixedmode.guides.live.canary import LiveCanary
    from mixedmode.guides.live.phones_seen import look_at, pages_of

    if asked.canary_within is None:
        return None
    if cluster.axl is None:
        raise UsageError(
            "canaries need to be looked at", where=str(cluster.path), next_step="write [axl], user and password_file"
        )

    async def phones() -> Sequence[PhoneSeen]:
        return (await look_at(cluster)).phones

    async def pages(phones: Sequence[PhoneSeen]) -> Sequence[PhoneSeen]:
        return await pages_of(cluster, phones)

    return LiveCanary(phones, pages, within=asked.canary_within)


class _Accounts:
    """Who logs in to the nodes; a password that no file and no environment has is asked for once."""

    def __init__(self, cluster: ClusterFile, hide: Callable[[str], None]) -> None:
        self._cluster, self._hide = cluster, hide
        self._password: str | None = None

    def of(self, node: str) -> SshAccount:
        """Return who logs in to a node.

        Raises:
            UsageError: ``CLUSTER.toml`` names nobody, or the password file cannot be read.
        """
        from mixedmode.live.shell.login import SshAccount

        login = self._cluster.ssh
        if login is None or not login.user:
            raise UsageError(
                "nobody is named who logs in", where=str(self._cluster.path), next_step='write [ssh], user = "..."'
            )
        found = next(each for each in self._cluster.nodes if each.name == node)
        if self._password is None and login.key_file is None:
            self._password = login.password() or _from_keyring(login.user, node) or _asked_for(login.user, node)
            self._hide(self._password)
        known = login.known_hosts or Path("~/.ssh/known_hosts").expanduser()
        return SshAccount(found.address, found.ports["ssh"], login.user, known, self._password, login.key_file)


def _from_keyring(user: str, node: str) -> str | None:
    """Return what the system's keyring has for ``mixedmode`` and ``USER@NODE``, if that library is installed."""
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    try:
        found = keyring.get_password("mixedmode", f"{user}@{node}")
    except Exception:  # noqa: BLE001 - a keyring that is locked or broken is no reason not to ask
        return None
    return str(found) if found else None


def _asked_for(user: str, node: str) -> str:
    from mixedmode.faces.terminal.secret_files import ask_secret

    return ask_secret(
        f"Password of {user} at {node}: ",
        missing="no password is known, and nobody can be asked",
        next_step="name a password_file under [ssh], or set MIXEDMODE_SSH_PASSWORD",
    )


def _status(book: Book, *, as_json: bool) -> None:
    from mixedmode.app.commands.cluster.guide_ends import step_lines
    from mixedmode.procedures.guided.document import document_of

    run = book.run
    if as_json:
        document = document_of(run)
        for step, each in zip(book.steps, document["steps"], strict=True):
            each["what"] = step.what
            each.pop("attempt")
        current = None if run.current is None else run.current + 1
        kept = {name: value for name, value in document.items() if name not in {"before", "choices"}}
        print_json({"current": current, "typed": bool(book.kept.typed), **kept})
        return
    print_lines([f"{book.procedure.title}: {run.state.value}, {run.over} of {len(book.steps)} steps are over"])
    print_lines(step_lines(book.steps, run))
